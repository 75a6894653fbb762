# SPDX-License-Identifier: Apache-2.0
"""Goldens of tekken.json: ids by `mistral_common`, on the byte-level vocabulary of make_golden_tokenizer.py.

Usage: make_golden_tekken.py        writes tests/golden/tokenizer_tekken.json
Versions used: mistral_common 1.13.1, tiktoken 0.14.0, Python 3.11.

The tokens are the 256 bytes, then the results of the merges in their order; tests/tokenizer/tekken_test.cpp makes the
same file of them.
"""

import base64
import json
import pathlib
import tempfile

from golden_tokenizer_text import BLOCKS, mixed_block
from make_golden_tokenizer import GOLDEN, TEKKEN, alphabet, summary


def main():
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    byte_of = {c: b for b, c in enumerate(alphabet())}
    tokens = [bytes([b]) for b in range(256)]
    seen = set(tokens)
    for line in (GOLDEN / "tokenizer_merges.txt").read_text(encoding="utf-8").split("\n")[:-1]:
        token = bytes(byte_of[c] for c in line.replace(" ", ""))
        if token not in seen:
            tokens.append(token), seen.add(token)
    document = {
        "config": {
            "pattern": TEKKEN,
            "num_vocab_tokens": len(tokens),
            "default_vocab_size": len(tokens) + 30,
            "default_num_special_tokens": 30,
            "version": "v3",
        },
        "vocab": [
            {"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for i, t in enumerate(tokens)
        ],
    }
    lines = (GOLDEN / "tokenizer_text.txt").read_bytes().split(b"\n")
    blocks = [mixed_block(lines, b) for b in range(BLOCKS)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tekken.json"
        path.write_text(json.dumps(document))
        tokenizer = Tekkenizer.from_file(path)
        expected = {
            "pattern": TEKKEN,
            "n": len(tokens),
            "blocks": [summary(tokenizer.encode(b.decode("utf-8"), bos=False, eos=False)) for b in blocks],
            "bos": tokenizer.bos_id,
            "eos": tokenizer.eos_id,
            "special": [tokenizer.id_to_piece(i) for i in range(30)],
        }
    (GOLDEN / "tokenizer_tekken.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
