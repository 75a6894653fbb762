#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 100 SIGKILLs at random moments of a training run: tools/kill_train.sh [KILLS [ROPEWALK]]
# Its weights and its log must be those of a run that nobody killed, to the bit.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
exec "$root/tests/cli/train_test.py" "${2:-$root/build/release/ropewalk}" "$root" "${1:-100}"
