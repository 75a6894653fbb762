#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How often an answer claims what is not so, in full: the table of docs/judging.md. RUNS runs of each row (500 if
# not given; an eighth of them from 30 texts on): minutes of one core.
# Usage: tools/simulate_judge.sh [RUNS]   (after: cmake --build --preset release --target test_results)
set -e
cd "$(dirname "$0")/.."
ROPEWALK_RUNS=${1:-500} build/release/test_results --gtest_filter='Lead.*'
