# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the make.sh of the small models, which has set `here` (its folder) and `work`: sets `root` and `python`, an
# interpreter that has requirements.txt (PYTHON, or an environment of its own in $work), and prepares the texts.
root=$(cd "$here/../.." && pwd)
work=$(realpath -m "$work")
mkdir -p "$work"
python=${PYTHON:-$work/env/bin/python}
if [ ! -x "$(command -v "$python")" ]; then
  . "$root/tools/setup.sh"
  install_missing python3 python3-venv
  python3 -m venv "$work/env"
  "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
fi
[ -f "$work/texts.npz" ] || "$python" "$here/prepare.py" "$work"
