#!/usr/bin/env bash
# The recipe of models/short-256.gguf by PyTorch, from nothing, into WORK/short-256.gguf: what `ropewalk train` is compared with.
# The file in models/ is made by models/short-256/train.sh.   tools/make_small_model/make.sh [WORK]
# Downloads texts from Debian (4 MB) and PyTorch from PyPI (an environment of its own under build/, 6 GB), trains
# on the CPU for about an hour, and writes the model. WORK (build/small_model) keeps all that is between; a run
# that was stopped goes on from its last checkpoint. PYTHON names another Python that has requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../../build/small_model}
. "$here/../small_models/begin.sh"
"$python" "$here/train.py" "$work"
"$python" "$here/write_gguf.py" "$work" "$work/short-256.gguf"
