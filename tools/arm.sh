#!/usr/bin/env bash
# The engine for 64-bit ARM, by Debian's cross compiler, and its tests under qemu, whose processor `max` has every
# instruction set: kernels, sessions and two families' recorded oracles on each; what every method computes, to the
# bits of x86-64 on the portable one. No timing: an emulator's speed says nothing.
#   tools/arm.sh           what ./check runs: few tests of each kind
#   tools/arm.sh --all     all tests of weights, kernels and models on each set (hours)
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup.sh
install_missing "${build_packages[@]}" "${arm_packages[@]}"
kernels=(expand linear kernel norm register_dots) models=(session transformers recorded_logits)
few="/($(IFS='|'; echo "${kernels[*]}|${models[*]}|quant|encode"))_test\.cpp$"
[ "${1:-}" != --all ] || few=
cmake --preset aarch64 -DROPEWALK_WERROR=ON -DROPEWALK_TEST_FILES="$few" >/dev/null
nice cmake --build --preset aarch64 --target test_quant test_kernels test_model

# The instructions that a set is for are there.
contains() {  # SET INSTRUCTION
  local n
  n=$(aarch64-linux-gnu-objdump -d "build/aarch64/CMakeFiles/rw_kernels.dir/src/kernels/cpu/isa_$1.cpp.o" | grep -cP "\t$2\t" || true)
  echo "$1: $n of $2"
  [ "$n" -gt 0 ] || { echo "expected $2 in isa_$1.cpp; found none" >&2; exit 1; }
}
contains neon fmla; contains neon_dotprod sdot; contains neon_i8mm smmla; contains neon_bf16 bfmmla; contains neon_bf16 bfdot

# SET PROGRAM FILTER [PROCESSOR]: a set that the processor lacks is an error, not another set; so is a filter that
# chooses nothing.
run() {
  local log
  log=$(ROPEWALK_ISA=$1 qemu-aarch64 -cpu "${4:-max}" "build/aarch64/$2" --gtest_filter="$3" 2>&1) &&
    grep -qE '\[  PASSED  \] [1-9]' <<<"$log" || { echo "$log" >&2; echo "$2 on $1: failed" >&2; exit 255; }
  echo "$2 on ${1:-the best of ${4:-max}}: $(grep -oE '[0-9]+ tests? from [0-9]+ test suites? ran' <<<"$log")"
}
export -f run
sets=(portable neon neon-dotprod neon-i8mm neon-bf16)
# A processor without the newer instructions has no such sets.
for pair in cortex-a57:neon-dotprod cortex-a76:neon-i8mm; do
  if ROPEWALK_ISA=${pair#*:} qemu-aarch64 -cpu "${pair%:*}" build/aarch64/test_kernels --gtest_filter='InstructionSet.*' >/dev/null 2>&1; then
    echo "expected no ${pair#*:} on ${pair%:*}; found that it ran" >&2; exit 1
  fi
done
{
  if [ "${1:-}" = --all ]; then
    for set in "${sets[@]}"; do printf '%s\0%s\0*\0' "$set" test_kernels "$set" test_model; done
    printf '\0test_quant\0*\0'
  else
    printf '\0test_quant\0*\0' 
    printf '\0test_kernels\0Expand.*:RegisterDots.Matrices*\0'
    for set in "${sets[@]}"; do
      printf '%s\0test_kernels\0%s\0' "$set" 'InstructionSet.*:Attention.RotatingTheRawCopy*:Attention.AnInfinite*:Registry/Formats.*/Q4_K:Registry/Formats.*/Q8_0:Norm.*'
      [ "$set" != portable ] && [ "$set" != neon-bf16 ] || printf '%s\0test_model\0RecordedLogits.*\0' "$set"
      printf '%s\0test_model\0%s\0' "$set" 'Registry/EveryMethod.IsTheSame*/rerope:Registry/EveryMethod.EqualsTheReferenceBackend/none:Tiny/Transformers.ComputesTheSameLogits/llama:Tiny/Transformers.ComputesTheSameLogits/gemma2'
    done
  fi
} | xargs -0 -n 3 -P "$(nproc)" nice bash -c 'run "$@"' run
