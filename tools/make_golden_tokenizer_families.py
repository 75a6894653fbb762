# SPDX-License-Identifier: Apache-2.0
"""Goldens of the tokenizers of model families: ids by the packages `tokenizers` and `sentencepiece`.

Usage: make_golden_tokenizer_families.py                 writes tests/golden/tokenizer_families.json, tokenizer_bert_vocab.txt,
                                       tokenizer_gemma.model
Versions used: tokenizers 0.23.3, sentencepiece 0.2.3, protobuf 7, Python 3.11.

Text and byte-level vocabulary are those of make_golden_tokenizer.py, as they are committed. The real vocabularies are
not committed; tools/check_tokenizers.py compares those that packages carry.
"""

import collections
import hashlib
import json

from golden_tokenizer_text import BLOCKS, damaged_block, mixed_block
from make_golden_tokenizer import (
    CONTRACTIONS,
    GOLDEN,
    GPT2,
    TAIL,
    alphabet,
    byte_bpe,
    encode_damaged,
    named_steps,
    results,
    summary,
)

CASED = r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
UPPER = r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
GPT_4O = CASED + "|" + UPPER + r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
QWEN35 = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"""
    r"""|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
SEED = CONTRACTIONS + r"""\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"""
BAILING = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"""
)
DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
KIMI = (
    r"""[\p{Han}]+"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
YOUTU_SCRIPTS = "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
EXAONE_MOE = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"""
    r"""|\s*[\r\n]|\s+(?!\S)|\s+"""
)
JAIS2_SPACES = "|".join(rf"\s{{{n}}}(?!\S)" for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"|\s{1,2}(?!\S)|\s{1}"
JAIS2 = CONTRACTIONS + r"""\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|""" + JAIS2_SPACES
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
AFMOE_SCRIPTS = (
    "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff"
    "\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+"
)
SPARK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]"""
    r"""|\s+(?!\S)|\s+"""
)


