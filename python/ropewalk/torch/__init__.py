# SPDX-License-Identifier: Apache-2.0
"""Attention from a plan in plain PyTorch: every method of ropewalk on whatever device PyTorch has.

    plan = ropewalk.plan("rerope:window=1024", n=16384, head_dim=128, n_ctx_train=4096)
    out = ropewalk.torch.attention(q, k, v, Tables(plan))      # q, k as they are before any rotation

`ropewalk.transformers` puts it into models. Needs PyTorch 2.5 or newer. See docs/pytorch.md."""
from .attention import Placement, Run, attention, attention_of_runs
from .tables import Tables

__all__ = ["Placement", "Run", "Tables", "attention", "attention_of_runs"]
