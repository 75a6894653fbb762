# SPDX-License-Identifier: Apache-2.0
"""ropewalk, llama.cpp and PyTorch by turns on the same lengths; the fastest of the repeats counts."""
import argparse
import json
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def ropewalk(args, what, n, *more):
    command = [args.ropewalk, "bench", what, args.model, "--lengths", str(n), "--repeat", "1", "--json",
               "-t", str(args.threads), *more]
    row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["rows"]
    return row[-1]["seconds"] / (row[-1]["n_timed"] if what == "decode" else 1)


def measure_ropewalk(args, n, kv):
    new = str(args.n_predict)
    result = {"prefill": ropewalk(args, "prefill", n, "--kv", kv),
              "decode": ropewalk(args, "decode", n, "--kv", kv, "-n", new)}
    if kv == "bf16":
        result["first"] = ropewalk(args, "load", 16)
    return result


def measure_peer(args, name, n, new=None):
    command = [sys.executable, f"{HERE}/peer.py", name, args.model, str(n),
               str(args.n_predict if new is None else new), str(args.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{name} at {n}: exit {done.returncode}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {}
    return json.loads(done.stdout.strip().splitlines()[-1])


def fastest(old, new):
    return {key: min(old.get(key, 1e30), value) for key, value in {**old, **new}.items()} if new else old


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        name = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def print_table(args, results):
    print(f"{machine()}; {args.threads} threads; {os.path.basename(args.model)}\n")
    print(f"| length | what | ropewalk | q8 cache | {args.llama} | PyTorch bf16 | over llama.cpp | q8 | over PyTorch |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n, peers in results.items():
        for what, unit in (("prefill", "tokens/s"), ("decode", "tokens/s"), ("first", "ms to first token")):
            seconds = [peers.get(p, {}).get(what) for p in ("ropewalk", "ropewalk q8", args.llama, "pytorch")]
            if seconds[0] is None or (what == "first" and n != list(results)[0]):
                continue
            scale = (lambda s: 1e3 * s) if what == "first" else (lambda s: (n if what == "prefill" else 1) / s)
            cells = ["" if s is None else f"{scale(s):,.1f}" for s in seconds]
            ratios = ["" if a is None or b is None else f"{b / a:.2f}"
                      for a, b in ((seconds[0], seconds[2]), (seconds[1], seconds[2]), (seconds[0], seconds[3]))]
            print(f"| {n:,} | {what}, {unit} | " + " | ".join(cells + ratios) + " |")


def train(args):
    """Steps of training, ropewalk and PyTorch by turns: all weights, then low-rank pairs."""
    print(f"{machine()}; {args.threads} threads; {os.path.basename(args.model)}; float32, 4,096 tokens a step\n")
    print("| length | what learns | ropewalk, tokens/s | PyTorch | over PyTorch |")
    print("|---|---|---|---|---|")
    for n in args.lengths:
        for rank in (0, 16):
            ours, peer = {}, {}
            for repeat in range(args.repeat):
                print(f"length {n}, rank {rank}, run {repeat + 1} of {args.repeat}", file=sys.stderr)
                seconds = ropewalk(args, "step", n, "--rank", str(rank))
                ours = fastest(ours, {"step": seconds / max(n, 4096 // n * n)})
                peer = fastest(peer, measure_peer(args, "pytorch step", n, rank))
            cells = [f"{1 / each['step']:,.0f}" if each else "" for each in (ours, peer)]
            ratio = f"{peer['step'] / ours['step']:.2f}" if peer else ""
            print(f"| {n:,} | {'pairs of rank 16' if rank else 'all'} | {cells[0]} | {cells[1]} | {ratio} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ropewalk")
    parser.add_argument("model")
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048, 8192])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--n-predict", type=int, default=32)
    parser.add_argument("--longest-pytorch", type=int, default=8192, help="PyTorch is left out beyond")
    parser.add_argument("--prebuilt", action="store_true",
                        help="llama.cpp as a wheel has it, for AVX2 (xllamacpp), in place of one compiled here")
    parser.add_argument("--train", action="store_true", help="steps of training, beside PyTorch")
    parser.add_argument("--out", help="seconds as JSON")
    args = parser.parse_args()
    if args.train:
        return train(args)
    args.llama = "llama.cpp, prebuilt" if args.prebuilt else "llama.cpp"
    results = {n: {} for n in args.lengths}
    for n, peers in results.items():
        for repeat in range(args.repeat):
            print(f"length {n}, run {repeat + 1} of {args.repeat}", file=sys.stderr)
            for name in ("ropewalk", "ropewalk q8", args.llama, "pytorch"):
                if name == "pytorch" and n > args.longest_pytorch:
                    continue
                new = (measure_ropewalk(args, n, "q8" if name.endswith("q8") else "bf16")
                       if name.startswith("ropewalk") else measure_peer(args, name, n))
                peers[name] = fastest(peers.get(name, {}), new)
    print_table(args, results)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            json.dump({"machine": machine(), "threads": args.threads, "seconds": results}, out, indent=1)


main()
