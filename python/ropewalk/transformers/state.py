# SPDX-License-Identifier: Apache-2.0
"""What a changed model remembers: the method, each layer's numbers, and the request that is being computed."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import ropewalk

from ropewalk.torch import Placement, Run, Tables, attention_of_runs

from .auto import choose
from .families import Unsupported


@dataclass(frozen=True)
class Sequence:
    """Items of a batch with tokens in the same columns: [begin, end) of `columns` have tokens, the others are padding."""
    items: tuple
    begin: int
    end: int
    n: int         # tokens that the request will have
    n_prompt: int  # tokens of it that were given


@dataclass
class Request:
    n_columns: int  # read so far, with those of this call
    sequences: list


class Layer:
    """A layer's numbers (the arguments of ropewalk.plan) and where its heads hold the rotated dims."""

    def __init__(self, index, context, module, family):
        self.index, self.context, self.module, self.family = index, context, module, family

    def placement(self):
        weights = [getattr(self.module, name).weight for name in self.family.norms_behind
                   if getattr(self.module, name, None) is not None]
        offset = self.context["head_dim"] - self.context["rotary_dim"] if self.family.last else 0
        return Placement(offset, self.family.interleaved, *weights)


def _alike(numbers):
    """What layers have in common that a method treats alike, unless it goes by layer."""
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in numbers.items()
                 if key not in ("layer", "kv_head"))


def _frequencies(spec, n, numbers):
    """The plan of one row: for its theta and gain at length n."""
    return ropewalk.plan(spec, n, rows=(0, 1), **numbers)


