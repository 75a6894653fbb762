#!/usr/bin/env python3
"""tests/golden/tiny/NAME (a Hugging Face folder) -> NAME/model.gguf, with the keys and tensors that llama.cpp's
converter (conversion/*.py) writes (--outtype auto: matrices in the stored 16-bit type, vectors and norms in F32), but no
tokenizer. Llama and its like become interleaved pairs, q and k permuted; the others keep the pairs that they have.
Vision tensors are left out; one is added to the norms of Gemma and Nemotron.

Where that converter has no answer for these models, this script says more than it does:
- llama3: the converter looks for original_max_position_embeddings beside rope_parameters only and else takes 8192; here
  it is the number in rope_parameters, which transformers computes with.
- longrope: its Llama class knows none; keys and tensors are those of its Phi-3 class.
- Mistral, StarCoder2: it drops the sliding window; here it is the key that other families have for theirs.
- partial rotation: its Llama class always rotates whole heads; here rope.dimension_count says how many dims are rotated
  and, in `llama`, only their rows are permuted (ggml rotates pairs 2i, 2i+1 below the count and passes the rest).
- Falcon 7B: it takes num_kv_heads, which says 71 there; here it is the one key head of multi_query.
- layers of different size (llama_by_layer): it knows lists of heads, key heads and d_ff (DeciLM); those of head_dim and
  rotated dims are spelled the same way.
- SmolLM3, Cohere2, GPT-NeoX: rotary_pct and the like are read where transformers 5 writes them.
No GGUF form have: `dynamic`; RoFormer; an attention scale of Gemma that is not its size's (gemma2_scale, gemma3_images).
llama_mha has nothing over llama.

Needs: pip install numpy gguf torch safetensors.   Run: tools/make_tiny_gguf.py [NAME ...]"""
import json
import math
import pathlib
import sys
import gguf
import numpy
import torch
from safetensors.torch import load_file
from torch import bfloat16, float16, float32, uint8

WITHOUT = ("dynamic", "llama_mha", "roformer", "roformer_v2", "gemma2_scale", "gemma3_images")
ARCHS = {"mistral": "llama", "gemma3_text": "gemma3", "phi": "phi2", "qwen2_vl": "qwen2vl", "qwen2_5_vl": "qwen2vl", "qwen3_vl": "qwen3vl",
         "mistral3": "mistral3", "ministral3": "mistral3", "olmo3": "olmo2", "hunyuan_v1_dense": "hunyuan-dense", "glm": "chatglm", "exaone4_5": "exaone4", "cohere": "command-r",
         "gpt_neox": "gptneox", "mixtral": "llama", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe", "qwen3_vl_moe": "qwen3vlmoe",
         "granitemoeshared": "granitemoe", "glm4_moe": "glm4moe", "ernie4_5_moe": "ernie4_5-moe", "hunyuan_v1_moe": "hunyuan-moe",
         "minimax_m2": "minimax-m2", "gpt_oss": "gpt-oss"}
