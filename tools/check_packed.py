#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packed folders of a real model: every projection of FOLDER (float weights, one safetensors file) is rounded to nearest and packed
as GPTQ, GPTQ with act-order, AWQ, FP8, compressed-tensors (8-bit ints, NVFP4). For each:
  same      ropewalk's losses in float32 of the packed folder, and of the folder of its weights as float32: equal to the bit
  loss      of the text's second half, nats, as it is usually computed (bf16, products of 8-bit integers)
  memory    MiB of weights, as `inspect` says
Exit code: how many were not the same.
Needs: pip install numpy torch safetensors   Run: tools/check_packed.py FOLDER [--folder DIR] [KIND ...]   (1 GB in DIR for SmolLM2-135M)"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import safetensors.torch
import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZE = 64  # inputs that share a scale
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": SIZE, "sym": False}
KINDS = {"gptq": GPTQ, "gptq-act-order": {**GPTQ, "desc_act": True},
         "awq": {"quant_method": "awq", "bits": 4, "group_size": SIZE, "version": "gemm", "zero_point": True},
         "fp8": {"quant_method": "fp8", "weight_block_size": [32, 32]},
         "int-quantized": {"quant_method": "compressed-tensors", "format": "int-quantized"},
         "nvfp4-pack-quantized": {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}}
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)


def packed(numbers, axis):
    """4 bits each along an axis, from the low end of 32-bit words on."""
    x = np.moveaxis(numbers, axis, -1).astype(np.uint32)
    words = (x.reshape(*x.shape[:-1], -1, 8) << (4 * np.arange(8, dtype=np.uint32))).sum(-1, dtype=np.uint32)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(words, -1, axis)).view(np.int32))


def four_bits(w, kind):
    n_in = w.shape[1]
    group = np.arange(n_in) // SIZE
    if kind == "gptq-act-order":
        group = np.random.default_rng(1).permutation(group)
    parts = np.stack([w[:, group == g] for g in range(n_in // SIZE)], 1)  # (n_out, n_groups, SIZE)
    low, high = parts.min(-1).clip(max=0), parts.max(-1).clip(min=0)
    scale = ((high - low) / 15).astype(np.float16).astype(np.float32).clip(min=1e-6).astype(np.float16).astype(np.float32)
    zero = np.round(-low / scale).clip(0, 15).astype(int)
    q = (np.round(w / scale[:, group]) + zero[:, group]).clip(0, 15).astype(int)
    made = scale[:, group] * (q - zero[:, group]).astype(np.float32)
    scales = torch.from_numpy(scale.T.copy()).half()
    if kind == "awq":
        mixed = lambda x: packed(x.reshape(len(x), -1, 8)[:, :, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(len(x), -1), 1)
        return {"qweight": mixed(q.T), "qzeros": mixed(zero.T), "scales": scales}, made
    if kind == "gptq-act-order":  # as F16, which GPTQ's layers compute
        made = made.astype(np.float16).astype(np.float32)
    return {"qweight": packed(q.T, 0), "qzeros": packed(zero.T - 1 & 15, 1), "scales": scales,
            "g_idx": torch.from_numpy(group.astype(np.int32))}, made


def fp8(w):
    n_out, n_in = w.shape
    scale = np.abs(w).reshape(n_out // 32, 32, n_in // 32, 32).max((1, 3)) / np.float32(448)
    each = scale.repeat(32, 0).repeat(32, 1)
    q = torch.from_numpy(w / each).to(torch.float8_e4m3fn)
    return {"weight": q, "weight_scale_inv": torch.from_numpy(scale)}, q.float().numpy() * each


def int8(w):
    scale = torch.from_numpy(np.abs(w).max(1, keepdims=True) / 127).bfloat16()
    q = np.round(w / scale.float().numpy()).clip(-128, 127).astype(np.float32)
    return {"weight": torch.from_numpy(q.astype(np.int8)), "weight_scale": scale}, q * scale.float().numpy()


def nvfp4(w):
    parts, whole = w.reshape(len(w), -1, 16), np.float32(6 * 448 / np.abs(w).max())
    scale = torch.from_numpy((np.abs(parts).max(-1) / 6 * whole).clip(min=0.01)).to(torch.float8_e4m3fn)
    each = (scale.float().numpy() / whole)[..., None]
    size = np.abs(np.abs(parts / each)[..., None] - E2M1).argmin(-1)
    negative = (parts < 0) & (size > 0)
    q = (size | negative * 8).reshape(w.shape)
    made = np.where(negative, -E2M1[size], E2M1[size]) * each
    return {"weight_packed": torch.from_numpy((q[:, ::2] | q[:, 1::2] << 4).astype(np.uint8)), "weight_scale": scale,
            "weight_global_scale": torch.tensor([whole])}, made.reshape(w.shape)


def write(source, target, tensors, config):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            shutil.copy(file, target)
    safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/ropewalk-packed"))
    parser.add_argument("--binary", default=ROOT / "build/release/ropewalk")
    args = parser.parse_args()
    made, whole, failed = args.folder / "packed", args.folder / "whole", 0
    args.folder.mkdir(exist_ok=True)
    run = lambda *words: subprocess.run([args.binary, *words], capture_output=True, text=True, check=True).stdout
    text = args.folder / "text"
    text.write_text((ROOT / "data/persuasion.txt").read_text(encoding="utf-8")[5000:20000])
    ids = args.folder / "ids"
    ids.write_text(" ".join(run("tokenize", args.source, "--ids", text).split()[:256]))
    losses = lambda folder, *options: json.loads(run("logits", folder, "--tokens", ids, "--nll", *options))["nll"]
    config = json.loads((args.source / "config.json").read_text())
    stored = safetensors.torch.load_file(args.source / "model.safetensors")
    print("| folder | same | loss | memory |\n|---|---|---|---|")
    print(f"| as it is | | {np.mean(losses(args.source)[128:]):.4f} | {json.loads(run('inspect', args.source, '--json'))['tensor_bytes'] >> 20} |")
    for kind in args.kinds:
        pack = {"fp8": fp8, "int-quantized": int8, "nvfp4-pack-quantized": nvfp4}.get(kind, lambda w: four_bits(w, kind))
        tensors, floats = dict(stored), {name: tensor.float() for name, tensor in stored.items()}
        for name in [n for n in stored if n.endswith("_proj.weight")]:
            parts, values = pack(tensors.pop(name).float().numpy())
            floats[name] = torch.from_numpy(values.astype(np.float32))
            tensors |= {f"{name.removesuffix('weight')}{part}": value for part, value in parts.items()}
        write(args.source, made, tensors, {**config, "quantization_config": KINDS[kind]})
        write(args.source, whole, floats, config)
        same = losses(made, "--precision", "f32") == losses(whole, "--precision", "f32")
        failed += not same
        print(f"| {kind} | {'yes' if same else 'NO'} | {np.mean(losses(made)[128:]):.4f} | {json.loads(run('inspect', made, '--json'))['tensor_bytes'] >> 20} |", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
