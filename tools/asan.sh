#!/usr/bin/env bash
# All but the model-sized tests under AddressSanitizer and UBSan, with the checks of inner loops on (ROPEWALK_DCHECK).
# clang: GCC 12 takes twice the time to compile what UBSan looks at, and the fuzz targets (tools/fuzz.sh) share the objects.
set -euo pipefail
. "$(dirname "$0")/steady.sh"
cd "$(dirname "$0")/.."
cmake --preset asan >/dev/null
cmake --build --preset asan
# The sets that are instrumented (src/kernels/cpu/isa.cmake).
if grep -qw avx2 /proc/cpuinfo; then export ROPEWALK_ISA=avx2; else export ROPEWALK_ISA=portable; fi
# Not made-up numbers by the ten thousand, whose shares are the same in every build.
export GTEST_FILTER='-Simulation.*:Lead.*:Recovery.AtMostOneAnswer*'
ctest --test-dir build/asan --output-on-failure -j2 -LE 'model|slow'