class State:
    def __init__(self, model_name, layers, spec, length, tuned, backend):
        self.name, self.layers = model_name, layers
        self.spec, self.length, self.tuned, self.backend = spec, length, tuned, backend
        self.new_tokens = None   # while generate() runs: how many it may write
        self.lengths = None      # and each item's (n, n_prompt), fixed when it begins
        self.outer_mask = None   # the mask that a model around the text model was given
        self.request = None
        self.undo = None         # takes the change back
        self._tables, self._differing = {}, {}

    def __deepcopy__(self, memo):
        raise Unsupported("copy.deepcopy", "a model without a method", f"one under {self.spec}", "copy it before apply(), or remove() first")

    def __getstate__(self):
        raise Unsupported("pickle", "a model without a method", f"one under {self.spec}", "save_pretrained() saves its weights")

    # ---- the request

    def begin(self, mask, n_items, n_rows, n_seen):
        """A call of the text model: `mask` (n_items, n_columns) on the host, 0 for padding, or None."""
        n_columns = n_seen + n_rows
        spans = [(0, n_columns)] * n_items if mask is None else [self._span(row, n_columns) for row in mask]
        if self.new_tokens is not None and self.lengths is None:
            self.lengths = [(end - begin + self.new_tokens, end - begin) for begin, end in spans]
        if self.lengths is not None and len(self.lengths) != n_items:
            raise Unsupported("generate", f"a batch of {len(self.lengths)} all along", f"{n_items} items")
        groups = {}
        for item, (begin, end) in enumerate(spans):
            real = end - begin
            n, n_prompt = self.lengths[item] if self.lengths is not None else (self.length or real, self.length or real)
            if self.layers[0].context["bidirectional"]:  # what is there is the text
                n = n_prompt = real
            groups.setdefault((begin, end, max(n, real), n_prompt), []).append(item)
        self.request = Request(n_columns, [Sequence(tuple(items), *key) for key, items in groups.items()])
        wanted = {(s.n, s.n_prompt) for s in self.request.sequences}
        self._tables = {key: made for key, made in self._tables.items() if key[0] in wanted}

    @staticmethod
    def _span(row, n_columns):
        """Columns of a sequence's tokens: all between the first and the last 1."""
        if len(row) < n_columns:
            raise Unsupported("attention_mask", f"{n_columns} columns: tokens read, and new", str(len(row)),
                              "give it for the tokens read and the new ones")
        used = np.flatnonzero(row[:n_columns])
        if len(used) == 0:
            return 0, 0
        begin, end = int(used[0]), int(used[-1]) + 1
        if end - begin != len(used):
            raise Unsupported("attention_mask", "padding before or behind a text", "padding inside one",
                              "pad on the left for generate(); where a text itself holds the pad token give "
                              "attention_mask=torch.ones_like(input_ids)")
        return begin, end

    # ---- plans

    def check(self):
        """Errors: ValueError for a spec that does not exist, or does not fit a layer."""
        longest = max(layer.context["n_ctx_train"] for layer in self.layers)
        for layer in self.layers:
            ropewalk.plan(self.spec_for(longest + 1), longest + 1, rows=(0, 1), **layer.context)

    def spec_for(self, n):
        return choose(self.spec, n, self.layers, self.tuned)

    def tables(self, layer, sequence):
        """One for all layers that are alike under the request's method."""
        spec = self.spec_for(sequence.n)
        numbers = layer.context
        alike = _alike(numbers)
        by_layer, by_head, grows = self._differs(spec)
        # A method that grows has at each token the frequencies of the tokens read so far, the prompt's at least.
        at = max(sequence.n_prompt, sequence.end - sequence.begin) if grows else sequence.n
        key = ((sequence.n, sequence.n_prompt), spec, alike, layer.index if by_layer else None, at)
        if key not in self._tables:
            heads = range(numbers["n_kv_heads"]) if by_head else [0]
            plans = [_frequencies(spec, at, {**numbers, "kv_head": head}) for head in heads]
            theta = np.stack([plan.theta for plan in plans]) if by_head else plans[0].theta
            self._tables[key] = Tables(ropewalk.plan(spec, sequence.n, **numbers), theta, plans[0].rotary_gain)
        return self._tables[key]

    def _differs(self, spec):
        """Whether a spec's frequencies differ by layers that are else alike, by heads, and whether they grow with each token. Looked
        up beyond the trained length, where every method does something."""
        if spec not in self._differing:
            by_layer = by_head = grows = False
            first = {}
            for layer in self.layers:
                n = 2 * layer.context["n_ctx_train"] + 1
                heads = [_frequencies(spec, n, {**layer.context, "kv_head": head}) for head in range(layer.context["n_kv_heads"])]
                grows = grows or heads[0].grows
                by_head = by_head or any(not np.array_equal(plan.theta, heads[0].theta) for plan in heads)
                theta = np.stack([plan.theta for plan in heads])
                by_layer = by_layer or not np.array_equal(theta, first.setdefault(_alike(layer.context), theta))
            self._differing[spec] = by_layer, by_head, grows
        return self._differing[spec]

    # ---- attention

    def each(self, layer, x, change):
        """x (batch, heads, n, dim) with change(part, tables) in the place of each sequence's part; an encoder's text."""
        out = torch.zeros_like(x)
        for s in self.request.sequences:
            items = list(s.items)
            out[items, :, s.begin:s.end] = change(x[items][:, :, s.begin:s.end], self.tables(layer, s))
        return out

    def attend(self, layer, query, key, value, sinks=None):
        """query (batch, heads, rows, head_dim), key and value (batch, key heads, cached, .) -> (batch, heads, rows, value_dim)."""
        request = self.request
        n_before = request.n_columns - query.shape[2]  # Gemma 4's last layers compute the last rows of a prompt alone
        stored = key.shape[2]
        first = max(0, request.n_columns - stored)  # a cache with a window has forgotten the columns before
        if stored > request.n_columns:  # room for later ones
            key, value = key[:, :, :request.n_columns], value[:, :, :request.n_columns]
        runs = []
        for s in request.sequences:
            begin, end = max(n_before, s.begin), min(request.n_columns, s.end)
            if begin < end:
                low = max(first, s.begin)
                runs.append(Run(s.items, self.tables(layer, s), begin - n_before, end - begin, begin - s.begin, low - s.begin,
                                low - first))
        if not runs:
            return query.new_zeros((*query.shape[:3], value.shape[3]))
        return attention_of_runs(query, key, value, runs, place=layer.placement(), sinks=sinks, backend=self.backend)
