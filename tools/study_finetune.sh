#!/usr/bin/env bash
# The study of docs/finetuning.md: which start recovers first? Stopped at any moment, it goes on where it was.
#   tools/study_finetune.sh             (a) the small model, 256 to 4,096 tokens: an hour on two quiet cores
#   tools/study_finetune.sh real        (b) SmolLM2-135M, 8k to 12k, pairs of low rank, as many steps as BUDGET (4h) holds
#   tools/study_finetune.sh --dry-run   the plan, with time and memory (real --dry-run: that of (b))
# (a) trains on four novels that the model was made from, as Position Interpolation trains on text like that of its
# model's: what a start gains is then the length's, not the author's. It judges on two novels that it never saw.
# (b) takes 150 s a step on two Zen 4 cores, so few steps at a rate for few, and the loss alone: a look with keys at 12k takes
# a quarter of an hour for each start.
set -euo pipefail
cd "$(dirname "$0")/.."
ropewalk=${ROPEWALK:-build/release/ropewalk}
work=build/study_finetune
part=small
if [[ ${1:-} == real ]]; then
  part=real
  shift
fi
mkdir -p "$work/texts"
[[ -e $work/texts/emma.txt ]] || PYTHONPATH=tools/small_models python3 - "$work" <<'PYTHON'
import pathlib, sys, texts
work = pathlib.Path(sys.argv[1])
for name, text in texts.austen(texts.unpack(work)).items():
    (work / "texts" / f"{name}.txt").write_text(text, encoding="utf-8")
PYTHON
resume=()
[[ -e $work/$part/finetune.json ]] && resume=(--resume)
judge=(--held-out data/persuasion.txt data/northangerabbey.txt)
if [[ $part == small ]]; then
  "$ropewalk" finetune models/short-256.gguf --compare pi ntk yarn self-extend rerope none --length 4k \
    --text "$work/texts" "${judge[@]}" --documents 12 --batch 4096 --full --rate 5e-4 --out "$work/$part" "${resume[@]}" "$@"
else
  "$ropewalk" finetune models/SmolLM2-135M-Instruct.Q4_1.gguf --compare pi yarn self-extend --length 12k --text "$work/texts" \
    "${judge[@]}" --documents 3 --tasks tail --against none ntk lm-infinite --rate 1e-3 --warm-up 1 --looks 0 3 6 12 25 \
    --budget "${BUDGET:-4h}" --out "$work/$part" "${resume[@]}" "$@"
fi
