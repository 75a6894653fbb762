#!/usr/bin/env bash
# What threads share, under ThreadSanitizer: all tests of core, serving and other engines, those of kernels and sessions in which the
# number of threads, or who computes what, changes, items shared out over ranks, and the server over its sockets.
set -euo pipefail
. "$(dirname "$0")/steady.sh"
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --target test_core test_kernels test_model test_judge test_remote test_serving ropewalk
if grep -qw avx2 /proc/cpuinfo; then export ROPEWALK_ISA=avx2; else export ROPEWALK_ISA=portable; fi
for test in 'core *' 'serving *' 'remote *' 'judge Coordinator.WhatALostRank*:MeasurerTest.*' 'kernels *Thread*:*WhoComputes*:*EqualsTheDefinition/none' 'model *Thread*:*Forks*/none:*Forks*/dynamic_ntk_grow_1:Session.*:Sequence.*:Engine.*'; do
  "build/tsan/test_${test%% *}" --gtest_brief=1 --gtest_filter="${test#* }"
done
tests/server/serve_test.py build/tsan/ropewalk models/short-256.gguf sanitized
tests/server/vanish_test.py build/tsan/ropewalk models/short-256.gguf sanitized --only vanishing crowd --clients 20 --streams 8 --seconds 1
