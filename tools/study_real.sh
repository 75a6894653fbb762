#!/bin/sh
# The study of docs/results.md: every method and the three judgements on SmolLM2. About three hours on
# two cores; stopped at any moment, it goes on where it was. tools/study_real.sh --dry-run prints the plan.
set -eu
cd "$(dirname "$0")/.."
ropewalk=${ROPEWALK:-build/release/ropewalk}
mkdir -p build/study_real

study() {  # name, then the options that differ from tools/study_real.toml
    name=$1
    shift
    "$ropewalk" eval models/SmolLM2-135M-Instruct.Q4_1.gguf --config tools/study_real.toml --out "build/study_real/$name.jsonl" "$@" $dry
}
dry=${1:-}

prose="data/persuasion.txt data/northangerabbey.txt data/opticks.txt data/devil.txt data/jargon.txt"
chinese="data/zhufu.txt data/xiangyu.txt"
# Methods whose loss explodes at 16k are not asked what they read there.
stable="ntk ntk-by-parts yarn llama3 mrrope-uni mrrope-pro rerope leaky-rerope self-extend dca jet-long lampe adagrope
        lm-infinite streaming-llm"
study tail --text $prose $chinese --tasks tail --lengths 8k 16k
study long --text data/opticks.txt data/jargon.txt --tasks tail --lengths 32k
study continuation --text $prose $chinese --tasks continuation --lengths 8k 16k
# The swapped text is another file's of the same part, so that no Chinese text stands in an English one.
study far-use --text data/opticks.txt data/jargon.txt --tasks far-use --lengths 8k 16k --methods $stable
study far-use-prose --text data/persuasion.txt data/northangerabbey.txt data/devil.txt --tasks far-use --lengths 8k 16k \
    --methods $stable
study far-use-zh --text $chinese --tasks far-use --lengths 8k 16k --methods $stable
study passkey --text data/opticks.txt data/jargon.txt --tasks passkey --questions 1 --depths 5 --lengths 8k 16k --methods $stable
study no-sinks --text data/opticks.txt data/jargon.txt --tasks tail --lengths 4k --methods window:window=2048 lambda:window=2044
[ -n "$dry" ] || "$ropewalk" report build/study_real/*.jsonl --format html > build/study/study.html
