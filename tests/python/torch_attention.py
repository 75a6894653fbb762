# SPDX-License-Identifier: Apache-2.0
"""ropewalk.torch.attention against the definition of a plan, pair by pair, and its gradients. Run by tools/check_torch."""
import types
import unittest

import numpy as np
import torch

import ropewalk
import ropewalk.torch
from ropewalk.torch import Placement, Run, Tables, attention, attention_of_runs, flex

ways = __import__("ropewalk.torch.attention", fromlist=["attention"])  # the module, which the function hides
SPECS = ["none", "yarn:factor=4", "rerope:window=7", "leaky-rerope:window=7,factor=3", "self-extend:group=3,window=9", "dca:chunk=12",
         "lm-infinite:window=6", "streaming-llm:window=6", "window:window=5", "logn", "adagrope", "rerope:window=9+window:window=20"]
SHAPE = {"head_dim": 8, "rotary_dim": 6, "n_ctx_train": 16, "n_ctx_original": 16}


def by_definition(q, k, v, plan, sinks=None):
    """logit(i, j) one after another, as src/core/attention_plan.h has it."""
    n_heads, shared = q.shape[1], q.shape[1] // k.shape[1]
    theta, pairs = torch.tensor(np.array(plan.theta)), len(plan.theta)

    def turned(x, position):
        cos, sin = torch.cos(position * theta), torch.sin(position * theta)
        a, b, rest = x[..., :pairs], x[..., pairs:2 * pairs], x[..., 2 * pairs:]
        return a * cos - b * sin, b * cos + a * sin, rest

    rows = []
    for row in range(q.shape[2]):
        logits, seen = [], []
        for s in range(plan.segment_begin[row], plan.segment_begin[row + 1]):
            region = plan.regions[plan.segment_region[s]]
            a, b, rest = turned(q[:, :, row], float(region.query_position[row]))
            at_row = torch.cat((a * plan.rotary_gain, b * plan.rotary_gain, rest), -1) * float(plan.row_scale[row])
            for j in range(*plan.segment_keys[s]):
                key = torch.cat(turned(k[:, :, j], float(plan.variants[region.variant].key_position[j])), -1)
                logits.append((at_row * key.repeat_interleave(shared, 1)).sum(-1)), seen.append(j)
        logits = torch.stack(logits, -1)
        if plan.soft_cap:
            logits = plan.soft_cap * torch.tanh(logits / plan.soft_cap)
        if sinks is not None:
            logits = torch.cat((logits, sinks.view(1, n_heads, 1).expand(len(q), n_heads, 1)), -1)
        share = logits.softmax(-1)[..., :len(seen), None]
        rows.append((share * v[:, :, seen].repeat_interleave(shared, 1)).sum(-2))
    return torch.stack(rows, 2)


def inputs(n, dtype=torch.float64, grad=False, seed=0):
    make = torch.Generator().manual_seed(seed)
    return [torch.randn(2, heads, n, dim, dtype=dtype, generator=make).requires_grad_(grad) for heads, dim in ((4, 8), (2, 8), (2, 10))]


