#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What PyTorch's AdamW and Muon make of random weights and gradients, step by step.

    tools/make_golden_optimizers.py > tests/golden/optimizers.json

Muon twice: as it is, with Newton-Schulz in bfloat16, and with the same function in float32.
"""
import inspect
import json

import torch
from torch.optim import _muon

RATES = [1e-2, 2e-2, 5e-3, 1e-3]
SHAPES = {"blk.0.attn_q.weight": (6, 10), "blk.0.ffn_up.weight": (10, 6), "blk.0.attn_k.weight": (8, 8)}


def rounded(t):
    return [float(f"{v:.9g}") for v in t.flatten().tolist()]


def run(optimizer_of, shapes):
    torch.manual_seed(5)
    weights = {name: torch.nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()}
    case = {"weights": {name: rounded(w.detach()) for name, w in weights.items()}, "shapes": shapes, "steps": []}
    optimizers = optimizer_of(weights)
    for rate in RATES:
        for w in weights.values():
            w.grad = torch.randn(w.shape) * 0.1
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        case["steps"].append({"rate": rate, "gradients": {n: rounded(w.grad) for n, w in weights.items()},
                              "weights": {n: rounded(w.detach()) for n, w in weights.items()}})
    return case


def adamw(weights):
    plain = {"betas": (0.9, 0.95), "eps": 1e-8}
    return [torch.optim.AdamW([weights["blk.0.attn_q.weight"]], weight_decay=0.1, **plain),
            torch.optim.AdamW([weights["token_embd.weight"], weights["output_norm.weight"]], weight_decay=0.0, **plain)]


def muon(weights):
    return [torch.optim.Muon(list(weights.values()), weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")]


cases = {"torch": torch.__version__,
         "adamw": run(adamw, {"blk.0.attn_q.weight": (6, 10), "token_embd.weight": (5, 3), "output_norm.weight": (7,)}),
         "muon_bf16": run(muon, SHAPES)}
source = inspect.getsource(_muon._zeropower_via_newtonschulz)
exec(source.replace("torch.bfloat16", "torch.float32"), _muon.__dict__)  # pylint: disable=exec-used
cases["muon"] = run(muon, SHAPES)
print(json.dumps(cases))