# Whose folders are refused: what is left of them here is the GGUF.
GGUF_ALONE = ("gpt-oss",)
# Those whose q and k are permuted to interleaved pairs.
PERMUTED = ("llama", "deci", "mistral3", "granite", "smollm3", "arcee", "minicpm", "internlm2", "baichuan", "granitemoe")
# What the converter calls "Llama" writes these two beside.
LLAMAS = ("llama", "mistral3", "granite", "smollm3", "arcee", "granitemoe")
NORM_PLUS_ONE = ("gemma", "gemma2", "gemma3", "nemotron")
NAMES = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
         "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm",
         # Gemma 2 and 3, OLMo 2, EXAONE 4, GLM-4
         "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
         "post_self_attn_layernorm": "post_attention_norm", "post_mlp_layernorm": "post_ffw_norm",
         # Phi, StarCoder2, Hunyuan, StableLM
         "final_layernorm": "output_norm", "self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down",
         "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down", "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up",
         "self_attn.query_layernorm": "attn_q_norm", "self_attn.key_layernorm": "attn_k_norm",
         "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm",
         # GPT-NeoX, Falcon
         "embed_in": "token_embd", "embed_out": "output", "final_layer_norm": "output_norm", "word_embeddings": "token_embd",
         "ln_f": "output_norm", "attention.dense": "attn_output", "self_attention.dense": "attn_output",
         "attention.query_key_value": "attn_qkv", "self_attention.query_key_value": "attn_qkv",
         "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down", "ln_mlp": "attn_norm", "ln_attn": "attn_norm_2",
         # InternLM2
         "tok_embeddings": "token_embd", "attention.wo": "attn_output", "feed_forward.w1": "ffn_gate", "feed_forward.w3": "ffn_up",
         "feed_forward.w2": "ffn_down", "attention_norm": "attn_norm", "ffn_norm": "ffn_norm",
         # experts: routers, what rows share, matrices of one expert
         "mlp.router": "ffn_gate_inp", "mlp.gate": "ffn_gate_inp", "mlp.gate.wg": "ffn_gate_inp", "block_sparse_moe.gate": "ffn_gate_inp",
         "block_sparse_moe.router.layer": "ffn_gate_inp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
         **{f"mlp.{shared}.{part}_proj": f"ffn_{part}_shexp" for shared in ("shared_expert", "shared_experts", "shared_mlp")
            for part in ("gate", "up", "down")},
         "shared_mlp.output_linear": "ffn_down_shexp", "block_sparse_moe.output_linear": "ffn_down_exps"}
