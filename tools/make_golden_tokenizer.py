# SPDX-License-Identifier: Apache-2.0
"""Goldens of the tokenizer: ids by the packages `tokenizers` and `sentencepiece`.

Usage: make_golden_tokenizer.py MODEL.gguf [FOLDER]     writes tokenizer_* (tests/golden, or another folder to compare)
MODEL.gguf: SmolLM2-135M-Instruct.Q4_1 (tools/get_model.sh). Made again, the files are the same to the byte.
Versions used: tokenizers 0.23.3, sentencepiece 0.2.3, gguf 0.19.0, Python 3.11 (Unicode 14).

The 1 MB of mixed text is not stored: `mixed_text` builds it from a small base text by a rule that
tests/tokenizer/golden_text.h repeats, and only counts and hashes of the ids are kept.
"""

import collections
import io
import json
import pathlib
import sys
import unicodedata

from golden_tokenizer_text import BLOCKS, Lcg, base_text, damaged_block, mixed_block

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
TAIL = r""" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
CONTRACTIONS = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"""
TEKKEN = (
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"""
    r"""|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
DEEPSEEK_LETTERS = (  # as the authors' tokenizer.json lists them
    "A-Z a-z B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 "
    "3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 "
    "1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC "
    "1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 "
    "2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 "
    "2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 "
    "FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943"
)


def deepseek_class():
    ranges = []
    for item in DEEPSEEK_LETTERS.split():
        ranges.append(item if item in ("A-Z", "a-z") else "-".join(chr(int(x, 16)) for x in item.split("-")))
    return "".join(ranges)


def valid_runs(data):
    """(run, None) for valid stretches, (None, byte) for each byte that begins no valid character."""
    i, start = 0, 0
    while i < len(data):
        for size in (1, 2, 3, 4):
            try:
                text = data[i : i + size].decode("utf-8")
            except UnicodeDecodeError:
                continue
            if len(text) == 1 and i + size <= len(data):
                break
        else:
            size = 0
        if size:
            i += size
            continue
        if i > start:
            yield data[start:i].decode("utf-8"), None
        yield None, data[i]
        i += 1
        start = i
    if i > start:
        yield data[start:i].decode("utf-8"), None


def fnv(ids):
    value = 0xCBF29CE484222325
    for token in ids:
        value = ((value ^ token) * 0x100000001B3) % (1 << 64)
    return f"{value:016x}"


def summary(ids):
    return {"count": len(ids), "fnv": fnv(ids)}


# --------------------------------------------------------------------------------------------- vocabularies
def alphabet():
    """GPT-2's spelling of the 256 bytes, by byte."""
    prints = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table, extra = {b: chr(b) for b in prints}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return [table[b] for b in range(256)]


def named_steps():
    from tokenizers import Regex, pre_tokenizers as pre

    def split(pattern):
        return pre.Split(Regex(pattern), "isolated")

    level = pre.ByteLevel(add_prefix_space=False, use_regex=False)
    return {
        "gpt-2": [split(GPT2), level],
        "smollm": [pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False, use_regex=True)],
        "llama-bpe": [split(CONTRACTIONS + r"\p{N}{1,3}|" + TAIL), level],
        "qwen2": [split(CONTRACTIONS + r"\p{N}|" + TAIL), level],
        "deepseek-llm": [
            split(r"[\r\n]"),
            split(rf"\s?[{deepseek_class()}]+"),
            split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
            split(r"\s+$"),
            split("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            pre.Digits(individual_digits=True),
            level,
        ],
        "tekken": [split(TEKKEN), level],
    }


def byte_bpe(vocab, merges, steps, whole_words):
    from tokenizers import Tokenizer, models, pre_tokenizers as pre

    result = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=whole_words))
    result.pre_tokenizer = pre.Sequence(steps)
    return result


def encode_damaged(tokenizer, vocab, data):
    """A byte outside UTF-8 is its own token, or U+FFFD where the vocabulary has none for it."""
    ids, spelling = [], alphabet()
    for run, byte in valid_runs(data):
        if run is None and spelling[byte] in vocab:
            ids.append(vocab[spelling[byte]])
        else:
            ids += tokenizer.encode(run or "\ufffd", add_special_tokens=False).ids
    return ids


