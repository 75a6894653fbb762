#!/usr/bin/env bash
# Says which instruction sets this machine has, so that their tests are registered, and which nobody tried here.
# Usage: tools/isa_coverage.sh [ROPEWALK]
set -euo pipefail
cd "$(dirname "$0")/.."
ropewalk=${1:-build/release/ropewalk}
tokens=$(mktemp); trap 'rm -f "$tokens"' EXIT
echo 5 9 33 >"$tokens"
ran=() absent=()
for isa in portable avx2 avx512 avx512-bf16 amx-bf16; do
  if error=$(ROPEWALK_ISA=$isa "$ropewalk" logits tests/golden/tiny/llama --tokens "$tokens" 2>&1 >/dev/null); then
    ran+=("$isa")
  elif grep -q 'an instruction set of this machine' <<<"$error"; then
    absent+=("$isa")
  else
    echo "$error" >&2; exit 1
  fi
done
echo "instruction sets of this machine: ${ran[*]}"
[ ${#absent[@]} = 0 ] || echo "not run on this machine: ${absent[*]}"
