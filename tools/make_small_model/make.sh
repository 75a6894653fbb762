#!/usr/bin/env bash
# Makes models/short-256.gguf, from nothing: tools/make_small_model/make.sh [WORK]
# Downloads texts from Debian (4 MB) and PyTorch from PyPI (an environment of its own under build/, 6 GB), trains
# on the CPU for about an hour, and writes the model. WORK (build/small_model) keeps all that is between; a run
# that was stopped goes on from its last checkpoint. PYTHON names another Python that has requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(realpath -m "${1:-$root/build/small_model}")
mkdir -p "$work"
python=${PYTHON:-$work/env/bin/python}
if [ ! -x "$python" ]; then
  . "$root/tools/setup.sh"
  install_missing python3 python3-venv
  python3 -m venv "$work/env"
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
fi
[ -f "$work/texts.npz" ] || "$python" "$here/prepare.py" "$work"
"$python" "$here/train.py" "$work"
"$python" "$here/write_gguf.py" "$work" "$root/models/short-256.gguf"
