#!/usr/bin/env bash
# What threads share, under ThreadSanitizer: all tests of core, and those of kernels and sessions in which the number of
# threads, or who computes what, changes.
set -euo pipefail
# Clang 14's sanitizers do not know the wider address layouts of newer systems (vm.mmap_rnd_bits=32).
if [ -z "${ROPEWALK_STEADY:-}" ] && setarch -R true 2>/dev/null; then ROPEWALK_STEADY=1 exec setarch -R "$0" "$@"; fi
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --target test_core test_kernels test_model
if grep -qw avx2 /proc/cpuinfo; then export ROPEWALK_ISA=avx2; else export ROPEWALK_ISA=portable; fi
for test in 'core *' 'kernels *Thread*:*WhoComputes*:*EqualsTheDefinition/none' 'model *Thread*:*Fork*:Session.*'; do
  "build/tsan/test_${test%% *}" --gtest_brief=1 --gtest_filter="${test#* }"
done
