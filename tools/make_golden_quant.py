#!/usr/bin/env python3
"""Records what the `gguf` package makes of random blocks of every weight format, and PyTorch of F8: tests/golden/quant.json.
Needs: pip install numpy gguf torch.   Run: tools/make_golden_quant.py > tests/golden/quant.json"""
import json
from importlib.metadata import version
import numpy as np
import torch
from gguf import GGMLQuantizationType as T, GGML_QUANT_SIZES
from gguf.quants import dequantize

rng = np.random.default_rng(7)
halves = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0],
          "IQ3_XXS": [0], "IQ3_S": [0], "IQ1_S": [0], "IQ1_M": [], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [], "Q1_0": [0],
          "Q2_0": [0], "PQ2_0": [0]}


def by_table(name, raw):
    """Of the two that the package has not (0.19): ggml-common.h as shared/reference/coverage.md section 3 has it."""
    blocks = raw.reshape(-1, SIZES[name][1])
    d = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    if name == "Q1_0":
        return d * (2 * np.unpackbits(blocks[:, 2:], axis=1, bitorder="little").astype(np.float32) - 1)
    q = blocks[:, 2:, None] >> np.array([0, 2, 4, 6], dtype=np.uint8) & 3
    return d * (q.reshape(len(blocks), -1).astype(np.float32) - 1)


SIZES = {name: GGML_QUANT_SIZES[T[name]] for name in ("F32", "F16", "BF16", *halves) if name not in ("Q2_0", "PQ2_0")} | {
    "Q2_0": (64, 18), "PQ2_0": (128, 34)}
out = {"gguf": version("gguf"), "numpy": np.__version__, "formats": {}}
for name in ["F32", "F16", "BF16", *halves]:
    block, size = SIZES[name]
    n_blocks = 64 if block == 1 else 3
    if name in ("F32", "F16", "BF16"):
        x = rng.normal(size=n_blocks).astype(np.float32)
        raw = {"F32": x, "F16": x.astype(np.float16), "BF16": (x.view(np.uint32) >> 16).astype(np.uint16)}[name]
        raw = raw.view(np.uint8).reshape(1, -1)
    else:
        raw = rng.integers(0, 256, size=(n_blocks, size), dtype=np.uint8)
        for at in halves[name]:  # finite scales of a usual size
            raw[:, at:at + 2] = rng.normal(scale=0.01, size=n_blocks).astype(np.float16).view(np.uint8).reshape(-1, 2)
        if name == "IQ1_M":  # its half lies in the high 4 bits of four numbers
            bits = rng.normal(scale=0.01, size=n_blocks).astype(np.float16).view(np.uint16)
            for i in range(4):
                raw[:, 49 + 2 * i] = raw[:, 49 + 2 * i] & 15 | (bits >> 4 * i & 15).astype(np.uint8) << 4
        if name == "MXFP4":  # the greatest scale, whose weights are infinite, and the least, whose weights are subnormal
            raw[:, 0] = [255, 0, 2]
        if name == "NVFP4":  # subnormal, greatest, zero
            raw[0, :4] = [0, 3, 126, 127]
        raw = raw.reshape(1, -1)
    if name in ("Q1_0", "Q2_0", "PQ2_0"):
        values = by_table(name, raw).astype(np.float32).reshape(-1)
        out["formats"][name] = {"bytes": raw.tobytes().hex(), "bits": values.view(np.uint32).tolist()}
        continue
    data = raw.view({"F32": np.float32, "F16": np.float16}.get(name, np.uint8))
    values = dequantize(data, T[name]).astype(np.float32).reshape(-1)
    out["formats"][name] = {"bytes": raw.tobytes().hex(), "bits": values.view(np.uint32).tolist()}

# Of no GGUF: every byte of F8 (0x7f and 0xff of E4M3, and E5M2's NaN, have no bits to compare), and blocks of 32 with a
# float scale. torch's F8, and numpy.
for name, kind, number in (("F8_E4M3", torch.float8_e4m3fn, lambda b: b & 127 != 127),
                           ("F8_E5M2", torch.float8_e5m2, lambda b: b & 127 <= 124)):
    raw = np.array([b for b in range(256) if number(b)], dtype=np.uint8)
    out["formats"][name] = {"bytes": raw.tobytes().hex(), "bits": torch.from_numpy(raw).view(kind).float().numpy().view(np.uint32).tolist()}
for name, size in (("F8_E4M3_G32", 36), ("INT4_G32", 21), ("INT8_G32", 36), ("NVFP4_G16", 24)):
    raw = rng.integers(0, 256, size=(3, size), dtype=np.uint8)
    d = rng.normal(scale=0.01, size=(3, 2 if name == "NVFP4_G16" else 1)).astype(np.float32)
    d[2] = 1e-41  # subnormal
    raw[:, :4 * d.shape[1]] = d.view(np.uint8)
    if name == "F8_E4M3_G32":
        raw[:, 4:][raw[:, 4:] & 127 == 127] = 0
        q = torch.from_numpy(raw[:, 4:].copy()).view(torch.float8_e4m3fn).float().numpy()
    elif name == "NVFP4_G16":
        table = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], dtype=np.float32)
        q, d = table[np.concatenate((raw[:, 8:] & 15, raw[:, 8:] >> 4), 1)], d.repeat(16, 1)
    elif name == "INT8_G32":
        q = raw[:, 4:].view(np.int8).astype(np.float32)
    else:
        raw[:, 4] &= 15
        q = (np.concatenate((raw[:, 5:] & 15, raw[:, 5:] >> 4), 1).astype(int) - raw[:, 4:5]).astype(np.float32)
    out["formats"][name] = {"bytes": raw.tobytes().hex(), "bits": (d * q).reshape(-1).view(np.uint32).tolist()}
print(json.dumps(out))
