# SPDX-License-Identifier: Apache-2.0
"""Attention from a plan: for each region queries and keys are turned to where the region sees them, and the regions' parts
of a row's softmax are joined.

    logit(i, j) = cap(c(i) <R(a_r(i)) q_i, R(b_v(j)) k_j>)    for keys j in a segment of row i, seen through region r

Three ways, the same numbers: one call of SDPA where the plan is plain causal attention (every frequency method); on GPUs
`flex_attention` with a block mask for each region, joined by log-sum-exp (flex.py); else SDPA, or a softmax over the regions
side by side, for some rows at a time. None holds n x n numbers, also not for the backward pass."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from .._errors import UsageError
from .tables import Tables

# Where rows are taken in chunks: so many at most, since a chunk computes all keys that one of its rows sees, and fewer where
# their logits would take more than 64 MiB in float32.
CHUNK_ROWS, CHUNK_LOGITS = 128, 1 << 24


@dataclass(frozen=True)
class Placement:
    """Where the rotated dims of a head lie. The plan's pairs are (m, m + rotary_dim / 2), from dim `offset` on; interleaved:
    (2m, 2m + 1). The weights, (head_dim) or None, multiply queries and keys behind the rotation (Hunyuan's norms)."""
    offset: int = 0
    interleaved: bool = False
    query_weight: torch.Tensor | None = None
    key_weight: torch.Tensor | None = None


@dataclass(frozen=True)
class Run:
    """Sequences of a batch that are alike: of batch items `items` the rows [query, query + n_rows) of q are the rows from
    `row` on of a text, whose keys [key, ...) stand in k from `stored` on."""
    items: tuple[int, ...]
    tables: Tables
    query: int
    n_rows: int
    row: int
    key: int
    stored: int


def rotate(x, cos, sin, place, weight=None, gain=1.0):
    """x (..., n, head_dim) with its rotated dims turned, in the dtype of the tables. cos, sin: (n, pairs), or with heads."""
    pairs = cos.shape[-1]
    x = x.to(cos.dtype)
    if pairs:
        before, part, behind = x.tensor_split((place.offset, place.offset + 2 * pairs), dim=-1)
        a, b = (part[..., 0::2], part[..., 1::2]) if place.interleaved else part.chunk(2, dim=-1)
        turned = torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
        x = torch.cat((before, turned if gain == 1 else turned * gain, behind), dim=-1)
    return x if weight is None else x * weight.to(x.dtype)


def _for_heads(table, n_heads):
    """(n, pairs) as it is; (n_kv_heads, n, pairs) for n_heads heads that share them."""
    return table if table.ndim == 2 else table.repeat_interleave(n_heads // table.shape[0], dim=0)


class _Rows:
    """Queries of one call, turned for each region, and the keys that they see, turned for each variant."""

    def __init__(self, q, k, tables, row, key, place):
        self.tables, self.row, self.key, self.n_rows = tables, row, key, q.shape[2]
        self.spans = tables.spans(row, row + self.n_rows)
        kind = q.dtype if q.dtype in (torch.float32, torch.float64) else torch.float32
        scale = tables.scale(row, row + self.n_rows, q.device, kind)
        self.queries, self.keys, self.first = {}, {}, {}
        for region in self.spans:
            cos, sin = (_for_heads(t, q.shape[1]) for t in tables.query_rotation(region, row, row + self.n_rows, q.device, kind))
            self.queries[region] = (rotate(q, cos, sin, place, place.query_weight, tables.rotary_gain) * scale).to(q.dtype)
        for variant in {tables.variant[region] for region in self.spans}:
            seen = [span for region, spans in self.spans.items() if tables.variant[region] == variant for span in spans]
            low, high = min(b for b, _ in seen), max(e for _, e in seen)
            if low < key or high > key + k.shape[2]:
                raise UsageError("attention", f"keys {low} to {high}", f"{key} to {key + k.shape[2]}",
                                 "a cache that forgets keys does not fit a method that looks at them")
            cos, sin = (_for_heads(t, k.shape[1]) for t in tables.key_rotation(variant, low, high, q.device, kind))
            self.keys[variant] = rotate(k[:, :, low - key:high - key], cos, sin, place, place.key_weight).to(q.dtype)
            self.first[variant] = low

    def keys_of(self, region, low, high):
        variant = self.tables.variant[region]
        return self.keys[variant][:, :, low - self.first[variant]:high - self.first[variant]]


def _pieces(tensor, spans, origin):
    parts = [tensor[:, :, low - origin:high - origin] for low, high in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _mask(tables, region, begin, end, spans, device):
    """(end - begin, keys of the spans): which rows see which; None where all see all."""
    if len(spans) == 1 and tables.sees_all(region, begin, end, *spans[0]):
        return None
    column = torch.cat([torch.arange(low, high, device=device) for low, high in spans])
    first, last = tables.bounds(region, begin, end, device)
    return ((column >= first[..., None]) & (column < last[..., None])).any(0)


def _sdpa(q, k, v, mask, causal=False):
    if q.shape[1] != k.shape[1]:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=1.0, enable_gqa=True)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=1.0)


def _side_by_side(queries, keys, values, masks, soft_cap, sinks):
    """One softmax over the keys of all regions: lists of q (b, h, n, d), k and v (b, h_kv, m_r, .), masks (n, m_r) or None."""
    b, h, n, _ = queries[0].shape
    shared = keys[0].shape[1]
    logits = []
    for q, k, mask in zip(queries, keys, masks):
        x = (q.reshape(b, shared, -1, q.shape[-1]) @ k.transpose(-1, -2)).view(b, h, n, -1)
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        if soft_cap:
            x = soft_cap * torch.tanh(x / soft_cap)
        logits.append(x if mask is None else x.masked_fill(~mask, float("-inf")))
    if sinks is not None:
        logits.append(sinks.to(logits[0].dtype).view(1, h, 1, 1).expand(b, h, n, 1))
    share = torch.softmax(torch.cat(logits, dim=-1), dim=-1)
    if sinks is not None:
        share = share[..., :-1]
    v = values[0] if len(values) == 1 else torch.cat(values, dim=2)
    return (share.to(v.dtype).reshape(b, shared, -1, v.shape[2]) @ v).view(b, h, n, -1)


def _chunk(rows, v, begin, end, sinks):
    """Rows [begin, end) of the text."""
    tables = rows.tables
    spans = tables.spans(begin, end)
    part = slice(begin - rows.row, end - rows.row)
    queries = [rows.queries[region][:, :, part] for region in spans]
    keys = [_pieces(rows.keys[tables.variant[region]], of, rows.first[tables.variant[region]]) for region, of in spans.items()]
    values = [_pieces(v, of, rows.key) for of in spans.values()]
    masks = [_mask(tables, region, begin, end, of, v.device) for region, of in spans.items()]
    if len(spans) == 1 and not tables.soft_cap and sinks is None:
        return _sdpa(queries[0], keys[0], values[0], masks[0])
    return _side_by_side(queries, keys, values, masks, tables.soft_cap, sinks)


def _in_chunks(rows, q, v, sinks):
    widest = max(1, sum(high - low for spans in rows.spans.values() for low, high in spans))
    step = min(CHUNK_ROWS, max(16, CHUNK_LOGITS // (q.shape[0] * q.shape[1] * widest)))
    starts = range(rows.row, rows.row + rows.n_rows, step)
    again = torch.is_grad_enabled() and len(starts) > 1  # logits and masks are worked out again in the backward pass
    made = []
    for begin in starts:
        end = min(begin + step, rows.row + rows.n_rows)
        made.append(checkpoint(_chunk, rows, v, begin, end, sinks, use_reentrant=False) if again
                    else _chunk(rows, v, begin, end, sinks))
    return made[0] if len(made) == 1 else torch.cat(made, dim=2)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, tables: Tables, *, row: int | None = None, key: int = 0,
              place: Placement = Placement(), sinks: torch.Tensor | None = None, backend: str = "auto") -> torch.Tensor:
    """Attention of rows [row, row + n_rows) of a text, as its plan says.

    q        (batch, n_heads, n_rows, head_dim), not rotated and not scaled
    k        (batch, n_kv_heads, n_keys, head_dim), not rotated: keys [key, key + n_keys) of the text. n_heads is a multiple of
             n_kv_heads
    v        (batch, n_kv_heads, n_keys, value_dim)
    row      index in the text of the first row; default: the last rows of the keys given
    sinks    (n_heads) logits that take part in each row's softmax and have no value, or None (gpt-oss)
    backend  "flex", "chunks", or "auto": flex on CUDA for 128 rows and more

    Returns (batch, n_heads, n_rows, value_dim), differentiable in q, k, v, sinks and the placement's weights. float64 is
    computed in float64; half precision turns in float32 and multiplies as PyTorch does. Errors: UsageError for a plan
    that has not these rows, or looks at keys that are not there."""
    for name, x in (("q", q), ("k", k), ("v", v)):
        if not x.is_floating_point() or x.ndim != 4 or 0 in x.shape:
            raise UsageError(name, "(batch, heads, tokens, dim) floating-point numbers", f"{tuple(x.shape)} of {x.dtype}", "see help(attention)")
    if q.shape[1] % k.shape[1] or k.shape[:3] != v.shape[:3] or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise UsageError("q, k, v", "one batch and head_dim, n_heads a multiple of n_kv_heads, keys and values alike",
                         f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}", "see help(attention)")
    n_rows = q.shape[2]
    row = key + k.shape[2] - n_rows if row is None else row
    if row < tables.row_begin or row + n_rows > tables.row_begin + tables.n_rows:
        raise UsageError("attention", f"rows {tables.row_begin} to {tables.row_begin + tables.n_rows} of the plan",
                         f"{row} to {row + n_rows}", "make the tables of the rows that are read")
    if backend not in ("auto", "flex", "chunks"):
        raise UsageError("backend", "auto, flex or chunks", repr(backend), "auto takes flex on CUDA")
    rows = _Rows(q, k, tables, row, key, place)
    plain = n_rows > 1 and row == key and not tables.soft_cap and sinks is None and tables.is_causal(row, row + n_rows)
    if plain and backend != "flex":
        (region,) = rows.spans
        return _sdpa(rows.queries[region], rows.keys_of(region, key, key + n_rows), v[:, :, :n_rows], None, causal=True)
    if backend == "flex" or (backend == "auto" and q.is_cuda and n_rows >= 128 and q.dtype != torch.float64):
        from . import flex
        return flex.attend(rows, v, sinks)
    return _in_chunks(rows, q, v, sinks)


def attention_of_runs(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, runs: Sequence[Run], *, place: Placement = Placement(),
                      sinks: torch.Tensor | None = None, backend: str = "auto") -> torch.Tensor:
    """A batch with padding: each run by itself, so padding costs nothing; rows of no run are 0.

    q (batch, n_heads, n_rows, head_dim), k and v as in attention(). Returns (batch, n_heads, n_rows, value_dim)."""
    more = {"place": place, "sinks": sinks, "backend": backend}
    if len(runs) == 1 and len(runs[0].items) == q.shape[0] and (runs[0].query, runs[0].n_rows) == (0, q.shape[2]):
        only = runs[0]
        return attention(q, k[:, :, only.stored:], v[:, :, only.stored:], only.tables, row=only.row, key=only.key, **more)
    out = q.new_zeros((*q.shape[:3], v.shape[3]))
    for run in runs:
        items, rows = list(run.items), slice(run.query, run.query + run.n_rows)
        keys = slice(run.stored, run.stored + run.row + run.n_rows - run.key)
        out[items, :, rows] = attention(q[items][:, :, rows], k[items][:, :, keys], v[items][:, :, keys], run.tables, row=run.row,
                                        key=run.key, **more)
    return out
