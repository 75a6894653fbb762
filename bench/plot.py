# SPDX-License-Identifier: Apache-2.0
"""Time per token of reading against length, for every method, and each method's ratio to plain RoPE."""
import json
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

METHODS = ["none", "pi:factor=4", "ntk:factor=4", "yarn:factor=4", "dynamic-ntk", "logn", "rerope",
           "leaky-rerope", "self-extend", "dca", "string", "window:window=2048", "lambda:window=2048"]
LENGTHS = ["1k", "2k", "4k", "8k", "16k"]

ropewalk, model, out = sys.argv[1:]
command = [ropewalk, "bench", "prefill", model, "--json", "--repeat", "2", "--lengths", *LENGTHS, "--methods",
           *METHODS]
rows = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["rows"]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4))
for i, method in enumerate(METHODS):
    mine = [row for row in rows if row["method"] == method]
    lengths = [row["n"] for row in mine]
    style = {"marker": "o", "markersize": 3, "linewidth": 1.2, "color": plt.get_cmap("tab20")(i)}
    left.plot(lengths, [1e3 * row["seconds"] / row["n"] for row in mine], label=method, **style)
    right.plot(lengths, [row["ratio"] for row in mine], **style)
for axes, title in ((left, "ms per token of reading"), (right, "time over plain RoPE's")):
    axes.set_xscale("log", base=2)
    axes.set_xlabel("tokens")
    axes.set_title(title, fontsize=10)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
left.legend(fontsize=7)
figure.tight_layout()
plt.rcParams["svg.hashsalt"] = "ropewalk"
figure.savefig(out, metadata={"Date": None})
for row in rows:
    print(f"| `{row['method']}` | {row['n']:,} | {row['n'] / row['seconds']:,.0f} | {row['ratio']:.3f} |")
