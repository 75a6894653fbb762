#!/usr/bin/env python3
"""Seeds for the fuzz targets of the file readers: small valid files that use every value type, list type, tensor type,
container version and kind of question, and pieces of chat templates. Needs nothing but Python.   Run: tools/make_fuzz_corpus.py"""
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz/corpus"
# GGUF value types, and ggml tensor types with their block: (elements, bytes).
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
TENSORS = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
           "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
           "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18), "BF16": (30, 1, 2)}


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def key_value(key, kind, payload):
    return text(key) + struct.pack("<I", kind) + payload


def gguf(keys, tensors=(), version=3, alignment=32):
    """keys: encoded pairs; tensors: (name, shape, type name)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join(keys)
    data = b""
    for name, shape, kind in tensors:
        number, block, size = TENSORS[kind]
        n = 1
        for extent in shape:
            n *= extent
        head += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", e) for e in shape)
        head += struct.pack("<IQ", number, len(data))
        data += bytes(range(1, 256))[: n // block * size].ljust(n // block * size, b"\1")
        data += b"\0" * (-len(data) % alignment)
    return head + b"\0" * (-len(head) % alignment) + data


def safetensors(header, data):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def scalar(kind):
    return struct.pack(SCALARS[kind], 1)


def listing(kind, n=2):
    return struct.pack("<IQ", kind, n) + (scalar(kind) if kind != 8 else text("ab")) * n


seeds = {
    "gguf/scalars": gguf([key_value(f"k{t}", t, scalar(t)) for t in SCALARS] + [key_value("s", 8, text("x"))]),
    "gguf/lists": gguf([key_value(f"k{t}", 9, listing(t)) for t in [*SCALARS, 8]]),
    "gguf/version2": gguf([key_value("general.architecture", 8, text("llama"))], version=2),
    "gguf/aligned": gguf([key_value("general.alignment", 4, struct.pack("<I", 64))], [("t", [8], "F32")], alignment=64),
    "gguf/shapes": gguf([], [(f"t{d}", [2] * d, "F32") for d in (1, 2, 3, 4)]),
    **{f"gguf/{kind}": gguf([], [("a", [256], kind), ("b", [256, 1], kind)]) for kind in TENSORS},
    "safetensors/types": safetensors({d: {"dtype": d, "shape": [1], "data_offsets": [8 * i, 8 * i + n]} for i, (d, n) in
                                      enumerate([("F64", 8), ("I64", 8)])}, bytes(16)),
    "safetensors/float": safetensors({"a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}, "b": {
        "dtype": "F16", "shape": [2], "data_offsets": [8, 12]}, "c": {"dtype": "BF16", "shape": [], "data_offsets": [12, 14]}}, bytes(14)),
    "safetensors/metadata": safetensors(b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}   ', b""),
    "questions/ruler": b'{"index":1,"input":"a b?","outputs":["A","c"],"length":9,"answer_prefix":"is"}\n',
    **{f"questions/{name}": json.dumps({"input": "Abc 3", "context": "the x. Paragraph 3", "answers": [answer], "length": 5,
                                        "dataset": name, "all_classes": classes, "_id": "1"}, ensure_ascii=False).encode()
       for name, answer, classes in [("hotpotqa", "an Abc", None), ("dureader", "段落3", None), ("samsum", "a. b", None),
                                     ("trec", "Abc", ["A", "Abc"]), ("passage_count", "3", None), ("lcc", "x #", None),
                                     ("passage_retrieval_en", "Paragraph 3", None), ("multifieldqa_zh", "好a", None)]},
}
for path, content in seeds.items():
    (CORPUS / path).parent.mkdir(parents=True, exist_ok=True)
    (CORPUS / path).write_bytes(content)
for config in (ROOT / "tests/golden/tiny").glob("*/config.json"):
    (CORPUS / "config" / config.parent.name).write_bytes(config.read_bytes())
snippets = json.loads((ROOT / "tests/golden/chat/snippets.json").read_text(encoding="utf-8"))
(CORPUS / "chat_template").mkdir(exist_ok=True)
for i in range(0, len(snippets), 10):
    (CORPUS / f"chat_template/snippets{i // 10}").write_text("\n".join(snippets[i:i + 10]), encoding="utf-8")
for name in ("gpt_oss", "qwen3", "command_r7b", "llama31", "deepseek_r1_distill", "call_block"):
    (CORPUS / "chat_template" / name).write_bytes((ROOT / f"tests/golden/chat/templates/{name}.jinja").read_bytes())
