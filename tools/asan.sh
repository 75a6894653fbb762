#!/usr/bin/env bash
# All but the model-sized tests under AddressSanitizer and UBSan, with the checks of inner loops on.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset asan >/dev/null
cmake --build --preset asan
ctest --test-dir build/asan --output-on-failure -LE 'model|slow'
