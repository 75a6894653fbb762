#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first STEPS (150: the first stage) of short-256's training, three seeds by PyTorch and three by `ropewalk train`, the
# same samples for the same seed: is one curve within the other's noise? Prints a table; a run that is there is kept.
#   tools/make_small_model/seeds.sh WORK [STEPS]
# WORK: a folder that prepare.py has filled (make.sh and models/short-256/train.sh do). PYTHON and ROPEWALK as there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(realpath "$1")
steps=${2:-150}
python=${PYTHON:-$work/env/bin/python}
for seed in 1 2 3; do
  ours=$work/seeds/$steps/ropewalk-$seed theirs=$work/seeds/$steps/torch-$seed
  mkdir -p "$ours" "$theirs"
  cp "$work/texts.npz" "$work/tokenizer.json" "$ours"
  cp "$work/texts.npz" "$work/tokenizer.json" "$theirs"
  # train.py examines at the length of the stage.
  [ -f "$ours/asked.weights.npy" ] || "$python" "$here/samples_for_ropewalk.py" "$ours" "$seed" $((steps > 150 ? 256 : 128)) >&2
  sed "s/^seed = 1$/seed = $seed/; s/^every = 50$/every = 10/" "$root/models/short-256/train.toml" >"$ours/short-256.toml"
  [ -f "$ours/run/model.gguf" ] || "${ROPEWALK:-$root/build/release/ropewalk}" train "$ours/short-256.toml" \
    --out "$ours/run" --steps "$steps" --resume >&2
  rm -f "$ours"/{mix,text,keys,keys-and-text}.{tokens,weights}.npy
  "$python" "$here/train.py" "$theirs" --seed "$seed" --every 10 --steps "$steps"
done
"$python" "$here/seeds_table.py" "$work/seeds/$steps"
