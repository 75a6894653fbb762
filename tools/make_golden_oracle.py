#!/usr/bin/env python3
"""Records logits and losses of the oracle (../shared/oracle/model.py: slow, plain numpy, written from the
definitions) on SmolLM2 for every kind of method, with small windows so that every region is used.
Needs: pip install numpy gguf.
Run:   tools/make_golden_oracle.py [--oracle DIR] > tests/golden/oracle_smollm2.json"""
import argparse
import json
import sys
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--oracle", default="../shared/oracle")
parser.add_argument("--model", default="models/SmolLM2-135M-Instruct.Q4_1.gguf")
args = parser.parse_args()
sys.path.insert(0, args.oracle)
from model import Model  # noqa: E402

# 320 token ids of data/persuasion.txt, and the spelling of each case here and in the oracle.
TOKENS = [int(t) for t in open("tests/golden/oracle_tokens.txt").read().split()]
CASES = [
    ("none", "none", {}), ("pi:factor=4", "pi", dict(factor=4)), ("ntk:factor=4", "ntk", dict(factor=4)),
    ("ntk-by-parts:factor=4,trained=32", "ntk-by-parts", dict(factor=4, trained=32)),
    ("dynamic-ntk:factor=2,trained=32", "dynamic-ntk", dict(factor=2, trained=32)),
    ("yarn:factor=4,trained=32", "yarn", dict(factor=4, trained=32)),
    ("llama3:factor=8,trained=32", "llama3", dict(factor=8, trained=32)),
    ("rerope:window=13", "rerope", dict(window=13)),
    ("leaky-rerope:window=13,factor=4", "leaky-rerope", dict(window=13, factor=4)),
    ("self-extend:window=12,group=4", "self-extend", dict(window=12, group=4)),
    ("dca:chunk=24,local=8", "dual-chunk", dict(chunk=24, local=8)),
    ("window:window=48", "window", dict(window=48)), ("lambda:sink=3,window=13", "lambda", dict(sink=3, window=13)),
    ("streaming-llm:sink=3,window=29", "sinks", dict(sink=3, window=29)),
    ("lm-infinite:sink=3,window=29", "lm-infinite", dict(sink=3, window=29)),
    ("logn:trained=32", "none", dict(log_n=32)), ("rerope:window=13+logn:trained=32", "rerope", dict(window=13, log_n=32)),
    ("yarn:factor=4,trained=32+logn:trained=16", "yarn", dict(factor=4, trained=32, log_n=16)),
]
model = Model(args.model)
out = {"tokens": TOKENS, "numpy": np.__version__, "cases": []}
for spec, name, p in CASES:
    logits = model.logits(TOKENS, name, p)
    z = logits[:-1].astype(np.float64)
    z = np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1)
    nll = [round(float(z[t] - logits[t, TOKENS[t + 1]]), 6) for t in range(len(TOKENS) - 1)]
    rows = {r: [round(float(v), 5) for v in logits[r, ::997]] for r in (10, 40, 200)}
    rows[len(TOKENS) - 1] = [round(float(v), 5) for v in logits[-1, ::997]]
    out["cases"].append({"spec": spec, "nll": nll, "stride": 997, "rows": rows})
    print(spec, np.mean(nll), file=sys.stderr)
print(json.dumps(out))
