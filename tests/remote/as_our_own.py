#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A served model against the same model here: what `ropewalk eval` says of both is the same but for names, times and memory, and
rounding of other kernels.

    tests/remote/as_our_own.py build/release/ropewalk URL MODEL TEXT [--bound 1e-4] [OPTIONS OF EVAL...]

URL: of a server that serves MODEL (vLLM: docs/judging.md, Other engines); it should compute in float32. Prints how many values were
compared and the greatest difference, relative to 1 or the value; lists what differs more, and then exits with 1."""
import argparse
import json
import subprocess
import sys

OWN = ("model", "model_id", "n_layers", "n_acting_layers", "n_vocab", "isa", "kv", "precision", "resolved", "run", "origin", "tokens_per_second",
       "to_decide", "bytes")  # what is another's or another time's


def judged(program, model, arguments):
    run = subprocess.run([program, "eval", model, "--json", *arguments], stdout=subprocess.PIPE, check=True)
    return dict(leaves(json.loads(run.stdout), ""))


def leaves(value, place):
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in OWN:
                yield from leaves(inner, f"{place}/{key}")
    else:
        yield place, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--bound", type=float, default=1e-4)
    args, more = parser.parse_known_args()
    asked = ["--text", args.text, *more]
    own = judged(args.program, args.model, ["--methods", "none", "--precision", "f32", *asked])
    trained = json.loads(subprocess.run([args.program, "inspect", args.model, "--json"], stdout=subprocess.PIPE, check=True).stdout)["n_ctx_train"]
    served = judged(args.program, args.url, ["--trained", str(trained), *asked])
    differing, greatest = [], 0.0
    for place in sorted(own.keys() | served.keys()):
        a, b = own.get(place), served.get(place)
        if isinstance(a, float) and isinstance(b, float):
            greatest = max(greatest, abs(a - b) / max(1.0, abs(a)))
            same = abs(a - b) <= args.bound * max(1.0, abs(a))
        else:
            same = a == b
        if not same:
            differing.append(f"{place}: here {a!r}, served {b!r}"[:300])
    print(f"{len(own.keys() | served.keys())} values compared; greatest difference of numbers {greatest:.1e}")
    print("\n".join(differing), end="\n" if differing else "")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
