#!/usr/bin/env python3
"""Lower layers never include higher ones. Reads every #include "layer/..." under src/."""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "core": {"core", "ropewalk"},  # ropewalk: what the library shows (include/)
    "methods": {"core", "methods"},
    "quant": {"core", "quant"},
    "formats": {"core", "quant", "formats"},
    "tokenizer": {"core", "quant", "formats", "tokenizer"},
    "chat": {"core", "quant", "formats", "tokenizer", "chat"},
    "kernels": {"core", "quant", "kernels"},
    "documents": {"core", "documents"},
    "mpi": {"core", "mpi"},
    "metrics": {"core", "metrics"},
    "results": {"core", "metrics", "results"},
    "report": {"core", "results", "report"},
    "model": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model"},
    "train": {"core", "quant", "formats", "tokenizer", "methods", "kernels", "model", "train"},
    "serving": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "serving"},
    "judge": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "metrics", "results", "judge"},
    "remote": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "metrics", "results", "judge", "remote"},
    "evaluation": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "metrics", "results", "judge", "report", "evaluation"},
    "server": {"core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "metrics", "results", "judge", "serving", "server"},
    "face": {"ropewalk", "core", "quant", "formats", "tokenizer", "chat", "methods", "kernels", "model", "metrics", "results", "judge", "report", "evaluation", "face"},
}

source = pathlib.Path(__file__).resolve().parent.parent / "src"
wrong = 0
for path in sorted(source.rglob("*")):
    layer = path.relative_to(source).parts[0]
    if path.suffix not in (".h", ".cpp") or layer == "cli":
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#include "(([a-z_]+)/[^"]*)"', line)
        if match and match[2] not in MAY_INCLUDE[layer]:
            print(f"{path.relative_to(source.parent)}:{number}: layer {layer} must not include {match[1]}")
            wrong += 1
print(f"layers: {wrong} wrong includes")
sys.exit(wrong > 0)
