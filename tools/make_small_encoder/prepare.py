# SPDX-License-Identifier: Apache-2.0
"""Writes the vocabulary and the tokens of the texts into a folder: vocab.txt, tokenizer.json, texts.npz."""
import pathlib
import sys

from tokenizers import BertWordPieceTokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "small_models"))
import training  # noqa: E402

N_VOCAB = 2048


def main(work: pathlib.Path):
    books = training.books(work)
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(list(books.values()), vocab_size=N_VOCAB, limit_alphabet=100, show_progress=False)
    tokenizer.save_model(str(work))
    tokenizer.save(str(work / "tokenizer.json"))
    training.write_texts(work, books, lambda text: tokenizer.encode(text, add_special_tokens=False).ids)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
