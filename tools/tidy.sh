#!/usr/bin/env bash
# clang-tidy over all of src, in the joined sources that the release preset compiles (eight of a layer in one): the headers
# are read once for eight, and all takes as long as a quarter of them did one by one.
# Everything it says goes to build/tidy.log, its own errors too. Needs a configured build/release.
set -euo pipefail
cd "$(dirname "$0")/.."
# The kernels of an instruction set have flags and includes of their own: the compiler's warnings do there. Tests and
# benchmarks are read by the compiler alone. That joined sources include sources is what they are for.
sources=$(python3 - <<'EOF'
import json
for unit in json.load(open("build/release/compile_commands.json")):
    if "/src/" in unit["file"] and "kernels/cpu/isa_" not in unit["file"] or "/Unity/" in unit["file"]:
        print(unit["file"])
EOF
)
echo "clang-tidy: $(wc -w <<<"$sources") units"
status=0
xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build/release --quiet --checks=-bugprone-suspicious-include \
  --warnings-as-errors='*' <<<"$sources" >build/tidy.log 2>&1 || status=$?
grep -E '(warning|error):' build/tidy.log | sort -u || true
[ "$status" = 0 ] || { echo "clang-tidy: expected nothing to say; ended with $status; see build/tidy.log" >&2; exit 1; }
