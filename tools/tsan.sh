#!/usr/bin/env bash
# What threads share, under ThreadSanitizer: all tests of core, and those of kernels and sessions in which the number of
# threads, or who computes what, changes.
set -euo pipefail
. "$(dirname "$0")/steady.sh"
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --target test_core test_kernels test_model
if grep -qw avx2 /proc/cpuinfo; then export ROPEWALK_ISA=avx2; else export ROPEWALK_ISA=portable; fi
for test in 'core *' 'kernels *Thread*:*WhoComputes*:*EqualsTheDefinition/none' 'model *Thread*:*Forks*/none:*Forks*/dynamic_ntk_grow_1:Session.*:Sequence.*:Engine.*'; do
  "build/tsan/test_${test%% *}" --gtest_brief=1 --gtest_filter="${test#* }"
done
