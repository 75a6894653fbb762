#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trains models/short-256.gguf by `ropewalk train`: models/short-256/train.sh [WORK [OPTIONS OF TRAIN]]
# Texts come from Debian (4 MB, downloaded, not installed), the samples are drawn in Python (numpy, tokenizers, and torch,
# which draws no number here but is what the recipe's files import). WORK (build/short-256) keeps all; a run that was
# stopped goes on. The model is WORK/run/model.gguf. PYTHON names another Python that has requirements.txt; ROPEWALK
# another program than build/release/ropewalk. SEED (1) is that of the samples.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tools/make_small_model
work=${1:-$root/build/short-256}
. "$root/tools/small_models/begin.sh"
[ -f "$work/asked.weights.npy" ] || "$python" "$here/samples_for_ropewalk.py" "$work" "${SEED:-1}"
cp "$root/models/short-256/train.toml" "$work/short-256.toml"
shift || true
exec "${ROPEWALK:-$root/build/release/ropewalk}" train "$work/short-256.toml" --out "$work/run" --resume "$@"
