# SPDX-License-Identifier: Apache-2.0
"""A plan as attention reads it: tables of cosines and sines, and the bounds of each row's segments by region."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ropewalk import Plan


class Tables:
    """What attention needs of a plan, for the rows and keys that the plan has.

    plan         a ropewalk.Plan
    theta        (rotary_dim / 2) frequencies in the place of the plan's, or (n_kv_heads, rotary_dim / 2) where heads differ
    rotary_gain  in the place of the plan's

    Tensors are made when they are first asked for and kept for each device, so that all layers whose plans are equal
    share one Tables. Angles are worked out in float64. Memory: 8 bytes for each pair of dims, token and region or key
    variant, so 32 MiB each for 64k tokens and head_dim 128. Not for several threads at once."""

    def __init__(self, plan: Plan, theta: ArrayLike | None = None, rotary_gain: float | None = None):
        self.row_begin, self.n_rows = int(plan.row_begin), int(plan.n_rows)
        self.theta = np.array(plan.theta if theta is None else theta, dtype=np.float64)
        self.rotary_gain = float(plan.rotary_gain if rotary_gain is None else rotary_gain)
        self.soft_cap = float(plan.soft_cap)
        self.row_scale = np.asarray(plan.row_scale)
        self.query_position = [np.array(region.query_position) for region in plan.regions]
        self.variant = [int(region.variant) for region in plan.regions]
        self.key_position = [np.array(variant.key_position) for variant in plan.variants]
        bounds = [self._bounds(plan, region) for region in range(len(self.variant))]
        self.begin, self.end = [b for b, _ in bounds], [e for _, e in bounds]
        self._made = {}

    @staticmethod
    def _bounds(plan, region):
        """Two arrays (n_slots, n_rows): keys [begin, end) that a row sees through `region`, one segment in each slot; a
        row with fewer segments has empty ones."""
        first, keys = np.asarray(plan.segment_begin), np.asarray(plan.segment_keys)
        chosen = np.flatnonzero(np.asarray(plan.segment_region) == region)
        row = np.searchsorted(first, chosen, side="right") - 1
        slot = np.arange(len(chosen)) - np.searchsorted(row, row)  # the how manieth of its row
        n_slots = int(slot.max()) + 1 if len(chosen) else 0
        begin, end = (np.zeros((n_slots, len(first) - 1), dtype=np.int64) for _ in range(2))
        begin[slot, row], end[slot, row] = keys[chosen, 0], keys[chosen, 1]
        return begin, end

    def _kept(self, name, device, dtype, make):
        key = (*name, device, dtype)
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _rotation(self, position, device, dtype):
        where = device if device.type not in ("mps", "xpu") else torch.device("cpu")  # those lack float64
        angle = torch.as_tensor(position, device=where)[:, None] * torch.as_tensor(self.theta, device=where)[..., None, :]
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)

    def query_rotation(self, region, begin, end, device, dtype):
        """cos and sin of rows [begin, end) of the text: each (end - begin, pairs), or (n_kv_heads, end - begin, pairs)."""
        made = self._kept(("query", region), device, dtype, lambda: self._rotation(self.query_position[region], device, dtype))
        return tuple(table[..., begin - self.row_begin:end - self.row_begin, :] for table in made)

    def key_rotation(self, variant, begin, end, device, dtype):
        """The same of keys [begin, end)."""
        made = self._kept(("key", variant), device, dtype, lambda: self._rotation(self.key_position[variant], device, dtype))
        return tuple(table[..., begin:end, :] for table in made)

    def scale(self, begin, end, device, dtype):
        """(end - begin, 1): the factor on the logits of each row."""
        made = self._kept(("scale",), device, dtype, lambda: torch.tensor(self.row_scale, device=device).to(dtype))
        return made[begin - self.row_begin:end - self.row_begin, None]

    def bounds(self, region, begin, end, device):
        """(n_slots, end - begin) each: keys [begin, end) that rows see through `region`."""
        made = self._kept(("bounds", region), device, None, lambda: tuple(
            torch.as_tensor(bound, device=device) for bound in (self.begin[region], self.end[region])))
        return tuple(bound[:, begin - self.row_begin:end - self.row_begin] for bound in made)

    def spans(self, begin, end):
        """{region: [(first, last), ...]}: the ranges of keys that some row of [begin, end) sees through it, merged where
        they touch. Masks are made for these alone, so a window costs what it sees."""
        rows = slice(begin - self.row_begin, end - self.row_begin)
        spans = {}
        for region, (first, last) in enumerate(zip(self.begin, self.end)):
            first, last = first[:, rows], last[:, rows]
            ranges = sorted((int(b[e > b].min()), int(e.max())) for b, e in zip(first, last) if (e > b).any())
            merged = []
            for low, high in ranges:
                if merged and low <= merged[-1][1]:
                    merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
                else:
                    merged.append((low, high))
            if merged:
                spans[region] = merged
        return spans

    def is_causal(self, begin, end):
        """Whether rows [begin, end) see just the keys [begin, row], all through one region: plain causal attention."""
        rows = slice(begin - self.row_begin, end - self.row_begin)
        used = [r for r in range(len(self.begin)) if (self.end[r][:, rows] > self.begin[r][:, rows]).any()]
        if len(used) != 1 or len(self.begin[used[0]]) != 1:
            return False
        first, last = self.begin[used[0]][0, rows], self.end[used[0]][0, rows]
        return bool((first == begin).all() and (last == np.arange(begin, end) + 1).all())

    def sees_all(self, region, begin, end, low, high):
        """Whether every row of [begin, end) sees every key of [low, high) through `region` in one segment."""
        rows = slice(begin - self.row_begin, end - self.row_begin)
        return bool(((self.begin[region][:, rows] <= low) & (self.end[region][:, rows] >= high)).any(0).all())
