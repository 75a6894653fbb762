#!/usr/bin/env python3
"""tests/golden/tiny/NAME (a Hugging Face folder) -> NAME/model.gguf, with the keys and tensors that llama.cpp's
convert_hf_to_gguf.py writes (--outtype auto: matrices in the stored 16-bit type, vectors in F32), but no tokenizer.
Llama and Mistral become `llama`, q and k permuted to interleaved pairs; Qwen2 and Qwen3 keep half-split pairs.

Where that converter has no answer for these models, this script says more than it does:
- llama3: the converter looks for original_max_position_embeddings beside rope_parameters only and else takes 8192; here
  it is the number in rope_parameters, which transformers computes with.
- longrope: its Llama class knows none; keys and tensors are those of its Phi-3 class.
- Mistral: it drops the sliding window; here it is the key that other families have for theirs.
- partial rotation: its Llama class always rotates whole heads; here rope.dimension_count says how many dims are rotated
  and, in `llama`, only their rows are permuted (ggml rotates pairs 2i, 2i+1 below the count and passes the rest).
`dynamic` has no GGUF form, so no file; llama_mha has nothing over llama.

Needs: pip install numpy gguf torch safetensors.   Run: tools/make_tiny_gguf.py [NAME ...]"""
import json
import math
import pathlib
import sys
import gguf
import numpy
from safetensors.torch import load_file
from torch import bfloat16, float16, float32, uint8

NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("model.layers."):
        layer, part = stem.removeprefix("model.layers.").split(".", 1)
        return f"blk.{layer}.{NAMES[part]}.{kind}"
    return f"{NAMES[stem]}.{kind}"


def interleave(rows, n_heads, rotary_dim):
    """Half-split pairs (m, m + rotary_dim/2) of each head to neighbours (2m, 2m + 1)."""
    heads = rows.reshape(n_heads, -1, *rows.shape[1:]).clone()
    rotated = heads[:, :rotary_dim]
    heads[:, :rotary_dim] = rotated.reshape(n_heads, 2, rotary_dim // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rotated.shape)
    return heads.reshape(rows.shape)


def llama3_factors(rope, rotary_dim):
    """What each pair's frequency is divided by."""
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    trained = rope["original_max_position_embeddings"]
    factors = []
    for pair in range(0, rotary_dim, 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (pair / rotary_dim)
        kept = min(max((trained / wavelength - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - kept) / factor + kept))
    return factors


def write_numbers(out, config, head_dim, rotary_dim):
    out.add_block_count(config["num_hidden_layers"])
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(config["num_attention_heads"])
    out.add_head_count_kv(config["num_key_value_heads"])
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    if "head_dim" in config:
        out.add_key_length(head_dim)
        out.add_value_length(head_dim)
    if out.arch == "llama":
        out.add_vocab_size(config["vocab_size"])
    if out.arch == "llama" or rotary_dim != head_dim:
        out.add_rope_dimension_count(rotary_dim)
    if config["model_type"] == "mistral":
        out.add_sliding_window(config["sliding_window"])


def write_scaling(out, config, rope, rotary_dim):
    def add_factors(name, factors):
        out.add_tensor(name, numpy.array(factors, dtype=numpy.float32))

    kind = rope["rope_type"]
    if kind == "linear":
        out.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        out.add_rope_scaling_factor(rope["factor"])
    elif kind == "yarn":
        out.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        out.add_rope_scaling_factor(rope["factor"])
        out.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for key, add in (("attention_factor", out.add_rope_scaling_yarn_attn_factor),
                         ("beta_fast", out.add_rope_scaling_yarn_beta_fast), ("beta_slow", out.add_rope_scaling_yarn_beta_slow)):
            if rope.get(key) is not None:
                add(rope[key])
    elif kind == "llama3":
        add_factors("rope_freqs.weight", llama3_factors(rope, rotary_dim))
    elif kind == "longrope":
        trained = rope["original_max_position_embeddings"]
        scale = config["max_position_embeddings"] / trained
        out.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)
        out.add_rope_scaling_orig_ctx_len(trained)
        out.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(trained)) if scale > 1 else 1.0)
        add_factors("rope_factors_long.weight", rope["long_factor"])
        add_factors("rope_factors_short.weight", rope["short_factor"])
    elif kind != "default":
        raise SystemExit(f"{kind} has no GGUF form")


def convert(folder):
    config = json.loads((folder / "config.json").read_text())
    rope = config["rope_parameters"]
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    rotary_dim = int(head_dim * rope.get("partial_rotary_factor", 1))
    arch = {"mistral": "llama"}.get(config["model_type"], config["model_type"])
    out = gguf.GGUFWriter(folder / "model.gguf", arch)
    out.add_name(folder.name)
    write_numbers(out, config, head_dim, rotary_dim)
    write_scaling(out, config, rope, rotary_dim)
    file_type = {float16: gguf.LlamaFileType.MOSTLY_F16, bfloat16: gguf.LlamaFileType.MOSTLY_BF16, float32: gguf.LlamaFileType.ALL_F32}
    tensors = load_file(folder / "model.safetensors")
    out.add_file_type(file_type[tensors["model.embed_tokens.weight"].dtype])
    for name, tensor in tensors.items():
        for proj, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
            if arch == "llama" and proj in name:
                tensor = interleave(tensor, config[heads], rotary_dim)
        if tensor.ndim == 2 and tensor.dtype == bfloat16:
            out.add_tensor(gguf_name(name), tensor.contiguous().view(uint8).numpy(), raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            out.add_tensor(gguf_name(name), (tensor.float() if tensor.ndim == 1 else tensor).contiguous().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    print(folder.name, (folder / "model.gguf").stat().st_size)


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
for model in sys.argv[1:] or sorted(f.name for f in root.iterdir() if f.name not in ("dynamic", "llama_mha")):
    convert(root / model)