def results(tokenizer, blocks):
    return [summary(tokenizer.encode(b.decode("utf-8"), add_special_tokens=False).ids) for b in blocks]


def make_byte_bpe(base, blocks):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers as pre, trainers

    # Trained on whole lines: the merges cross words, so that every wrong cut shows in the ids.
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre.Sequence(
        [
            pre.Split(Regex(r"\n"), "merged_with_previous"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=3500, initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False, max_token_length=24
    )
    trained.train_from_iterator([base.decode("utf-8")] + [blocks[15].decode("utf-8")], trainer)
    merges = [tuple(m) for m in json.loads(trained.to_str())["model"]["merges"]]
    vocab = {}
    for piece in alphabet() + [a + b for a, b in merges]:
        vocab.setdefault(piece, len(vocab))
    (GOLDEN / "tokenizer_merges.txt").write_text(
        "\n".join(f"{a} {b}" for a, b in merges) + "\n", encoding="utf-8"
    )
    expected = {}
    for name, steps in named_steps().items():
        tokenizer = byte_bpe(vocab, merges, steps, name in ("llama-bpe", "tekken"))
        if name == "qwen2":  # its models' tokenizer.json composes text first; a GGUF says so by the name alone
            tokenizer.normalizer = normalizers.NFC()
        expected[name] = {
            "blocks": results(tokenizer, blocks),
            "damaged": summary(encode_damaged(tokenizer, vocab, damaged_block(blocks[0]))),
        }
    return expected


def make_spm(base, blocks):
    import sentencepiece as spm

    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(base.decode("utf-8").split("\n")),
        model_writer=model,
        vocab_size=2000,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=0.99,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        minloglevel=2,
    )
    processor = spm.SentencePieceProcessor(model_proto=model.getvalue())
    n = processor.get_piece_size()
    kinds = [
        2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1
        for i in range(n)
    ]
    data = {
        "tokens": [processor.id_to_piece(i) for i in range(n)],
        "scores": [processor.get_score(i) for i in range(n)],
        "types": kinds,
    }
    (GOLDEN / "tokenizer_spm.json").write_text(
        json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    return {"blocks": [summary(processor.encode(b.decode("utf-8"))) for b in blocks]}


def make_hf(base, blocks):
    """tokenizer.json files as `tokenizers` writes them, and variants as patches of their top-level members."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers as pre,
        processors,
        trainers,
    )

    text = base.decode("utf-8")
    qwen = Tokenizer(models.BPE())
    qwen.normalizer = normalizers.NFC()
    qwen.pre_tokenizer = pre.Sequence(named_steps()["qwen2"])
    qwen.train_from_iterator(
        [text],
        trainers.BpeTrainer(vocab_size=900, show_progress=False, initial_alphabet=pre.ByteLevel.alphabet()),
    )
    qwen.add_special_tokens(
        ["<|endoftext|>", "<|im_start|>", AddedToken("<|im_end|>", rstrip=True, special=True)]
    )
    qwen.add_tokens([AddedToken("HTTPServer", normalized=False)])
    llama = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    llama.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    llama.pre_tokenizer = pre.Split(Regex("\u2581[^\u2581\\n]*|[^\u2581]"), "isolated")  # for training only
    # The 150 commonest characters; `limit_alphabet` would break ties differently in each run.
    common = {
        c for c, _ in sorted(collections.Counter(text).items(), key=lambda item: (-item[1], item[0]))[:150]
    }
    llama.train_from_iterator(
        ["".join(c for c in text if c in common)],
        trainers.BpeTrainer(
            vocab_size=1100,
            show_progress=False,
            special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)],
        ),
    )
    document = json.loads(llama.to_str())  # the byte pieces are ordinary entries, not added tokens
    document["added_tokens"] = [t for t in document["added_tokens"] if not t["content"].startswith("<0x")]
    document["pre_tokenizer"] = None
    llama = Tokenizer.from_str(json.dumps(document))
    llama.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    expected = {}
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True}
    variants = {
        "qwen": (
            qwen,
            {
                "as-is": {},
                "gpt2": {
                    "normalizer": None,
                    "pre_tokenizer": {
                        "type": "ByteLevel",
                        "add_prefix_space": True,
                        "trim_offsets": True,
                        "use_regex": True,
                    },
                },
                "digits": {
                    "pre_tokenizer": {
                        "type": "Sequence",
                        "pretokenizers": [
                            {"type": "Digits", "individual_digits": False},
                            {
                                "type": "Split",
                                "pattern": {"Regex": GPT2},
                                "behavior": "Removed",
                                "invert": True,
                            },
                            {
                                "type": "ByteLevel",
                                "add_prefix_space": False,
                                "trim_offsets": True,
                                "use_regex": False,
                            },
                        ],
                    }
                },
            },
        ),
        "llama": (
            llama,
            {
                "as-is": {},
                "metaspace": {"normalizer": None, "pre_tokenizer": metaspace},
                "metaspace-always": {
                    "normalizer": None,
                    "pre_tokenizer": dict(metaspace, prepend_scheme="always", split=False),
                },
            },
        ),
    }
    for name, (tokenizer, patches) in variants.items():
        document = json.loads(tokenizer.to_str())
        (GOLDEN / f"tokenizer_hf_{name}.json").write_text(
            json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
        )
        for variant, patch in patches.items():
            patched = Tokenizer.from_str(json.dumps({**document, **patch}))
            expected[f"{name}/{variant}"] = {"patch": patch, "blocks": results(patched, blocks[:6])}
    return expected


def make_model(path, blocks):
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    vocab = {t: i for i, t in enumerate(tokens)}
    tokenizer = byte_bpe(vocab, merges, named_steps()[fields["tokenizer.ggml.pre"].contents()], False)
    plain = {
        "blocks": results(tokenizer, blocks),
        "damaged": summary(encode_damaged(tokenizer, vocab, damaged_block(blocks[0]))),
    }
    tokenizer.add_special_tokens([t for t, k in zip(tokens, kinds) if k == 3])
    prompt = "<|im_start|>user\nHello there!<|im_end|>\n<|im_start|>assistant\n"
    return {
        **plain,
        "prompt": prompt,
        "prompt_ids": tokenizer.encode(prompt, add_special_tokens=False).ids,
        "special_blocks": results(tokenizer, blocks[:4]),
    }


def make_nfc_cases(base):
    """Every kind of sequence: NFD and shuffled marks of many characters, as pairs."""
    lcg, cases = Lcg(5), []
    pool = [
        0x41, 0x65, 0x915, 0x93C, 0x300, 0x301, 0x323, 0x307, 0x345, 0x1100, 0x1161, 0x11A8,
        0xAC00, 0xAC01, 0x212B, 0x2126, 0x958, 0x1F71, 0xF900, 0x2F800, 0x1D15E, 0x3099, 0x304B, 0x9BC,
        0x9C7, 0x9D7, 0x20, 0x338, 0x2260,
    ]
    for _ in range(400):
        text = "".join(chr(pool[lcg.next() % len(pool)]) for _ in range(1 + lcg.next() % 6))
        cases.append([text, unicodedata.normalize("NFC", text)])
    return cases


def main():
    global GOLDEN
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    base = base_text()
    GOLDEN = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else GOLDEN
    lines = base.split(b"\n")
    blocks = [mixed_block(lines, b) for b in range(BLOCKS)]
    expected = {
        "bytes": sum(map(len, blocks)),
        "named": make_byte_bpe(base, blocks),
        "spm": make_spm(base, blocks),
        "hf": make_hf(base, blocks),
        "nfc": make_nfc_cases(base),
        "model": make_model(sys.argv[1], blocks),
    }
    (GOLDEN / "tokenizer_expected.json").write_text(
        json.dumps(expected, ensure_ascii=True, separators=(",", ":")) + "\n"
    )
    print("bytes of mixed text:", expected["bytes"])


if __name__ == "__main__":
    main()
