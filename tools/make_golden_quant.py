#!/usr/bin/env python3
"""Records what the `gguf` package makes of random blocks of every weight format: tests/golden/quant.json.
Needs: pip install numpy gguf.   Run: tools/make_golden_quant.py > tests/golden/quant.json"""
import json
from importlib.metadata import version
import numpy as np
from gguf import GGMLQuantizationType as T, GGML_QUANT_SIZES
from gguf.quants import dequantize

rng = np.random.default_rng(7)
halves = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0]}
out = {"gguf": version("gguf"), "numpy": np.__version__, "formats": {}}
for name in ["F32", "F16", "BF16", *halves]:
    block, size = GGML_QUANT_SIZES[T[name]]
    n_blocks = 64 if block == 1 else 3
    if name in ("F32", "F16", "BF16"):
        x = rng.normal(size=n_blocks).astype(np.float32)
        raw = {"F32": x, "F16": x.astype(np.float16), "BF16": (x.view(np.uint32) >> 16).astype(np.uint16)}[name]
        raw = raw.view(np.uint8).reshape(1, -1)
    else:
        raw = rng.integers(0, 256, size=(n_blocks, size), dtype=np.uint8)
        for at in halves[name]:  # finite scales of a usual size
            raw[:, at:at + 2] = rng.normal(scale=0.01, size=n_blocks).astype(np.float16).view(np.uint8).reshape(-1, 2)
        raw = raw.reshape(1, -1)
    data = raw.view({"F32": np.float32, "F16": np.float16}.get(name, np.uint8))
    values = dequantize(data, T[name]).astype(np.float32).reshape(-1)
    out["formats"][name] = {"bytes": raw.tobytes().hex(), "bits": values.view(np.uint32).tolist()}
print(json.dumps(out))
