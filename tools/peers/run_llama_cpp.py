# SPDX-License-Identifier: Apache-2.0
"""Logits of a GGUF file with the flags that `ropewalk export` prints, by llama-cpp-python. One process for many: reads
JSON lines {model, flags, tokens, out, float32} from standard input, writes out (.npy, float32 [n, n_vocab]) and answers
one line each, {"n_ctx_train": what llama-server caps a request's context at} or {"error": ...}.
Each flag sets what common/arg.cpp of llama.cpp sets for it; one that is not here is an error."""
import argparse
import json
import pathlib
import sys
import tempfile
import gguf
import llama_cpp
import numpy

SCALING = {"none": llama_cpp.LLAMA_ROPE_SCALING_TYPE_NONE, "linear": llama_cpp.LLAMA_ROPE_SCALING_TYPE_LINEAR,
           "yarn": llama_cpp.LLAMA_ROPE_SCALING_TYPE_YARN}


class Flags(argparse.ArgumentParser):
    def error(self, message):
        raise ValueError(message)


def overrides(text):
    """key=type:value, comma-separated, as string_parse_kv_override reads them."""
    kind_of = {"int": int, "float": float, "str": str, "bool": lambda word: word == "true"}
    result = {}
    for item in text.split(","):
        key, value = item.split("=", 1)
        kind, value = value.split(":", 1)
        result[key] = kind_of[kind](value)
    return result


def parse(flags):
    parser = Flags(allow_abbrev=False)
    parser.add_argument("-c", dest="n_ctx", type=int, required=True)
    parser.add_argument("--rope-scaling", dest="rope_scaling_type", type=SCALING.__getitem__)
    parser.add_argument("--rope-scale", dest="rope_freq_scale", type=lambda text: 1 / float(text))
    parser.add_argument("--rope-freq-base", dest="rope_freq_base", type=float)
    parser.add_argument("--yarn-orig-ctx", dest="yarn_orig_ctx", type=int)
    parser.add_argument("--yarn-beta-fast", dest="yarn_beta_fast", type=float)
    parser.add_argument("--yarn-beta-slow", dest="yarn_beta_slow", type=float)
    parser.add_argument("--override-kv", dest="kv_overrides", type=overrides)
    return {key: value for key, value in vars(parser.parse_args(flags)).items() if value is not None}


def as_float32(path, out):
    """The same model with weights of 32 bits (with 16, llama.cpp rounds what it multiplies them by), and with the word that
    it has no tokenizer, without which llama.cpp does not load it."""
    reader = gguf.GGUFReader(path)
    arch = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(out, arch)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", "general.file_type"):
            writer.add_key_value(name, field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("no_vocab")
    if f"{arch}.vocab_size" not in reader.fields:
        writer.add_vocab_size(next(int(t.shape[1]) for t in reader.tensors if t.name == "token_embd.weight"))
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def logits(model, flags, tokens):
    """Also n_ctx_train."""
    settings = {"yarn_attn_factor": -1.0, "yarn_beta_fast": -1.0, "yarn_beta_slow": -1.0, **parse(flags)}  # -1: unset
    n_batch = min(512, len(tokens))
    llama = llama_cpp.Llama(model, logits_all=True, verbose=False, n_batch=n_batch, n_ubatch=n_batch,
                            type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, **settings)
    llama.eval(tokens)
    return numpy.array(llama.scores[:len(tokens)], dtype=numpy.float32), llama_cpp.llama_model_n_ctx_train(llama.model)


print(json.dumps({"llama-cpp-python": llama_cpp.__version__}), flush=True)
for line in sys.stdin:
    task, answer = json.loads(line), {}
    try:
        with tempfile.TemporaryDirectory() as work:
            model = as_float32(task["model"], str(pathlib.Path(work) / "model.gguf")) if task["float32"] else task["model"]
            values, answer["n_ctx_train"] = logits(model, task["flags"], task["tokens"])
        numpy.save(task["out"], values)
    except Exception as error:  # the caller prints it as this line's result
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), flush=True)
