# SPDX-License-Identifier: Apache-2.0
"""Writes the vocabulary and the tokens of make_small_model's texts into a folder: vocab.txt, tokenizer.json, texts.npz."""
import pathlib
import sys

import numpy as np
from tokenizers import BertWordPieceTokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "make_small_model"))
import texts  # noqa: E402

N_VOCAB = 2048
HELD = 20000
"""The last tokens of Emma are never trained on: they say how training goes. The judged texts do not."""


def main(work: pathlib.Path):
    root = texts.unpack(work)
    books = {**texts.austen(root), **texts.bible(root)}
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(list(books.values()), vocab_size=N_VOCAB, limit_alphabet=100, show_progress=False)
    tokenizer.save_model(str(work))
    tokenizer.save(str(work / "tokenizer.json"))
    encoded = {name: np.array(tokenizer.encode(text, add_special_tokens=False).ids, np.uint16)
               for name, text in books.items()}
    for name, ids in encoded.items():
        print(f"{name}: {len(books[name].encode())} bytes, {len(ids)} tokens")
    encoded["held"] = encoded["emma"][-HELD:]
    encoded["emma"] = encoded["emma"][:-HELD]
    np.savez(work / "texts.npz", **encoded)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