class Attention(unittest.TestCase):
    def setUp(self):
        self.addCleanup(setattr, ways, "CHUNK_LOGITS", ways.CHUNK_LOGITS)

    def close(self, a, b, bound):
        self.assertLess(float((a - b).detach().abs().max()), bound)

    def test_is_the_definition_whole_and_in_chunks(self):
        sinks = torch.randn(4, dtype=torch.float64)
        for spec in SPECS:
            for more in ({}, {"soft_cap": 2.0}):
                for sink in (None, sinks):
                    with self.subTest(spec=spec, **more, sinks=sink is not None):
                        plan = ropewalk.plan(spec, 40, **SHAPE, **more)
                        q, k, v = inputs(40)
                        expected, tables = by_definition(q, k, v, plan, sink), Tables(plan)
                        ways.CHUNK_LOGITS = 1 << 24
                        self.close(attention(q, k, v, tables, sinks=sink), expected, 1e-6)
                        ways.CHUNK_LOGITS = 1  # 16 rows at a time
                        self.close(attention(q, k, v, tables, sinks=sink), expected, 1e-6)
                        self.close(attention(q[:, :, 33:], k, v, tables, sinks=sink), expected[:, :, 33:], 1e-6)  # with a cache

    def test_flex_is_the_definition(self):
        """On a CPU not compiled; several blocks of 128 rows and keys, not a whole number of them."""
        sinks = torch.randn(4)
        for spec in SPECS:
            with self.subTest(spec=spec), torch.no_grad():
                plan = ropewalk.plan(spec, 300, **SHAPE, soft_cap=3.0 if spec == "logn" else 0.0)
                q, k, v = inputs(300, torch.float32)
                sink = sinks if spec.startswith("rerope") else None
                expected = attention(q.double(), k.double(), v.double(), Tables(plan), sinks=sink)
                self.close(attention(q, k, v, Tables(plan), sinks=sink, backend="flex"), expected, 1e-5)
                self.close(attention(q[:, :, 150:], k, v, Tables(plan), sinks=sink, backend="flex"), expected[:, :, 150:], 1e-5)

    def test_block_lists_are_those_of_the_mask(self):
        for spec in SPECS:
            tables = Tables(ropewalk.plan(spec, 700, **SHAPE))
            for begin, end in zip(tables.begin, tables.end):
                column = np.arange(704)
                mask = ((column >= begin[..., None]) & (column < end[..., None])).any(0)
                touched, whole = flex.block_lists(begin, end, 0, 704)
                blocks = [[mask[i:i + 128, j:j + 128] for j in range(0, 704, 128)] for i in range(0, 700, 128)]
                np.testing.assert_array_equal(touched, [[b.any() for b in row] for row in blocks])
                np.testing.assert_array_equal(whole[:, :5], [[b.all() for b in row[:5]] for row in blocks])
                self.assertFalse(whole[:, 5].any())  # a block that is not full is never taken as seen wholly

    def test_gradients(self):
        """Finite differences of the definition, whole and in chunks that are computed again."""
        weight = torch.rand(8, dtype=torch.float64) + 0.5
        for spec in SPECS:
            for chunk in (1 << 24, 1):
                ways.CHUNK_LOGITS = chunk
                plan = ropewalk.plan(spec, 24, **SHAPE)
                q, k, v = (x[:1].detach().requires_grad_() for x in inputs(24))
                sinks = torch.randn(4, dtype=torch.float64, requires_grad=True)
                place = Placement(2, True, weight, weight)
                with self.subTest(spec=spec, chunk=chunk):
                    self.assertTrue(torch.autograd.gradcheck(
                        lambda *x: attention(*x[:3], Tables(plan), sinks=x[3], place=place), (q, k, v, sinks), fast_mode=True))
                    self.assertTrue(torch.autograd.gradcheck(
                        lambda *x: attention(*x, Tables(plan)), (q, k, v), fast_mode=True))

    def test_gradients_through_the_join_of_regions(self):
        """flex_attention has no backward pass on a CPU: a dense stand-in takes its place, so that what is joined here is tried."""
        def dense(q, k, v, score_mod, block_mask, scale, enable_gqa, **wanted):
            logits = q @ k.repeat_interleave(q.shape[1] // k.shape[1], 1).transpose(-1, -2) * scale
            sees = block_mask.mask_mod(0, 0, torch.arange(q.shape[2])[:, None], torch.arange(k.shape[2])[None])
            logits = (logits if score_mod is None else score_mod(logits, 0, 0, 0, 0)).masked_fill(~sees, -1e30)
            out = torch.where(sees.any(1)[:, None], logits.softmax(-1) @ v.repeat_interleave(q.shape[1] // v.shape[1], 1), 0)
            lse = logits.logsumexp(-1)
            return (out, types.SimpleNamespace(lse=lse) if "return_aux" in wanted else lse) if wanted else out

        self.addCleanup(setattr, flex, "flex_attention", flex.flex_attention)
        flex.flex_attention = dense
        for spec in SPECS:
            plan = ropewalk.plan(spec, 30, **SHAPE, soft_cap=2.0)
            q, k, v = inputs(30, grad=True)
            sinks = torch.randn(4, dtype=torch.float64, requires_grad=True)
            ways_of = [attention(q, k, v, Tables(plan), sinks=sinks, backend=backend) for backend in ("flex", "chunks")]
            with self.subTest(spec=spec):
                self.close(*ways_of, 1e-12)
                for a, b in zip(*(torch.autograd.grad(out.square().sum(), (q, k, v, sinks)) for out in ways_of)):
                    self.close(a, b, 1e-11)

    def test_padding_costs_nothing_and_changes_nothing(self):
        q, k, v = inputs(40, torch.float64, grad=True)
        plans = {n: Tables(ropewalk.plan("rerope:window=7+logn", n, **SHAPE)) for n in (40, 29)}
        runs = [Run((0,), plans[40], 0, 40, 0, 0, 0), Run((1,), plans[29], 11, 29, 0, 0, 11)]  # the second is padded by 11
        out = attention_of_runs(q, k, v, runs)
        alone = attention(q[1:, :, 11:], k[1:, :, 11:], v[1:, :, 11:], plans[29])
        self.close(out[:1], attention(q[:1], k[:1], v[:1], plans[40]), 1e-12)
        self.close(out[1:, :, 11:], alone, 1e-12)
        self.assertEqual(float(out[1, :, :11].detach().abs().max()), 0)
        for x, y in zip(torch.autograd.grad(out[1:].square().sum(), (q, k, v)), torch.autograd.grad(alone.square().sum(), (q, k, v))):
            self.close(x, y, 1e-12)

    def test_interleaved_pairs_behind_others(self):
        q, k, v = inputs(20)
        plan = ropewalk.plan("rerope:window=5", 20, **SHAPE)
        order = [2, 4, 6, 3, 5, 7, 0, 1]  # the last six dims in pairs (2, 3), (4, 5), (6, 7), as the plan's halves
        self.close(attention(q, k, v, Tables(plan), place=Placement(2, True)),
                   attention(q[..., order], k[..., order], v, Tables(plan)), 1e-12)

    def test_heads_with_frequencies_of_their_own(self):
        q, k, v = inputs(20)
        plan = ropewalk.plan("none", 20, **SHAPE)
        other = ropewalk.plan("base:value=500", 20, **SHAPE)
        both = attention(q, k, v, Tables(plan, np.stack((plan.theta, other.theta))))
        self.close(both[:, :2], attention(q[:, :2], k[:, :1], v[:, :1], Tables(plan)), 1e-12)
        self.close(both[:, 2:], attention(q[:, 2:], k[:, 1:], v[:, 1:], Tables(other)), 1e-12)

    def test_no_square_of_the_length(self):
        """Of 4096 rows and four heads the logits are 256 MiB; a pass there and back holds chunks of them, as autograd counts."""
        n, kept = 4096, {}
        ways.CHUNK_LOGITS = 1 << 20
        plan = Tables(ropewalk.plan("rerope:window=64", n, head_dim=8, n_ctx_train=128))
        q, k, v = (torch.randn(1, h, n, 8, requires_grad=True) for h in (4, 2, 2))
        with torch.autograd.graph.saved_tensors_hooks(
                lambda x: kept.update({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes()}) or x, lambda x: x):
            out = attention(q, k, v, plan)
        self.assertLess(sum(kept.values()), 20 << 20)
        out.sum().backward()
        self.assertTrue(torch.isfinite(q.grad).all())

    def test_refusals(self):
        q, k, v = inputs(20)
        tables = Tables(ropewalk.plan("none", 20, **SHAPE))
        with self.assertRaisesRegex(ValueError, "rows"):
            attention(q, k, v, tables, row=5)
        with self.assertRaisesRegex(ValueError, "keys 0 to 20"):
            attention(q[:, :, 10:], k[:, :, 4:], v[:, :, 4:], tables, row=10, key=4)
        for wrong in ((q.int(), k, v), (q, k[:, :, :0], v[:, :, :0]), (q[:, :3], k[:, :2], v[:, :2]), (q, k[..., :4], v), (q, k, v[:, :, :5])):
            with self.assertRaises(ropewalk.UsageError):
                attention(*wrong, tables)
        with self.assertRaisesRegex(ValueError, "backend"):
            attention(q, k, v, tables, backend="none")


if __name__ == "__main__":
    unittest.main()
