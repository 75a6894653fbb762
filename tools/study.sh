#!/usr/bin/env bash
# The study of docs/results.md, section 1: every method on the small model that comes with the program and 24 stretches of two
# novels, to 32 times its length: loss as the length grows, continuation, a number to find. Stopped at any moment, it goes on
# where it was. On SmolLM2, with far use, in hours: tools/study_real.sh
#   tools/study.sh              about an hour on two quiet cores
#   tools/study.sh --dry-run    the plan, with time and memory
set -euo pipefail
cd "$(dirname "$0")/.."
ropewalk=${ROPEWALK:-build/release/ropewalk}
mkdir -p build/study

study() { # name, then the options that differ from tools/study.toml
  local name=$1
  shift
  "$ropewalk" eval models/short-256.gguf --config tools/study.toml --out "build/study/$name.jsonl" "$@" --jobs 0 "${more[@]}"
}
more=("$@")
methods=(pi ntk ntk-by-parts ntk-mixed yarn llama3 mrrope-uni mrrope-pro cope layer-pi ms-poe:ranks=2.1.0/0.2.1
  dope:heads=0.0/2.0/2.1 rerope leaky-rerope self-extend dca string jet-long lampe adagrope logn infoscale lambda
  lm-infinite streaming-llm window)
# At 32 times the length no group of self-extend keeps to the default's two thirds of the trained length; this one keeps to it all.
far=("${methods[@]/#self-extend/self-extend:group=96,window=96}")
study tail --tasks tail --tail 128 --lengths 256 512 4k --methods "${methods[@]}"
study tail-8k --tasks tail --tail 128 --lengths 8k --methods "${far[@]}"
study continuation --tasks continuation --lengths 4k --methods "${methods[@]}"
study passkey --tasks passkey --questions 1 --depths 1 --lengths 4k --methods "${methods[@]}"
study passkey-8k --tasks passkey --questions 1 --depths 1 --lengths 8k --methods "${far[@]}"
study continuation-8k --tasks continuation --lengths 8k --methods "${far[@]}"
