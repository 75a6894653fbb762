# SPDX-License-Identifier: Apache-2.0
"""Writes the tokenizer and the tokens of the texts into a folder: tokenizer.json, texts.npz."""
import pathlib
import sys

import samples
import tokens

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "small_models"))
import training  # noqa: E402


def main(work: pathlib.Path):
    books = training.books(work)
    key = samples.NEEDLE.format(12345)
    tokenizer = tokens.train(list(books.values()), [samples.INSTRUCTION + key + "".join(samples.ASK)], 2048)
    tokenizer.save(str(work / "tokenizer.json"))
    training.write_texts(work, books, lambda text: tokenizer.encode(text).ids)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
