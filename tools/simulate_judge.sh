#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How often an answer claims what is not so, in full: the table of docs/judging.md. RUNS runs of each row (500 if
# not given), of all rows or of those with so many TEXTS: minutes of one core, most of them from 30 texts on, where
# an interval is 10,000 resamples.
# Usage: tools/simulate_judge.sh [RUNS [TEXTS...]]   (after: cmake --build --preset release --target test_results)
set -e
cd "$(dirname "$0")/.."
runs=${1:-500}
[ $# = 0 ] || shift
ROPEWALK_RUNS=$runs ROPEWALK_TEXTS="$*" build/release/test_results --gtest_filter='Lead.*'