EXPERT_PARTS = {"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}
AFTER_ATTENTION = ("gemma2", "gemma3", "olmo2", "exaone4", "seed_oss", "glm4moe", "gpt-oss")  # where post_attention_layernorm is called so


def gguf_name(name, arch):
    stem, kind = name.rsplit(".", 1)
    for prefix in ("language_model.", "model.language_model.", "model.", "gpt_neox.", "transformer."):
        stem = stem.removeprefix(prefix)
    for layers in ("layers.", "h."):
        if stem.startswith(layers):
            layer, part = stem.removeprefix(layers).split(".", 1)
            after = part == "post_attention_layernorm" and arch in AFTER_ATTENTION
            return f"blk.{layer}.{'post_attention_norm' if after else NAMES[part]}.{kind}"
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


class Folder:
    """config.json, its text part where there are images, and what follows from it."""

    def __init__(self, folder):
        whole = json.loads((folder / "config.json").read_text())
        self.config = c = whole.get("text_config", whole)
        self.kind = whole["model_type"]
        self.arch = ARCHS.get(self.kind, self.kind)
        self.rope_by_layer = c["rope_parameters"]
        self.rope = self.rope_by_layer.get("full_attention", self.rope_by_layer)
        self.n_layers, self.n_heads, self.d_model = c["num_hidden_layers"], c["num_attention_heads"], c["hidden_size"]
        self.n_kv_heads = c.get("num_key_value_heads_per_layer") or c.get("num_key_value_heads", self.n_heads)
        if self.kind == "falcon":
            self.n_kv_heads = c["num_kv_heads"] if c["new_decoder_architecture"] else 1
        self.head_dim = c.get("head_dim") or self.d_model // self.n_heads
        part = self.rope.get("partial_rotary_factor", 1)
        self.rotary_dim = [int(d * part) for d in self.head_dim] if isinstance(self.head_dim, list) else int(self.head_dim * part)
        self.tensors = {name: tensor for name, tensor in load_file(folder / "model.safetensors").items()
                        if "visual." not in name and "vision_" not in name and "multi_modal_projector" not in name}


def of_layer(number, name):
    """The entry of a list for the layer of a tensor; a number is for all."""
    return number[int(name.split(".")[1])] if isinstance(number, list) else number


def add_lengths(out, f):
    """A list where layers differ, which the writer's own functions do not take."""
    for key, number in (("attention.key_length", f.head_dim), ("attention.value_length", f.head_dim)):
        (out.add_array if isinstance(number, list) else out.add_uint32)(f"{f.arch}.{key}", number)


def write_numbers(out, f):
    c, arch = f.config, f.arch
    out.add_block_count(f.n_layers)
    out.add_context_length(c["max_position_embeddings"])
    out.add_embedding_length(f.d_model)
    out.add_feed_forward_length(4 * f.d_model if arch == "falcon" else c["intermediate_size"])
    out.add_head_count(f.n_heads)
    if arch != "gptneox":
        out.add_head_count_kv(f.n_kv_heads)
    if "rms_norm_eps" in c or arch == "nemotron":
        out.add_layer_norm_rms_eps(c.get("rms_norm_eps", c.get("norm_eps")))
    for key in ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"):
        if key in c:
            out.add_layer_norm_eps(c[key])
    if arch not in ("gemma", "gemma2", "phi2", "gptneox", "falcon", "stablelm", "baichuan"):
        out.add_rope_freq_base(f.rope["rope_theta"])
    if "sliding_attention" in f.rope_by_layer:
        out.add_rope_freq_base_swa(f.rope_by_layer["sliding_attention"]["rope_theta"])
    if "mrope_section" in f.rope:
        out.add_rope_dimension_sections((f.rope["mrope_section"] + [0])[:4])
    if "head_dim" in c and arch not in ("granite", "granitemoe", "baichuan"):
        add_lengths(out, f)
    if arch in (*LLAMAS, "exaone4", "cohere2", "nemotron"):
        out.add_vocab_size(c["vocab_size"])
    if f.rotary_dim != f.head_dim or arch in (*LLAMAS, "phi2", "phi3", "chatglm", "glm4", "cohere2", "gptneox", "stablelm", "nemotron", "baichuan", "minimax-m2", "glm4moe"):
        (out.add_array if isinstance(f.rotary_dim, list) else out.add_uint32)(f"{arch}.rope.dimension_count", f.rotary_dim)
    window = c.get("sliding_window")
    if arch == "phi3" or (window is not None and arch not in ("qwen2", "qwen2vl", "smollm3")):
        out.add_sliding_window(window or 0)
        if arch in ("olmo2", "exaone4"):
            out.add_sliding_window_pattern([kind == "sliding_attention" for kind in c["layer_types"]])


def write_experts(out, f):
    c = f.config
    count = next((c[key] for key in ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts") if c.get(key)), 0)
    if count == 0:
        return
    out.add_expert_count(count)
    out.add_expert_used_count(next(c[key] for key in ("num_experts_per_tok", "moe_k", "moe_topk") if key in c))
    if f.arch not in ("llama", "granitemoe", "olmoe"):
        out.add_expert_feed_forward_length(c.get("moe_intermediate_size", c["intermediate_size"]))
    shared = {"qwen2moe": c.get("shared_expert_intermediate_size"), "granitemoe": c.get("shared_intermediate_size"),
              "hunyuan-moe": c["intermediate_size"]}.get(f.arch)
    if f.arch == "ernie4_5-moe":
        shared = c["moe_intermediate_size"] * c["moe_num_shared_experts"]
        out.add_leading_dense_block_count(c["moe_layer_start_index"])
        out.add_interleave_moe_layer_step(c["moe_layer_interval"])
    if shared:
        out.add_expert_shared_feed_forward_length(shared)
    if f.arch == "glm4moe":
        out.add_expert_shared_count(c["n_shared_experts"])
        out.add_leading_dense_block_count(c["first_k_dense_replace"])
        out.add_expert_weights_scale(c["routed_scaling_factor"])
        out.add_expert_weights_norm(c["norm_topk_prob"])
        out.add_expert_group_count(c["n_group"])
        out.add_expert_group_used_count(c["topk_group"])
    if f.arch in ("glm4moe", "minimax-m2"):
        out.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def write_own_numbers(out, f):
    """What one family alone says."""
    c, arch = f.config, f.arch
    if arch == "gemma2":
        out.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        out.add_final_logit_softcapping(c["final_logit_softcapping"])
    elif arch in ("granite", "granitemoe"):
        out.add_attention_scale(c["attention_multiplier"])
        out.add_embedding_scale(c["embedding_multiplier"])
        out.add_residual_scale(c["residual_multiplier"])
        out.add_logit_scale(c["logits_scaling"])
    elif arch == "minicpm":
        out.add_embedding_scale(c["scale_emb"])
        out.add_residual_scale(c["scale_depth"] / f.n_layers ** 0.5)
        out.add_logit_scale(f.d_model / c["dim_model_base"])
    elif arch in ("command-r", "cohere2"):
        out.add_logit_scale(c["logit_scale"])
        out.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    elif arch in ("gptneox", "stablelm"):
        out.add_parallel_residual(c["use_parallel_residual"])
    elif arch == "falcon":
        out.add_tensor_data_layout("jploski")
    elif arch == "baichuan":
        out.add_tensor_data_layout("Meta AI original pth")
    elif arch in ("qwen3vl", "qwen3vlmoe"):
        out.add_num_deepstack_layers(1)
    elif arch == "nemotron":
        out.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    elif f.kind == "ministral3":
        out.add_rope_scaling_yarn_log_mul(f.rope["mscale_all_dim"])
        out.add_attn_temperature_scale(f.rope["llama_4_scaling_beta"])


def write_scaling(out, f):
    def add_factors(name, factors):
        out.add_tensor(name, numpy.array(factors, dtype=numpy.float32))

    rope, kind = f.rope, f.rope["rope_type"]
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
        add_factors("rope_freqs.weight", llama3_factors(rope, f.rotary_dim))
    elif kind == "longrope":
        trained = rope["original_max_position_embeddings"]
        scale = f.config["max_position_embeddings"] / trained
        if f.arch != "phi3":  # which has the tensors alone
            out.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)
        out.add_rope_scaling_orig_ctx_len(trained)
        out.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(trained)) if scale > 1 else 1.0)
        add_factors("rope_factors_long.weight", rope["long_factor"])
        add_factors("rope_factors_short.weight", rope["short_factor"])
    elif kind == "dynamic" and f.kind == "hunyuan_v1_dense":
        out.add_rope_freq_base(rope["rope_theta"] * rope["alpha"] ** (f.head_dim / (f.head_dim - 2)))
        out.add_rope_scaling_type(gguf.RopeScalingType.NONE)
        out.add_rope_scaling_factor(1)
        out.add_rope_scaling_orig_ctx_len(256 * 1024)
    elif kind != "default":
        raise SystemExit(f"{kind} has no GGUF form")
    elif f.arch == "phi3":
        out.add_rope_scaling_orig_ctx_len(f.config["original_max_position_embeddings"])


