#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what train.py shows, batch by batch, and what it examines, for `ropewalk train`:

    tools/make_small_model/samples_for_ropewalk.py WORK [SEED [N]]

WORK: the folder that prepare.py filled (tokenizer.json, texts.npz). For each stage STAGE.tokens.npy (int32, n + 1
tokens a sample) and STAGE.weights.npy (float32, of the prediction of each token) in the order in which the stage takes
them; held.* : stretches of N (256) tokens of the held-out text; few.*, copies.*, keys.* as examine() draws them; tokenizer/: the folder
for [model] tokenizer. The shares of dull attention are the configuration's own draws.
"""
import json
import pathlib
import re
import shutil
import sys

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "small_models"))
from samples import Samples  # noqa: E402
from train import KEY, RANKS, STAGES  # noqa: E402
from training import read_texts  # noqa: E402


def write(work, name, tokens, weights):
    np.save(work / f"{name}.tokens.npy", np.ascontiguousarray(tokens, np.int32))
    np.save(work / f"{name}.weights.npy", np.ascontiguousarray(weights, np.float32))
    print(f"{name}: {len(tokens)} samples of {tokens.shape[1] - 1} tokens")


def main(work: pathlib.Path, seed: int = 1, n: int = 256):
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    texts, shares, held = read_texts(work)
    samples = Samples(tokenizer, texts, shares)
    step = 0
    for stage in STAGES:
        batches = []
        for _ in range(stage.steps):
            for rank in range(RANKS):
                rng = np.random.default_rng([seed, step, rank])
                batches.append(samples.batch(rng, stage.mix, stage.tokens // stage.n // RANKS, stage.n))
            step += 1
        write(work, re.sub(" ", "-", stage.name), *(np.concatenate(part) for part in zip(*batches)))
    rng = np.random.default_rng(7)
    starts = np.linspace(0, len(held) - n - 1, 32).astype(int)
    text = np.stack([np.concatenate([[0], held[s : s + n]]) for s in starts])
    write(work, "held", text, np.ones(text.shape))
    for kind in ("few", "copies"):
        write(work, kind, *samples.batch(rng, {kind: 1}, 16, n))
    keys = [samples.keys(rng, n, weight=KEY) for _ in range(64)]
    write(work, "asked", np.array([[0] + row for row, _ in keys]), np.array([[0] + row for _, row in keys]))
    folder = work / "tokenizer"
    folder.mkdir(exist_ok=True)
    shutil.copy(work / "tokenizer.json", folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
        "add_bos_token": True}, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
