#!/usr/bin/env python3
"""Lines per folder, and an error for a file over its limit: 400, kernels 600; and for a way through the code, as README's
reading order names it, of more than 1,500. A promise that nothing checks is not kept."""
import collections
import pathlib
import re
import sys

LIMIT, KERNEL_LIMIT, READER_LIMIT = 400, 600, 1500
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
order = (root / "README.md").read_text().split("## Reading order")[1].split("lines at most")[0]
read = [root / "src" / name.removeprefix("src/") for name in re.findall(r"`([a-z0-9_/]+\.(?:h|cpp))`", order)]
to_read = sum(len(path.read_text().splitlines()) for path in read)
if len(read) < 5 or to_read > READER_LIMIT:
    print(f"README.md, reading order: {to_read} lines in {len(read)} files, more than {READER_LIMIT}")
    wrong += 1
for name, lines in sorted(totals.items()):
    print(f"{lines:6} {name}")
print(f"{sum(v for k, v in totals.items() if k.startswith('src')):6} src in all, {sum(totals.values())} with tests")
sys.exit(wrong > 0)
