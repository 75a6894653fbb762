# SPDX-License-Identifier: Apache-2.0
"""Goldens of Unigram tokenizers: ids by `sentencepiece` and `tokenizers`.

Usage: make_golden_unigram.py [FOLDER]    writes tests/golden/tokenizer_unigram.model, tokenizer_unigram_bytes.model,
                                        tokenizer_unigram.json, and what they give: tokenizer_unigram_expected.json
Versions used: tokenizers 0.23.3, sentencepiece 0.2.3, protobuf 7, Python 3.11.

The text is that of make_golden_tokenizer.py, as it is committed, and `odd_texts`: spaces, marks, widths, scripts.
"""

import base64
import json
import pathlib
import random
import sys

from golden_tokenizer_text import BLOCKS, mixed_block
from make_golden_tokenizer import GOLDEN, results, summary

RANGES = (
    (0x20, 0x7F), (0xA0, 0x250), (0x300, 0x330), (0x370, 0x400), (0x400, 0x460), (0x5D0, 0x5EB), (0x621, 0x660),
    (0x900, 0x970), (0xE01, 0xE5C), (0x1100, 0x1120), (0x1160, 0x1180), (0x2000, 0x2070), (0x2100, 0x2150),
    (0x2460, 0x2480), (0x3000, 0x3100), (0x3200, 0x3400), (0x4E00, 0x4E80), (0xAC00, 0xAC80), (0xF900, 0xF950),
    (0xFB00, 0xFB50), (0xFE00, 0xFE10), (0xFF00, 0xFFEE), (0x1F300, 0x1F650),
)  # fmt: skip


def odd_texts():
    chance = random.Random(3)
    pool = [chr(c) for low, high in RANGES for c in range(low, high)]
    texts = ["", " ", "   ", "a", " a  b ", "\u00ad", "\t\r\n x \r\n", "\u3000\u3000x\u3000", "\u2581a\u2581\u2581b", "ﬁ\u0301 e\u0301x a\u0308\u0304"]
    texts += ["".join(chance.choice(pool) for _ in range(chance.randint(1, 40))) for _ in range(300)]
    return texts + ["".join(chance.choice(" abe\u0301\u00a0\u3000") for _ in range(chance.randint(1, 12))) for _ in range(200)]


def train(lines, **options):
    import io

    import sentencepiece as spm

    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="unigram",
        num_threads=1,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def of_sentencepiece(model, blocks):
    import sentencepiece as spm

    processor = spm.SentencePieceProcessor(model_proto=model)
    return {
        # Line by line: the sums are float here, and in a long text rounded so that another cut may seem as good.
        "lines": [
            summary([i for line in b.decode("utf-8").split("\n") for i in processor.encode(line)]) for b in blocks
        ],
        "odd": [processor.encode(text) for text in odd_texts()],
    }


def of_gguf(model, blocks):
    """What llama.cpp does: sentencepiece's normalizer, sums in double."""
    import sentencepiece as spm
    from tokenizers import Tokenizer, models
    from sentencepiece import sentencepiece_model_pb2 as proto

    processor = spm.SentencePieceProcessor(model_proto=model)
    pieces = [(piece.piece, piece.score) for piece in proto.ModelProto.FromString(model).pieces]
    pieces[:3] = [(chr(0xE000 + i), 0.0) for i in range(3)]  # <unk>, <s> and </s> are not spelled in a text
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    ids = lambda text: tokenizer.encode(processor.normalize(text)).ids  # noqa: E731
    return {
        "lines": [summary([i for line in b.decode("utf-8").split("\n") for i in ids(line)]) for b in blocks],
        "odd": [ids(text) for text in odd_texts()],
    }


def document_of(model):
    """The model as a tokenizer.json."""
    from sentencepiece import sentencepiece_model_pb2 as proto

    message = proto.ModelProto.FromString(model)
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    charsmap = base64.b64encode(message.normalizer_spec.precompiled_charsmap).decode()
    return {
        "added_tokens": [{"id": i, "content": message.pieces[i].piece, **flags} for i in range(3)],
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
            + [{"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for i, t in ((1, "<s>"), (2, "</s>"))},
        },
        "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "model": {
            "type": "Unigram",
            "unk_id": 0,
            "vocab": [[piece.piece, piece.score] for piece in message.pieces],
            "byte_fallback": False,
        },
    }


def patches(document):
    precompiled, metaspace = document["normalizer"], document["pre_tokenizer"]
    runs = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    quotes = {"type": "Replace", "pattern": {"String": "``"}, "content": '"'}
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    first = {**metaspace, "prepend_scheme": "first", "split": False}
    return {
        "as-is": {},
        "xlm-r": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}},
        "bge-m3": {"normalizer": {"type": "Sequence", "normalizers": [precompiled, runs]}},
        "t5": {
            "normalizer": {"type": "Sequence", "normalizers": [precompiled, strip, {**runs, "content": "\u2581"}]},
            "pre_tokenizer": {**metaspace, "split": False},
        },
        "albert": {
            "normalizer": {"type": "Sequence", "normalizers": [quotes, {"type": "NFC"}, precompiled]},
        },
        "plain": {"normalizer": None, "pre_tokenizer": first},
        "never": {"normalizer": {**strip, "strip_left": True}, "pre_tokenizer": {**metaspace, "prepend_scheme": "never"}},
    }


def of_tokenizers(document, blocks):
    from tokenizers import Tokenizer

    expected = {}
    for name, patch in patches(document).items():
        tokenizer = Tokenizer.from_str(json.dumps({**document, **patch}))
        expected[name] = {
            "patch": {} if not patch else patch,
            "blocks": results(tokenizer, blocks[:4]),
            "odd": [tokenizer.encode(text, add_special_tokens=False).ids for text in odd_texts()],
        }
    return expected


def without_charsmap(value, charsmap):
    """Patches refer to the map of the file itself, which is long."""
    if isinstance(value, dict):
        return {k: "SAME" if v == charsmap else without_charsmap(v, charsmap) for k, v in value.items()}
    return [without_charsmap(v, charsmap) for v in value] if isinstance(value, list) else value


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else GOLDEN
    base = (GOLDEN / "tokenizer_text.txt").read_bytes()
    lines = base.split(b"\n")
    blocks = [mixed_block(lines, b) for b in range(BLOCKS)]
    text = base.decode("utf-8").split("\n")
    plain = train(text, vocab_size=1400, character_coverage=0.98, normalization_rule_name="nmt_nfkc")
    kept = train(
        text,
        vocab_size=1400,
        character_coverage=0.98,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        user_defined_symbols=["<h1>", "Emma"],
    )
    document = document_of(plain)
    (out / "tokenizer_unigram.model").write_bytes(plain)
    (out / "tokenizer_unigram_bytes.model").write_bytes(kept)
    (out / "tokenizer_unigram.json").write_text(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    expected = {
        "texts": odd_texts(),
        "plain": of_sentencepiece(plain, blocks),
        "bytes": of_sentencepiece(kept, blocks),
        "gguf": of_gguf(plain, blocks),
        "json": without_charsmap(
            of_tokenizers(document, blocks), document["normalizer"]["precompiled_charsmap"]
        ),
    }
    (out / "tokenizer_unigram_expected.json").write_text(
        json.dumps(expected, ensure_ascii=True, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main()
