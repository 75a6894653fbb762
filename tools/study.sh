#!/usr/bin/env bash
# The study of docs/results.md: every method on the small model that comes with the program and five texts: loss as the
# length grows, and a number to find. Stopped at any moment, it goes on where it was. On SmolLM2, with continuation and
# far use, in hours: tools/study_real.sh
#   tools/study.sh              about fifteen minutes on two quiet cores
#   tools/study.sh --dry-run    the plan, with time and memory
set -euo pipefail
cd "$(dirname "$0")/.."
ropewalk=${ROPEWALK:-build/release/ropewalk}
mkdir -p build/study

study() { # name, then the options that differ from tools/study.toml
  local name=$1
  shift
  "$ropewalk" eval --config tools/study.toml --out "build/study/$name.jsonl" "$@" --jobs 0 "${more[@]}"
}
more=("$@")
study tail --tasks tail --tail 128 --lengths 256 512 1k 2k 4k
study passkey --tasks passkey --questions 1 --depths 1 --lengths 1k 4k
