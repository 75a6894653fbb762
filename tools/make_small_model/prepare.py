# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer and the tokens of the texts into a folder: tokenizer.json, texts.npz."""
import pathlib
import sys

import numpy as np

import samples
import texts
import tokens

HELD = 20000
"""The last tokens of Emma are never trained on: they say how training goes. The judged texts do not."""


def main(work: pathlib.Path):
    root = texts.unpack(work)
    books = {**texts.austen(root), **texts.bible(root)}
    key = samples.NEEDLE.format(12345)
    tokenizer = tokens.train(list(books.values()), [samples.INSTRUCTION + key + "".join(samples.ASK)], 2048)
    tokenizer.save(str(work / "tokenizer.json"))
    encoded = {name: np.array(tokenizer.encode(text).ids, np.uint16) for name, text in books.items()}
    for name, ids in encoded.items():
        print(f"{name}: {len(books[name].encode())} bytes, {len(ids)} tokens")
    encoded["held"] = encoded["emma"][-HELD:]
    encoded["emma"] = encoded["emma"][:-HELD]
    np.savez(work / "texts.npz", **encoded)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
