#!/usr/bin/env bash
# The study of docs/results.md: every method and the three judgements, on the small model that comes with the program and
# five texts. Stopped at any moment, it goes on where it was. The same on SmolLM2, in hours: tools/study_real.sh
#   tools/study.sh              twenty minutes on two quiet cores
#   tools/study.sh --dry-run    the plan, with time and memory
set -euo pipefail
cd "$(dirname "$0")/.."
ropewalk=${ROPEWALK:-build/release/ropewalk}
mkdir -p build/study

study() { # name, then the options that differ from tools/study.toml
  local name=$1
  shift
  "$ropewalk" eval --config tools/study.toml --out "build/study/$name.jsonl" "$@" "${more[@]}"
}
more=("$@")
study tail --tasks tail --tail 128 --lengths 256 512 1k 2k 4k
study continuation --tasks continuation --n-predict 64 --lengths 1k 4k
study far-use --tasks far-use --tail 128 --lengths 2k
study passkey --tasks passkey --questions 1 --depths 3 --lengths 1k 4k
