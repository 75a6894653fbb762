#!/usr/bin/env python3
"""Records how the `gguf` package stores float32 as F16, BF16 and Q8_0: tests/golden/encode.json.
Needs: pip install numpy gguf.   Run: tools/make_golden_encode.py > tests/golden/encode.json"""
import json
from importlib.metadata import version
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import quantize

rng = np.random.default_rng(17)
blocks = [rng.normal(scale=s, size=32) for s in (1, 0.02, 1e-3, 1e-6, 3e-8, 100, 9e3, 1e-34)]
blocks += [np.zeros(32), np.arange(32) - 16, np.r_[127, np.arange(31) + 0.5], np.r_[-127, -np.arange(31) - 0.5]]  # ties of Q8_0
ties = np.arange(32, dtype=np.float32) * 2.0**-25  # between subnormal halves
blocks += [ties, 1 + np.arange(32) * 2.0**-11, 1 + np.arange(32) * 2.0**-8, -1 - np.arange(32) * 2.0**-9 / 1.0]
blocks += [np.r_[65504, 65519, -65519.9, 6.1e-5, 6.097e-5, 6.104e-5, np.full(26, 1e-7)]]
x = np.concatenate(blocks).astype(np.float32)
out = {"gguf": version("gguf"), "numpy": np.__version__, "bits": x.view(np.uint32).tolist(), "formats": {}}
for name in ("F16", "BF16", "Q8_0"):
    out["formats"][name] = quantize(x.reshape(1, -1), T[name]).tobytes().hex()
print(json.dumps(out))
