#!/usr/bin/env bash
# Says on which instruction sets the tests of kernels, sessions and models ran, and on which nobody tried here.
# Exit 1: this machine has one whose tests are not registered in the build folder.
#   tools/isa_coverage.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
tests=$(ctest --test-dir "$build" -N)
tokens=$(mktemp); trap 'rm -f "$tokens"' EXIT
echo 5 9 33 >"$tokens"
ran=() absent=() missing=()
for isa in portable avx2 avx2-vnni avx512 avx512-vnni avx512-bf16 amx-bf16; do
  if error=$(ROPEWALK_ISA=$isa "$build/ropewalk" logits tests/golden/tiny/llama --tokens "$tokens" 2>&1 >/dev/null); then
    ran+=("$isa")
    for name in kernels model; do
      # Of the best set, which is the last here, the test without a set in its name.
      grep -qE ": ${name}_$isa\$" <<<"$tests" || missing+=("${name}_$isa")
    done
  elif grep -q 'an instruction set of this machine' <<<"$error"; then
    absent+=("$isa")
  else
    echo "$error" >&2; exit 1
  fi
done
for name in "${missing[@]}"; do
  [ "${name#*_}" = "${ran[-1]}" ] && grep -qE ": ${name%%_*}\$" <<<"$tests" && continue
  echo "expected a test $name; found none in $build" >&2; exit 1
done
echo "instruction sets that were tested: ${ran[*]}"
[ ${#absent[@]} = 0 ] || echo "not run on this machine: ${absent[*]}"
