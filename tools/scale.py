#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One context over N ranks, on paper: operations, bytes and seconds of reading n tokens, by the rules of
src/kernels/context_parallel.cpp. Nothing overlaps: what is sent is waited for.

    tools/scale.py MODEL --tokens 64k --ranks 1 2 4 8 [--flops 300e9] [--bandwidth 1.2e9] [--latency 30e-6] [--chunk 1024]

MODEL: one of those below, or LAYERS,D_MODEL,HEADS,KV_HEADS,HEAD_DIM,D_FF. --flops: of a rank, reached; --bandwidth: bytes/s
that a rank receives; --latency: seconds of a message.
"""
import argparse

MODELS = {"short-256": (4, 192, 3, 3, 64, 512), "smollm2-135m": (30, 576, 9, 3, 64, 1536),
          "llama-3-8b": (32, 4096, 32, 8, 128, 14336), "llama-3-70b": (80, 8192, 64, 8, 128, 28672)}
UNIT, LEAST_ROWS, FLOP_PER_BYTE = 1024, 16, 256  # KeyShare::kUnit, kLeastRows, ContextParallelOptions


def number(text):
    scale = {"k": 1 << 10, "m": 1 << 20}.get(text[-1].lower(), 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


def most_held(n, ranks):
    """Keys of the rank that holds most."""
    return n // (UNIT * ranks) * UNIT + min(n % (UNIT * ranks), UNIT)


def reading(shape, n, ranks, chunk):
    """Of the busiest rank: operations, bytes received, messages; and which way passes went."""
    layers, d_model, heads, kv_heads, dim, d_ff = shape
    flop = sent = messages = ring = passes = 0
    for before in range(0, n, chunk):
        rows = min(chunk, n - before)
        keys, others = before + rows, (ranks - 1) / ranks
        qkv, pairs = (heads + 2 * kv_heads) * dim, (most_held(keys, ranks) + most_held(before, ranks)) / 2 * rows
        shared = rows >= LEAST_ROWS * ranks and ranks > 1
        for n_in, n_out, per_row in ((d_model, qkv, 2 * d_model * qkv), (heads * dim, d_model, 2 * heads * dim * d_model),
                                     (d_model, d_model, 6 * d_model * d_ff)):
            here = shared and per_row >= FLOP_PER_BYTE * 4 * n_out
            flop += rows * per_row / (ranks if here else 1)
            if here:
                sent, messages = sent + others * rows * n_out * 4, messages + (3 if n_out == qkv else 1)
        flop += 4 * heads * dim * pairs
        passes += 1
        if ranks == 1:
            continue
        parts, stored = rows * heads * (dim + 17) * 4, keys * kv_heads * 2 * dim * 2
        if not shared:
            sent, messages = sent + parts * (ranks - 1), messages + 1
            continue
        ring += stored < parts
        sent += others * (min(parts, stored) + rows * heads * dim * 4)
        messages += 2 if parts <= stored else 2 * (ranks - 1) + 1
    return flop * layers, sent * layers, messages * layers, ring / passes


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--tokens", default="64k")
    options.add_argument("--ranks", nargs="+", type=int, default=[1, 2, 4, 8])
    options.add_argument("--flops", type=float, default=300e9)
    options.add_argument("--bandwidth", type=float, default=1.2e9)
    options.add_argument("--latency", type=float, default=30e-6)
    options.add_argument("--chunk", type=number, default=1024)
    o = options.parse_args()
    shape = MODELS.get(o.model) or tuple(int(x) for x in o.model.split(","))
    n = number(o.tokens)
    alone = reading(shape, n, 1, o.chunk)[0] / o.flops
    stored = shape[0] * shape[3] * shape[4] * 2 * 2
    print(f"{o.model}, {n} tokens in passes of {o.chunk}; a rank: {o.flops / 1e9:g} GFLOP/s, {o.bandwidth / 1e9:g} GB/s, "
          f"{o.latency * 1e6:g} us")
    print(f"{'ranks':>5} {'cache MB':>9} {'GB received':>11} {'compute s':>10} {'sent s':>8} {'all s':>10} {'speed-up':>8} "
          f"{'efficiency':>10} {'ring':>5}")
    for ranks in o.ranks:
        flop, sent, messages, ring = reading(shape, n, ranks, o.chunk)
        compute, wait = flop / o.flops, sent / o.bandwidth + messages * o.latency
        print(f"{ranks:>5} {most_held(n, ranks) * stored / 1e6:>9.1f} {sent / 1e9:>11.2f} {compute:>10.1f} {wait:>8.1f} "
              f"{compute + wait:>10.1f} {alone / (compute + wait):>8.2f} {alone / (compute + wait) / ranks:>10.2f} "
              f"{ring:>5.0%}")


if __name__ == "__main__":
    main()
