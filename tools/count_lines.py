#!/usr/bin/env python3
"""Lines per folder, and an error for a file over its limit: 400, kernels 600. A promise that nothing checks is not kept."""
import collections
import pathlib
import sys

LIMIT, KERNEL_LIMIT = 400, 600
EXCEPTIONS = {}  # path: reason

root = pathlib.Path(__file__).resolve().parent.parent
totals, wrong = collections.Counter(), 0
for folder in ("src", "tests", "fuzz"):
    for path in sorted((root / folder).rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        lines = len(path.read_text().splitlines())
        name = path.relative_to(root).as_posix()
        totals["/".join(name.split("/")[:2]) if folder == "src" else folder] += lines
        if lines > (KERNEL_LIMIT if name.startswith("src/kernels/") else LIMIT) and name not in EXCEPTIONS:
            print(f"{name}: {lines} lines")
            wrong += 1
for name, lines in sorted(totals.items()):
    print(f"{lines:6} {name}")
print(f"{sum(v for k, v in totals.items() if k.startswith('src')):6} src in all, {sum(totals.values())} with tests")
sys.exit(wrong > 0)
