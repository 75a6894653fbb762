#!/usr/bin/env bash
# Makes models/short-128-encoder, from nothing: tools/make_small_encoder/make.sh [WORK]
# Texts and PyTorch come from where tools/make_small_model/make.sh has them; trains on one core for about an hour. A
# run that was stopped goes on from its last checkpoint. PYTHON names another Python that has requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../../build/small_encoder}
. "$here/../small_models/begin.sh"
"$python" "$here/train.py" "$work"
"$python" "$here/write_model.py" "$work" "$root/models/short-128-encoder"
