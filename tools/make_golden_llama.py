#!/usr/bin/env python3
"""What llama.cpp makes of llama-perplexity's protocol, for the task `llama`. The tool itself does not come with
llama-cpp-python, so its loop (tools/perplexity/perplexity.cpp) is spelled out here over llama_decode: the text with BOS
in front is cut into chunks of n_ctx tokens, each one's first token becomes BOS where the vocabulary adds one, the cache
is cleared, and positions n_ctx/2 .. n_ctx-2 are scored. Weights are expanded to F32 and keys and values are F32, so
that llama.cpp rounds no activations.

Golden of the tiny model, whose GGUF gets an empty vocabulary here:
    tools/make_golden_llama.py > tests/golden/llama_perplexity.json
A real model, to be compared with `ropewalk eval F32.gguf --text TEXT --precision f32 --tasks llama`:
    tools/make_golden_llama.py MODEL.gguf TEXT N_CTX F32.gguf

Needs: pip install numpy gguf llama-cpp-python"""
import ctypes
import importlib.metadata
import json
import math
import pathlib
import sys
import tempfile
import gguf
import llama_cpp
import numpy

TINY = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny/llama/model.gguf"


def write_f32(source, target):
    """`source` with every tensor in F32; "no_vocab" where it has no tokenizer, which llama.cpp asks for."""
    reader = gguf.GGUFReader(source)
    out = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind = field.types[0]
        out.add_key_value(name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    if "tokenizer.ggml.model" not in reader.fields:
        out.add_tokenizer_model("no_vocab")
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        out.add_tensor(tensor.name, values.reshape(tensor.shape[::-1]))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def open_model(path):
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    return model, llama_cpp.llama_model_get_vocab(model)


def open_context(model, n_ctx):
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = n_ctx
    params.n_seq_max = 1
    params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
    params.flash_attn_type = 0
    params.offload_kqv = False
    params.n_threads = params.n_threads_batch = 2
    return llama_cpp.llama_init_from_model(model, params)


def chunk_losses(context, chunk, n_vocab):
    n = len(chunk)
    batch = llama_cpp.llama_batch_init(n, 0, 1)
    batch.n_tokens = n
    for i, token in enumerate(chunk):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0] = token, i, 1, 0
        batch.logits[i] = i >= n // 2
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    assert llama_cpp.llama_decode(context, batch) == 0
    losses = []
    for i in range(n // 2, n - 1):
        row = llama_cpp.llama_get_logits_ith(context, i)
        logits = numpy.ctypeslib.as_array(ctypes.cast(row, ctypes.POINTER(ctypes.c_float)), (n_vocab,)).astype(float)
        top = logits.max()
        losses.append(top + math.log(numpy.exp(logits - top).sum()) - logits[chunk[i + 1]])
    llama_cpp.llama_batch_free(batch)
    return losses


def perplexity(model, n_vocab, tokens, bos, n_ctx):
    """Mean loss, number of targets and of chunks; `tokens` has BOS in front where `bos` is one."""
    context = open_context(model, n_ctx)
    n_chunks = len(tokens) // n_ctx
    losses = []
    for k in range(n_chunks):
        chunk = tokens[k * n_ctx:(k + 1) * n_ctx]
        if bos is not None:
            chunk[0] = bos
        losses += chunk_losses(context, chunk, n_vocab)
    llama_cpp.llama_free(context)
    return {"n_ctx": n_ctx, "loss": sum(losses) / len(losses), "n_targets": len(losses), "chunks": n_chunks}


def golden():
    x, document = 7, []
    for _ in range(300):
        x = (x * 1664525 + 1013904223) % 2**32
        document.append((x >> 8) % 128)
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "f32.gguf"
        write_f32(TINY, path)
        model, _ = open_model(path)
        for bos in (1, None):
            for n_ctx in (32, 64, 100):  # trained on 64
                tokens = ([] if bos is None else [bos]) + document
                cases.append({"bos": bos, **perplexity(model, 128, tokens, bos, n_ctx)})
    versions = {"llama_cpp_python": llama_cpp.__version__, "gguf": importlib.metadata.version("gguf")}
    print(json.dumps({"versions": versions, "model": "tiny/llama", "document": document, "cases": cases}))


def real(source, text, n_ctx, target):
    write_f32(source, target)
    model, vocab = open_model(target)
    data = pathlib.Path(text).read_bytes()
    tokens = (llama_cpp.llama_token * len(data))()
    n = llama_cpp.llama_tokenize(vocab, data, len(data), tokens, len(data), True, False)
    bos = llama_cpp.llama_vocab_bos(vocab) if llama_cpp.llama_vocab_get_add_bos(vocab) else None
    print(json.dumps(perplexity(model, llama_cpp.llama_vocab_n_tokens(vocab), list(tokens[:n]), bos, int(n_ctx))))


if __name__ == "__main__":
    golden() if len(sys.argv) == 1 else real(*sys.argv[1:])