def split_groups(rows, f):
    """[q ... q, k, v] of each key head -> q of all, k of all, v of all."""
    groups = rows.reshape(f.n_kv_heads, f.n_heads // f.n_kv_heads + 2, f.head_dim, *rows.shape[1:])
    return [part.reshape(-1, *rows.shape[1:]) for part in (groups[:, :-2], groups[:, -2], groups[:, -1])]


def converted(f):
    """The tensors under GGUF's names: those that it keeps apart split, those that it keeps together joined."""
    norms, experts = {}, {}
    for name, tensor in f.tensors.items():
        if "_layernorm.norms." in name:  # StableLM: one norm a head
            stem, number, kind = name.replace(".norms.", ".").rsplit(".", 2)
            norms.setdefault(f"{stem}.{kind}", {})[int(number)] = tensor
            continue
        if f.arch == "gpt-oss" and (".experts." in name or name.endswith(".sinks")):  # by columns, gate and up in turn
            blk = f"blk.{name.split('layers.')[1].split('.')[0]}."
            kind = "bias" if name.endswith("_bias") else "weight"
            if name.endswith(".sinks"):
                yield f"{blk}attn_sinks.weight", tensor
            elif "down_proj" in name:
                yield f"{blk}ffn_down_exps.{kind}", tensor if kind == "bias" else tensor.transpose(1, 2)
            else:
                for first, part in enumerate(("gate", "up")):
                    rows = tensor[..., first::2]
                    yield f"{blk}ffn_{part}_exps.{kind}", rows if kind == "bias" else rows.transpose(1, 2)
            continue
        if name.endswith((".experts.gate_up_proj", ".experts.down_proj")):  # stacks as transformers 5 holds them
            blk = f"blk.{name.split('layers.')[1].split('.')[0]}."
            parts = zip(("gate", "up"), tensor.chunk(2, dim=1)) if "gate_up" in name else [("down", tensor)]
            yield from ((f"{blk}ffn_{part}_exps.weight", rows) for part, rows in parts)
            continue
        if ".experts." in name:  # one matrix of one expert
            blk, (number, part) = name.split("layers.")[1].split(".")[0], name.split(".experts.")[1].removesuffix(".weight").split(".")
            experts.setdefault(f"blk.{blk}.ffn_{EXPERT_PARTS[part]}_exps.weight", {})[int(number)] = tensor
            continue
        if name.endswith("input_linear.weight"):  # Granite: gate and up
            kind = "shexp" if "shared_mlp" in name else "exps"
            blk = f"blk.{name.split('layers.')[1].split('.')[0]}."
            yield from ((f"{blk}ffn_{part}_{kind}.weight", rows) for part, rows in zip(("gate", "up"), tensor.chunk(2, dim=-2)))
            continue
        if "e_score_correction_bias" in name:
            yield f"blk.{name.split('layers.')[1].split('.')[0]}.exp_probs_b.bias", tensor.squeeze()
            continue
        if ".attention.wqkv." in name or ".W_pack." in name:
            blk = f"blk.{name.split('layers.')[1].split('.')[0]}."
            parts = split_groups(tensor, f) if "wqkv" in name else tensor.chunk(3)
            yield from ((f"{blk}{part}.weight", rows) for part, rows in zip(("attn_q", "attn_k", "attn_v"), parts))
            continue
        if "query_key_value" in name:
            tensor = torch.cat(split_groups(tensor, f))
        target = "output.weight" if name == "output.weight" else gguf_name(name, f.arch)
        if f.arch in NORM_PLUS_ONE and target.endswith("norm.weight"):
            tensor = tensor.float() + 1
        yield target, tensor.squeeze() if target.endswith("ffn_gate_inp_shexp.weight") else tensor
    for name, parts in experts.items():
        yield name, torch.stack([parts[i] for i in sorted(parts)])
    for name, parts in norms.items():
        yield gguf_name(name, f.arch), torch.stack([parts[i] for i in sorted(parts)])


def convert(folder):
    f = Folder(folder)
    out = gguf.GGUFWriter(folder / "model.gguf", f.arch)
    out.add_name(folder.name)
    write_numbers(out, f)
    write_experts(out, f)
    write_own_numbers(out, f)
    write_scaling(out, f)
    file_type = {float16: gguf.LlamaFileType.MOSTLY_F16, bfloat16: gguf.LlamaFileType.MOSTLY_BF16, float32: gguf.LlamaFileType.ALL_F32}
    out.add_file_type(file_type[next(t.dtype for t in f.tensors.values() if t.ndim == 2)])
    for name, tensor in converted(f):
        for part, heads in (("attn_q.", f.n_heads), ("attn_k.", f.n_kv_heads)):
            if f.arch in PERMUTED and part in name:
                tensor = interleave(tensor, of_layer(heads, name), of_layer(f.rotary_dim, name))
        if tensor.ndim == 2 and tensor.dtype == bfloat16:
            out.add_tensor(name, tensor.contiguous().view(uint8).numpy(), raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            plain = tensor.ndim == 1 or name.endswith(("_norm.weight", ".bias")) or "ffn_gate_inp" in name
            out.add_tensor(name, (tensor.float() if plain else tensor).contiguous().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    print(folder.name, (folder / "model.gguf").stat().st_size)
    if f.arch in GGUF_ALONE:
        for name in ("config.json", "model.safetensors"):
            (folder / name).unlink()


# Written by scripts of their own: make_tiny_gguf_{hybrids,gemma4,latent}.py.
OF_OTHERS = ("qwen3_5", "qwen3_next", "lfm2", "granitemoehybrid", "nemotron_h", "gemma4", "deepseek", "glm4_moe_lite", "minicpm3")


def is_mine(folder):
    return folder.name not in WITHOUT and (folder / "config.json").exists() and not json.loads(
        (folder / "config.json").read_text())["model_type"].startswith(OF_OTHERS)


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
for model in sys.argv[1:] or sorted(f.name for f in root.iterdir() if is_mine(f)):
    convert(root / model)