def family_steps():
    """Pre-tokenizers as the models' own tokenizer.json has them, by the name that a GGUF gives them."""
    from tokenizers import Regex, pre_tokenizers as pre

    def split(pattern):
        return pre.Split(Regex(pattern), "isolated")

    level = pre.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre.Digits(individual_digits=True)
    return named_steps() | {
        "olmo": [gpt2],
        "command-r": [digits, gpt2],
        "falcon": [pre.Punctuation("contiguous"), gpt2, pre.Digits(False), split("[0-9][0-9][0-9]")],
        "dbrx": [split(CONTRACTIONS + r"\p{N}{1,3}|" + TAIL), level],
        "minicpm5": [split(r"\p{N}{1,3}"), split(CONTRACTIONS + r"\p{N}+|" + TAIL), level],
        "hunyuan": [split(CONTRACTIONS + r"\p{N}|" + TAIL), level],
        "qwen35": [split(QWEN35), level],
        "seed-coder": [split(SEED), level],
        "bailingmoe": [split(BAILING), level],
        "deepseek-coder": [
            split("[\r\n]"),
            split(r"\s?\p{L}+"),
            split(r"\s?\p{P}+"),
            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            digits,
            level,
        ],
        "deepseek-v3": [
            split(r"\p{N}{1,3}"),
            split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
            split(DEEPSEEK3),
            level,
        ],
        "gpt-4o": [split(GPT_4O), level],
        "glm4": [split(CONTRACTIONS + r"\p{N}{1,3}|" + TAIL), level],
        "granite-embed-multi-97m": [split(GPT_4O), level],
        "kimi-k2": [split(KIMI), level],
        "youtu": [split(YOUTU_SCRIPTS), split(GPT_4O.replace(r"\p{N}{1,3}", r"\p{N}")), level],
        "exaone-moe": [split(EXAONE_MOE), level],
        "ufakzeka": [split(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + TAIL), level],
        "jais-2": [split(JAIS2), level],
        "bloom": [split(BLOOM), level],
        "viking": [split(BLOOM), digits, level],
        "spark2_5": [
            split(r"\p{N}{1,3}"),
            split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
            split(SPARK),
            digits,
            level,
        ],
        "laguna": [
            pre.Split(Regex(r"(?:\r?\n)+(?!\r?\n)"), "merged_with_next"),
            split(CONTRACTIONS + r"\p{N}|" + TAIL),
            level,
        ],
        "tiny_aya": [split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(GPT_4O), level],
        "afmoe": [split(r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"), split(AFMOE_SCRIPTS), split(DEEPSEEK3), level],
        "superbpe": [split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), level],
        "chameleon": [
            split("<sentinel:[0-9]+>"),
            split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
            split(r"([\t\n]|    |  )"),
            digits,
            split(r"[\p{P}!-/:-@\[-`{-~]"),
            split(GPT2),
            level,
        ],
    }


COMPOSED = ("qwen2", "qwen35", "olmo", "command-r")
WHOLE_WORDS = ("llama-bpe", "tekken", "minicpm5", "glm4", "granite-embed-multi-97m", "youtu")


def byte_level_vocabulary():
    merges = [tuple(m.split(" ")) for m in (GOLDEN / "tokenizer_merges.txt").read_text().split("\n")[:-1]]
    vocab = {}
    for piece in alphabet() + [a + b for a, b in merges]:
        vocab.setdefault(piece, len(vocab))
    return vocab, merges


def make_byte_level(blocks):
    from tokenizers import normalizers

    vocab, merges = byte_level_vocabulary()
    expected = {}
    for name, steps in family_steps().items():
        tokenizer = byte_bpe(vocab, merges, steps, name in WHOLE_WORDS)
        if name in COMPOSED:
            tokenizer.normalizer = normalizers.NFC()
        document = json.loads(tokenizer.to_str())
        expected[name] = {
            "normalizer": document["normalizer"],
            "pre_tokenizer": document["pre_tokenizer"],
            "ignore_merges": document["model"]["ignore_merges"],
            "blocks": results(tokenizer, blocks),
            "damaged": summary(encode_damaged(tokenizer, vocab, damaged_block(blocks[0]))),
        }
    return expected


def make_splits(blocks):
    """Every behaviour of tokenizer.json's cuts, before and behind ByteLevel."""
    from tokenizers import Regex, pre_tokenizers as pre

    vocab, merges = byte_level_vocabulary()
    level = pre.ByteLevel(add_prefix_space=False, use_regex=False)
    steps = {
        "text-isolated": [pre.Split(".", "isolated"), level],
        "text-previous": [pre.Split(" ", "merged_with_previous"), level],
        "text-next": [pre.Split(" t", "merged_with_next"), level],
        "vowels-next": [pre.Split(Regex("[aeiou]"), "merged_with_next"), level],
        "vowels-contiguous": [pre.Split(Regex("[aeiou]"), "contiguous"), level],
        "vowels-removed": [pre.Split(Regex("[aeiou]"), "removed"), level],
        "vowels-kept": [pre.Split(Regex("[aeiou]"), "removed", invert=True), level],
        "marks": [pre.Punctuation("isolated"), level],
        "marks-previous": [pre.Punctuation("merged_with_previous"), level],
        "marks-removed": [pre.Punctuation("removed"), level],
        "behind": [level, pre.Digits(True), pre.Split(Regex("[\u00a0-\u00ff]"), "merged_with_next")],
        "behind-removed": [level, pre.Punctuation("contiguous"), pre.Split(Regex("\u0120+"), "removed")],
    }
    expected = {}
    for name, members in steps.items():
        tokenizer = byte_bpe(vocab, merges, members, False)
        document = json.loads(tokenizer.to_str())
        expected[name] = {
            "normalizer": None,
            "pre_tokenizer": document["pre_tokenizer"],
            "ignore_merges": False,
            "blocks": results(tokenizer, blocks[:2]),
        }
    return expected


def make_prefix():
    """ByteLevel's space before every stretch between added tokens."""
    from tokenizers import Tokenizer, pre_tokenizers as pre

    tokenizer = Tokenizer.from_file(str(GOLDEN / "tokenizer_hf_qwen.json"))
    tokenizer.pre_tokenizer = pre.ByteLevel(add_prefix_space=True, use_regex=True)
    text = "theHTTPServerthe <|im_end|>  a<|im_start|>b"
    return {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}


def make_gemma(blocks):
    """SentencePiece as Gemma has it: no space before a text, runs of spaces and of newlines as pieces of their own. The
    pieces are those of tokenizer_spm.json; the whole is written as a tokenizer.model."""
    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as proto

    data = json.loads((GOLDEN / "tokenizer_spm.json").read_text(encoding="utf-8"))
    model = proto.ModelProto()
    model.trainer_spec.model_type = proto.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    for piece, score, kind in zip(data["tokens"], data["scores"], data["types"]):
        model.pieces.add(piece=piece, score=score, type=kind)
    own = ["\u2581" * n for n in range(2, 9)] + ["\n" * n for n in range(1, 4)] + ["<start_of_turn>", "<h1>", "Emma"]
    own = [piece for piece in own if piece not in data["tokens"]]
    for piece in own:
        model.pieces.add(piece=piece, score=0.0, type=proto.ModelProto.SentencePiece.USER_DEFINED)
    (GOLDEN / "tokenizer_gemma.model").write_bytes(model.SerializeToString())
    processor = spm.SentencePieceProcessor(model_proto=model.SerializeToString())
    text = "<start_of_turn>user\n\n\n\nEmma  and \u2581 Emma\u2581\u2581<h1>   \t x"
    return {
        "own": own,
        "blocks": [summary(processor.encode(b.decode("utf-8"))) for b in blocks],
        "text": text,
        "ids": processor.encode(text),
    }


def make_gemma_json(blocks):
    """The same as a tokenizer.json: a patch of tokenizer_hf_llama.json."""
    from tokenizers import Tokenizer

    document = json.loads((GOLDEN / "tokenizer_hf_llama.json").read_text(encoding="utf-8"))
    n_vocab = max(document["model"]["vocab"].values()) + 1
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": n_vocab + i, "content": text, "special": special, **flags}
        for i, (text, special) in enumerate([("\u2581\u2581", False), ("\n\n", False), ("<start_of_turn>", True)])
    ]
    pattern = {"String": " "}
    patch = {
        "normalizer": {"type": "Replace", "pattern": pattern, "content": "\u2581"},
        "pre_tokenizer": {"type": "Split", "pattern": pattern, "behavior": "MergedWithPrevious", "invert": False},
        "added_tokens": document["added_tokens"] + added,
    }
    newline = {"type": "Split", "pattern": {"Regex": "[^\\n]+|[\\n]+"}, "behavior": "Isolated", "invert": False}
    nfc = {"type": "Sequence", "normalizers": [{"type": "NFC"}, patch["normalizer"]]}
    variants = {"gemma": patch, "gemma-lines": {**patch, "normalizer": nfc, "pre_tokenizer": newline}}
    return {
        name: {
            "patch": patch,
            "blocks": results(Tokenizer.from_str(json.dumps({**document, **patch})), blocks[:6]),
        }
        for name, patch in variants.items()
    }


