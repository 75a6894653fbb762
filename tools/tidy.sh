#!/usr/bin/env bash
# clang-tidy over the sources that a change touches: those changed since BASE, and those that include a header that was.
#   tools/tidy.sh            BASE: the last commit that is a day older than the newest; all sources where there is none
#   tools/tidy.sh --all
# Everything it says goes to build/tidy.log, its own errors too. build/tidy is configured only: there each source is
# compiled by itself (build/release joins them), which is what compile_commands.json must list.
set -euo pipefail
cd "$(dirname "$0")/.."
base=
if [ "${1:-}" != --all ]; then
  newest=$(git log -1 --format=%ct)
  base=${1:-$(git rev-list -1 --before="$((newest - 86400))" HEAD)}
fi
# The kernels of an instruction set have flags and includes of their own: the compiler's warnings do there.
sources=$(git ls-files 'src/*.cpp' | grep -v kernels/cpu/isa_)
if [ -n "$base" ]; then
  changed=$({ git diff --name-only "$base"; git ls-files -o --exclude-standard; } | grep '^src/' || true)
  headers=$(grep '\.h$' <<<"$changed" | sed 's#^src/##' || true)
  sources=$(for source in $sources; do
    if grep -qxF "$source" <<<"$changed"; then echo "$source"; continue; fi
    for header in $headers; do
      if grep -qF "#include \"$header\"" "$source"; then echo "$source"; break; fi
    done
  done)
fi
# Written in the large change of 2026-11-26 and not read by clang-tidy yet: this list only ever gets shorter.
unread=tools/tidy_unread.txt
if [ -s "$unread" ] && [ "${1:-}" != --all ]; then
  echo "clang-tidy: $(wc -l <"$unread") sources of $unread are not read; tools/tidy.sh --all reads them too"
  sources=$(grep -vxFf "$unread" <<<"$sources" || true)
fi
count=$(wc -w <<<"$sources")
echo "clang-tidy: $count sources${base:+ touched since ${base:0:10}}"
[ "$count" -gt 0 ] || exit 0
cmake --preset release -B build/tidy -DCMAKE_UNITY_BUILD=OFF >/dev/null
status=0
xargs -P "$(nproc)" -n 2 clang-tidy-14 -p build/tidy --quiet --warnings-as-errors='*' <<<"$sources" \
  >build/tidy.log 2>&1 || status=$?
grep -E '(warning|error):' build/tidy.log | sort -u || true
[ "$status" = 0 ] || { echo "clang-tidy: expected nothing to say; ended with $status; see build/tidy.log" >&2; exit 1; }
