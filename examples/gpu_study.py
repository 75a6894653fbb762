#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The studies of docs/results.md on a GPU, by transformers: the loss of the same last tokens as their context grows, for each
method, against truncation; and what each method's attention costs beside PyTorch's own.

    examples/gpu_study.py MODEL --text BOOK... --methods yarn rerope self-extend --lengths 8k 32k --out study.jsonl
    examples/gpu_study.py --time --methods none yarn rerope:window=2048 dca --lengths 4k 16k 64k

Runs on a CPU too, where it says so and is for small models. Needs: pip install 'ropewalk[transformers]'."""
import argparse
import json
import statistics
import sys
import time

import torch

import ropewalk
import ropewalk.torch


def length(text):
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


# ---- the time of attention

def seconds(work, device, repeat):
    """The median of `repeat` runs, after two that compile and warm up."""
    taken = []
    for run in range(repeat + 2):
        begin = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if run >= 2:
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def time_attention(args, device):
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    print(f"attention on {torch.cuda.get_device_name() if device.type == 'cuda' else 'the CPU'}, PyTorch {torch.__version__}, {dtype}: "
          f"{args.heads} heads, {args.kv_heads} for keys, {args.head_dim} wide; one text, forward; times over SDPA's causal\n")
    print("| method | " + " | ".join(f"{n:,}" for n in args.lengths) + " |")
    print("|---" * (len(args.lengths) + 1) + "|")
    base, tables = {}, {method: [] for method in args.methods}
    with torch.no_grad():
        for n in args.lengths:
            q, k, v = (torch.randn(1, heads, n, args.head_dim, device=device, dtype=dtype) for heads in (args.heads, args.kv_heads, args.kv_heads))
            base[n] = seconds(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True), device, args.repeat)
            for method in args.methods:
                plan = ropewalk.torch.Tables(ropewalk.plan(method, n, head_dim=args.head_dim, n_ctx_train=args.trained, n_ctx_original=args.trained))
                tables[method].append(seconds(lambda: ropewalk.torch.attention(q, k, v, plan), device, args.repeat) / base[n])
    print("| SDPA, causal, ms | " + " | ".join(f"{1000 * base[n]:.2f}" for n in args.lengths) + " |")
    for method, ratios in tables.items():
        print(f"| `{method}` | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


# ---- the loss of the same last tokens

def tail_loss(model, tokens, tail):
    with torch.no_grad():
        hidden = torch.tensor([tokens], device=model.device)
        logits = model(hidden, logits_to_keep=tail + 1).logits[0, :-1].float()
    return float(torch.nn.functional.cross_entropy(logits, hidden[0, -tail:]))


def student(freedom):
    """The 97.5 % quantile of Student's t: the mean of few texts is known less well than its spread says."""
    few = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
           2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
    return few[freedom - 1] if freedom <= len(few) else 1.96 + 2.45 / freedom  # to 0.002


def study(args, device):
    import ropewalk.transformers
    from torch_models import begin_of, load, tokens_of
    model, tokenizer = load(args.model)
    model.to(device, torch.bfloat16 if device.type == "cuda" else torch.float32).eval()
    trained = args.trained or model.config.max_position_embeddings
    longest, begin = max(args.lengths), begin_of(tokenizer)
    documents = {}
    for path in args.text:
        ids = tokens_of(tokenizer, path)
        for end in range(longest, len(ids) + 1, longest)[:args.documents] if args.documents else range(longest, len(ids) + 1, longest):
            documents[f"{path}:{end}"] = ids[end - longest:end]
    if not documents:
        raise SystemExit(f"--text: expected {longest} tokens or more; found fewer in each")
    out = open(args.out, "w", encoding="utf-8") if args.out else None
    losses = {}
    for method, reads in [("none (truncated)", {trained: args.lengths}), *((m, {n: [n] for n in args.lengths}) for m in args.methods)]:
        ropewalk.transformers.apply(model, method.split(" ")[0])
        for n, said in reads.items():
            for name, ids in documents.items():
                loss = tail_loss(model, begin + ids[len(begin) - min(n, longest):], args.tail)
                for asked in said:
                    losses.setdefault((method, asked), {})[name] = loss
                    record = {"task": "tail", "method": method, "document": name, "length": asked, "achieved": min(n, longest),
                              "n_targets": args.tail, "loss": loss, "model": args.model, "n_ctx_train": trained}
                    if out:
                        print(json.dumps(record), file=out, flush=True)
            print(f"{method}, {n} tokens: done", file=sys.stderr)
    print(f"loss of the last {args.tail} tokens of {len(documents)} texts, and its difference from truncation to {trained} (95 %)\n")
    print("| method | " + " | ".join(f"{n:,}" for n in args.lengths) + " |")
    print("|---" * (len(args.lengths) + 1) + "|")
    for method in ("none (truncated)", *args.methods):
        cells = []
        for n in args.lengths:
            mine, reference = losses[method, n], losses["none (truncated)", n]
            apart = [mine[name] - reference[name] for name in mine]
            wide = student(len(apart) - 1) * statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("nan")
            cells.append(f"{statistics.mean(mine.values()):.3f} ({statistics.mean(apart):+.3f} +- {wide:.3f})")
        print(f"| {method} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--text", nargs="+", default=[])
    parser.add_argument("--methods", nargs="+", default=["none", "yarn", "rerope", "self-extend", "dca", "lm-infinite"])
    parser.add_argument("--lengths", nargs="+", type=length, default=[4096, 16384, 65536])
    parser.add_argument("--documents", type=int, default=0, help="of each text; 0: all that it has")
    parser.add_argument("--tail", type=int, default=512)
    parser.add_argument("--trained", type=int, default=0, help="trained length; default: the model's, 4096 for --time")
    parser.add_argument("--out", help="one JSON object for each text, length and method")
    parser.add_argument("--time", action="store_true", help="the time of attention alone; no model")
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv-heads", type=int, default=8)
    parser.add_argument("--head-dim", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    if args.time:
        args.trained = args.trained or 4096
        time_attention(args, device)
    elif args.model and args.text:
        study(args, device)
    else:
        parser.error("expected MODEL and --text, or --time")


if __name__ == "__main__":
    main()
