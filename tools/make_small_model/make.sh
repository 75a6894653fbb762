#!/usr/bin/env bash
# Makes models/short-256.gguf, from nothing: tools/make_small_model/make.sh [WORK]
# Downloads texts from Debian (4 MB) and PyTorch from PyPI (an environment of its own under build/, 6 GB), trains
# on the CPU for about an hour, and writes the model. WORK (build/small_model) keeps all that is between; a run
# that was stopped goes on from its last checkpoint. PYTHON names another Python that has requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../../build/small_model}
. "$here/../small_models/begin.sh"
"$python" "$here/train.py" "$work"
"$python" "$here/write_gguf.py" "$work" "$root/models/short-256.gguf"
