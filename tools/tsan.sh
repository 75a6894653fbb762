#!/usr/bin/env bash
# The tests of core, kernels and model under ThreadSanitizer: what threads share.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --target test_core test_kernels test_model
ctest --test-dir build/tsan --output-on-failure -R '^(core|kernels|model)$'
