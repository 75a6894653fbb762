# SPDX-License-Identifier: Apache-2.0
"""Compares what `ropewalk` makes of the GGUF file with what was trained: token ids with the tokenizers package,
and the loss with PyTorch's, on held-out text. Ends with 1 where they differ.

  check.py WORK MODEL.gguf ROPEWALK TEXT...
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from model import Config, Model

WORDS = "It's 1,234.5 o'clock; naïve 漢字 \u00a0 \n\n\n  two  spaces\t½ Ⅷ x²"


def main(work, gguf, ropewalk, texts):
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    wrong = 0
    probe = work / "probe.txt"
    probe.write_text(WORDS)
    for path in [probe, *texts]:
        run = subprocess.run([ropewalk, "tokenize", gguf, path, "--ids"], check=True, capture_output=True, text=True)
        ids, expected = [int(i) for i in run.stdout.split()], tokenizer.encode(path.read_text()).ids
        ids = ids[1:] if ids[:1] == [0] else ids
        print(f"{path.name}: {len(ids)} ids, {'equal' if ids == expected else 'DIFFERENT'}")
        wrong += ids != expected
    model = Model(Config(n_vocab=tokenizer.get_vocab_size()))
    model.load_state_dict(torch.load(work / "checkpoint.pt")["model"])
    held = np.load(work / "texts.npz")["held"].astype(np.int64)
    trained, product = [], []
    for start in range(0, 16 * 1000, 1000):
        row = np.concatenate([[0], held[start : start + 255]])
        with torch.no_grad():
            logits = model.logits(model(torch.from_numpy(row[None, :-1])))[0]
        trained.append(F.cross_entropy(logits, torch.from_numpy(row[1:])).item())
        run = subprocess.run([ropewalk, "logits", gguf, "--tokens", "-", "--nll"], check=True, capture_output=True,
                             text=True, input=" ".join(map(str, row)))
        product.append(np.mean(json.loads(run.stdout)["nll"]))
    apart = float(np.mean(product) - np.mean(trained))
    print(f"held-out loss: PyTorch, f32 {np.mean(trained):.4f}; ropewalk, Q8_0 {np.mean(product):.4f}; "
          f"difference {apart:+.4f}, of one window at most {np.abs(np.subtract(product, trained)).max():.4f}")
    return 1 if wrong or abs(apart) > 0.01 else 0


if __name__ == "__main__":
    arguments = [pathlib.Path(a) for a in sys.argv[1:]]
    sys.exit(main(arguments[0], arguments[1], arguments[2], arguments[3:]))
