# SPDX-License-Identifier: Apache-2.0
"""A plan by PyTorch's flex_attention: one call for each region with a mask of blocks, joined by log-sum-exp.

    out = sum_r exp(lse_r - lse) out_r,    lse = log sum_r exp(lse_r)

Block masks come from the plan's segments directly, in n x (n / 128) time at most and (n / 128)^2 memory; no n x n mask is
ever looked at."""
from __future__ import annotations

import functools

import numpy as np
import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention

BLOCK = 128


try:  # PyTorch 2.9 and newer
    from torch.nn.attention.flex_attention import AuxRequest
except ImportError:
    AuxRequest = None


@functools.cache
def _compiled():
    return torch.compile(flex_attention)


def _with_sums(run, q, k, v, **more):
    """(out, log-sum-exp of each row's logits)."""
    if AuxRequest is None:
        return run(q, k, v, return_lse=True, **more)
    out, aux = run(q, k, v, return_aux=AuxRequest(lse=True), **more)
    return out, aux.lse


def block_lists(begin, end, first, n_keys):
    """Which blocks of 128 keys each block of 128 rows touches, and which of those it sees wholly.

    begin, end: (n_slots, n_rows) as in Tables, keys; first: the key that column 0 is. Two bool arrays (blocks of rows, blocks of
    keys)."""
    n_slots, n_rows = begin.shape
    n_q, n_k = -(-n_rows // BLOCK), -(-n_keys // BLOCK)
    block = np.broadcast_to(np.arange(n_rows) // BLOCK, (n_slots, n_rows))
    seen = end > begin

    def covering(low, high):
        """For each pair of blocks the number of rows whose [low, high), in blocks, has it."""
        counts = np.zeros((n_q, n_k + 1), dtype=np.int32)
        use = seen & (high > low)
        np.add.at(counts, (block[use], low[use]), 1)
        np.add.at(counts, (block[use], high[use]), -1)
        return counts.cumsum(1)[:, :n_k]

    low, high = begin - first, end - first
    touched = covering(low // BLOCK, -(-high // BLOCK)) > 0
    rows_in = np.minimum(BLOCK, n_rows - np.arange(n_q) * BLOCK)
    return touched, covering(-(-low // BLOCK), high // BLOCK) == rows_in[:, None]


def _ordered(blocks, device):
    """kv_num_blocks and kv_indices of flex_attention: the chosen blocks of each row of blocks first."""
    number = torch.as_tensor(blocks.sum(1), dtype=torch.int32, device=device)
    order = torch.as_tensor(np.argsort(~blocks, axis=1, kind="stable"), dtype=torch.int32, device=device)
    return number[None, None], order[None, None]


def block_mask(tables, region, row, n_rows, first, n_keys, device):
    part = slice(row - tables.row_begin, row - tables.row_begin + n_rows)
    touched, whole = block_lists(tables.begin[region][:, part], tables.end[region][:, part], first, n_keys)
    low, high = (bound.contiguous() - first for bound in tables.bounds(region, row, row + n_rows, device))

    def sees(batch, head, i, j):
        inside = (j >= low[0, i]) & (j < high[0, i])
        for slot in range(1, low.shape[0]):
            inside = inside | ((j >= low[slot, i]) & (j < high[slot, i]))
        return inside

    partial, full = _ordered(touched & ~whole, device), _ordered(whole, device)
    return BlockMask.from_kv_blocks(*partial, *full, BLOCK_SIZE=BLOCK, mask_mod=sees, seq_lengths=(n_rows, n_keys))


def attend(rows, v, sinks):
    """rows: attention._Rows; v (batch, n_kv_heads, n_keys, value_dim). As attention()."""
    tables, cap = rows.tables, rows.tables.soft_cap
    run = _compiled() if v.is_cuda else flex_attention

    def capped(logit, batch, head, i, j):
        return cap * torch.tanh(logit / cap)

    alone = len(rows.queries) == 1 and sinks is None
    outs, sums = [], []
    for region, q in rows.queries.items():
        first, last = rows.spans[region][0][0], rows.spans[region][-1][1]
        k, values = rows.keys_of(region, first, last), v[:, :, first - rows.key:last - rows.key]
        mask = block_mask(tables, region, rows.row, rows.n_rows, first, last - first, v.device)
        more = {"score_mod": capped if cap else None, "block_mask": mask, "scale": 1.0, "enable_gqa": q.shape[1] != k.shape[1]}
        if alone:
            return run(q, k, values, **more)
        out, lse = _with_sums(run, q, k, values, **more)
        outs.append(out), sums.append(lse)
    if sinks is not None:
        sums.append(sinks.to(sums[0].dtype).view(1, -1, 1).expand_as(sums[0]))
    share = torch.softmax(torch.stack(sums), dim=0)  # exp(lse_r - lse); 0 for regions that a row does not see
    return sum(torch.where(part[..., None] > 0, part[..., None] * out, 0) for part, out in zip(share, outs)).to(v.dtype)
