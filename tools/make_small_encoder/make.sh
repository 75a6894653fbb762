#!/usr/bin/env bash
# Makes models/short-128-encoder, from nothing: tools/make_small_encoder/make.sh [WORK]
# Texts and PyTorch come from where tools/make_small_model/make.sh has them; trains on one core for about an hour. A
# run that was stopped goes on from its last checkpoint. PYTHON names another Python that has requirements.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(realpath -m "${1:-$root/build/small_encoder}")
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
"$python" "$here/write_model.py" "$work" "$root/models/short-128-encoder"
