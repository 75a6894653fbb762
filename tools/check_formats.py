#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weight formats in a real model, against llama.cpp: SmolLM2's weights are quantised by ggml's own code (an importance matrix
of ones), as many of its matrices as the format's blocks divide. For each format:
  same      ropewalk's losses of the file in float32, and of the file expanded by ggml's dequantize_row_*: equal to the bit
  ropewalk  loss of the text's second half, nats, as it is usually computed (bf16, products of 8-bit integers)
  llama.cpp the same of llama.cpp, on the same file
Exit code: how many were not the same; the losses are for who reads them.
Needs: pip install numpy gguf llama-cpp-python   Run: tools/check_formats.py [--folder DIR] [TYPE ...]   (1 GB in DIR)"""
import argparse
import ctypes
import json
import pathlib
import subprocess
import sys

import gguf
import llama_cpp
import numpy as np

from make_golden_llama import chunk_losses, open_context, open_model

ROOT = pathlib.Path(__file__).resolve().parent.parent
# ggml type: its number, weights and bytes of a block.
TYPES = {"Q4_0": (2, 32, 18), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18), "MXFP4": (39, 32, 17),
         "IQ4_XS": (23, 256, 136), "Q1_0": (41, 128, 18), "Q2_0": (42, 64, 18), "IQ3_S": (21, 256, 110), "IQ3_XXS": (18, 256, 98),
         "IQ2_S": (22, 256, 82), "IQ2_XS": (17, 256, 74), "IQ2_XXS": (16, 256, 66), "IQ1_S": (19, 256, 50), "IQ1_M": (29, 256, 56),
         "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66), "NVFP4": (40, 64, 36)}
library = ctypes.CDLL(str(next(pathlib.Path(llama_cpp.__file__).parent.glob("lib/libllama.so"))))
library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [ctypes.c_void_p]
library.ggml_quantize_chunk.restype = ctypes.c_size_t


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def quantised(name, values):
    """Bytes of a matrix (n_out, n_in), and what ggml makes of them again."""
    number, block, size = TYPES[name]
    n_out, n_in = values.shape
    data, ones = np.zeros((n_out, n_in // block * size), np.uint8), np.ones(n_in, np.float32)
    values = np.ascontiguousarray(values, np.float32)
    library.ggml_quantize_chunk(number, pointer(values), pointer(data), 0, n_out, n_in, pointer(ones))
    again = np.zeros_like(values)
    getattr(library, "dequantize_row_" + name.lower().replace("_k", "_K"))(pointer(data), pointer(again), ctypes.c_int64(values.size))
    return data, again


def write(source, target, name, expanded):
    """`source` with its matrices in the format, or as the format has them in F32. How many there are."""
    out, n = gguf.GGUFWriter(target, "llama"), 0
    for key, field in source.fields.items():
        if not key.startswith("GGUF.") and key not in ("general.architecture", "general.file_type"):
            kind = field.types[0]
            out.add_key_value(key, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for tensor in source.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(tensor.shape[::-1])
        if values.ndim == 2 and "blk." in tensor.name and values.shape[1] % TYPES[name][1] == 0:
            data, again = quantised(name, values)
            n += 1
            if not expanded:
                # The package knows no Q2_0: the type is put into the file behind it.
                out.add_tensor_info(tensor.name, list(values.shape), np.dtype(np.float32), data.nbytes,
                                    raw_dtype=gguf.GGMLQuantizationType.F32)
                out.tensors[-1][tensor.name].dtype = Number(TYPES[name][0])
                out.tensors[-1][tensor.name].tensor = data
                continue
            values = again
        out.add_tensor(tensor.name, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return n


class Number(int):
    """A type by its number alone."""
    value = property(int)


def losses(binary, path, ids, *options):
    run = subprocess.run([binary, "logits", path, "--tokens", ids, "--nll", *options], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["nll"]


def of_llama(path, tokens):
    model, vocab = open_model(path)
    context = open_context(model, len(tokens))
    mean = float(np.mean(chunk_losses(context, tokens, llama_cpp.llama_vocab_n_tokens(vocab))))
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return mean


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="*", default=list(TYPES))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/ropewalk-formats"))
    parser.add_argument("--binary", default=ROOT / "build/release/ropewalk")
    parser.add_argument("--tokens", type=int, default=256)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    model = ROOT / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    source, ids, failed = gguf.GGUFReader(model), args.folder / "ids", 0
    text = (ROOT / "data/persuasion.txt").read_text(encoding="utf-8")[5000:20000]
    run = subprocess.run([args.binary, "tokenize", model, "--ids", "-"], input=text, capture_output=True, text=True, check=True)
    tokens = [int(word) for word in run.stdout.split()][:args.tokens]
    ids.write_text(" ".join(map(str, tokens)))
    print("| format | matrices | same | ropewalk | llama.cpp |\n|---|---|---|---|---|")
    for name in args.types:
        mine, whole = args.folder / f"{name}.gguf", args.folder / "expanded.gguf"
        n = write(source, mine, name, False)
        write(source, whole, name, True)
        same = losses(args.binary, mine, ids, "--precision", "f32") == losses(args.binary, whole, ids, "--precision", "f32")
        usual = float(np.mean(losses(args.binary, mine, ids)[len(tokens) // 2:]))
        try:
            theirs = f"{of_llama(mine, tokens):.4f}"
        except Exception as error:
            theirs = type(error).__name__
        failed += not same
        print(f"| {name} | {n} | {'yes' if same else 'NO'} | {usual:.4f} | {theirs} |", flush=True)
        mine.unlink()
    return failed


if __name__ == "__main__":
    sys.exit(main())