def bert_vocabulary(base):
    """Pieces of the text as it is and in lower case, so that every option finds some; not of its rarer characters.
    Each training orders them differently: the committed one stays where it is."""
    file = GOLDEN / "tokenizer_bert_vocab.txt"
    if file.exists():
        return file.read_text(encoding="utf-8").split("\n")[:-1]
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers as pre, trainers

    counts = collections.Counter(base)
    common = {c for c, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:300]}
    text = "".join(c for c in base if c in common)
    trained = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    trained.pre_tokenizer = pre.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=2600, special_tokens=special, show_progress=False)
    lower = normalizers.BertNormalizer(lowercase=True).normalize_str(text)
    trained.train_from_iterator(text.split("\n") + lower.split("\n"), trainer)
    vocab = trained.get_vocab()
    pieces = sorted(vocab, key=vocab.get)
    file.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return pieces


def make_bert(base, blocks):
    """BertWordPieceTokenizer under its options; text that is no UTF-8 is read with U+FFFD."""
    from tokenizers import BertWordPieceTokenizer

    pieces = bert_vocabulary(base)
    vocab = {piece: i for i, piece in enumerate(pieces)}
    variants = {
        "uncased": {},
        "cased": {"lowercase": False, "strip_accents": None},
        "accents": {"lowercase": True, "strip_accents": False},
        "no-accents": {"lowercase": False, "strip_accents": True},
        "chinese-words": {"handle_chinese_chars": False},
        "raw": {"clean_text": False},
    }
    expected = {}
    for name, options in variants.items():
        tokenizer = BertWordPieceTokenizer(vocab, **options)
        document = json.loads(tokenizer.to_str())
        tokenizer.decoder.cleanup = False
        ids = tokenizer.encode(blocks[3].decode("utf-8"), add_special_tokens=False).ids
        expected[name] = {
            "normalizer": document["normalizer"],
            "pre_tokenizer": document["pre_tokenizer"],
            "post_processor": document["post_processor"],
            "added_tokens": document["added_tokens"],
            "blocks": results(tokenizer, blocks),
            "damaged": summary(
                tokenizer.encode(damaged_block(blocks[0]).decode("utf-8", "replace"), add_special_tokens=False).ids
            ),
            "decoded": hashlib.sha256(tokenizer.decode(ids, skip_special_tokens=False).encode()).hexdigest(),
        }
    tokenizer = BertWordPieceTokenizer(vocab)
    text = "Paris is the [MASK] of\u3000France.[SEP] " + "x" * 101 + " unaffable\u4e2d\u6587\ud55c\u0130"
    expected["sentence"] = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
    return expected


def make_bert_characters():
    """A hash of the words that every character makes between two letters."""
    from tokenizers import normalizers, pre_tokenizers as pre

    words = pre.BertPreTokenizer()
    every = normalizers.BertNormalizer(lowercase=True)
    text = hashlib.sha256()
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and code != 0x11938:
            found = words.pre_tokenize_str(every.normalize_str(f"a{chr(code)}b"))
            text.update(" ".join(word for word, _ in found).encode() + b"\n")
    return text.hexdigest()


def main():
    base = (GOLDEN / "tokenizer_text.txt").read_bytes()
    lines = base.split(b"\n")
    blocks = [mixed_block(lines, b) for b in range(BLOCKS)]
    expected = {
        "byte_level": make_byte_level(blocks),
        "splits": make_splits(blocks),
        "prefix": make_prefix(),
        "gemma": make_gemma(blocks),
        "gemma_json": make_gemma_json(blocks),
        "bert": make_bert(base.decode("utf-8"), blocks),
        "bert_characters": make_bert_characters(),
    }
    (GOLDEN / "tokenizer_families.json").write_text(
        json.dumps(expected, ensure_ascii=True, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main()
