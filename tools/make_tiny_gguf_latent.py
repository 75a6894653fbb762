#!/usr/bin/env python3
"""tests/golden/tiny/NAME of families with multi-head latent attention -> NAME/model.gguf, with the keys and tensors that
llama.cpp's converter (conversion/{deepseek,glm,minicpm}.py) writes, but no tokenizer. What is easily done wrong:
- kv_b_proj is taken apart, and its half of keys turned: attn_k_b is (heads, rank, dims), attn_v_b (heads, dims, rank). The
  file then says one key head as wide as a latent and a rotated part, and the heads' widths in keys of their own (*_mla).
  Older files, here deepseek_v2 and deepseek_dense, and MiniCPM3 hold attn_kv_b as it is, with the heads' own widths.
- yarn_log_multiplier is a tenth of mscale_all_dim. mscale has no key: it is taken for the same, so what has another
  (deepseek_v3_mscale) has no GGUF form.
- Rotated dims stay in the pairs that they have: neighbours, and in MiniCPM3 halves.
- MiniCPM3's multipliers are the published model's, whatever the config says.
Of glm4_moe_lite attn_k_b is written as Q8_0, which holds its numbers exactly.

Needs: pip install numpy gguf torch safetensors.   Run: tools/make_tiny_gguf_latent.py [NAME ...]"""
import json
import math
import pathlib
import sys
import gguf
import numpy
import torch
from safetensors.torch import load_file

ARCHS = {"deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2", "glm4_moe_lite": "deepseek2", "minicpm3": "minicpm3"}
WITHOUT, OLD, IN_BLOCKS = ("deepseek_v3_mscale",), ("deepseek_v2", "deepseek_dense", "minicpm3"), ("glm4_moe_lite",)
NAMES = {"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
         "self_attn.q_proj": "attn_q", "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
         "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b",
         "self_attn.o_proj": "attn_output", "mlp.gate": "ffn_gate_inp",
         **{f"mlp.{block}{part}_proj": f"ffn_{part}{kind}" for block, kind in (("", ""), ("shared_experts.", "_shexp")) for part in ("gate", "up", "down")}}


def in_layer(name, c, part, t):
    """(name, tensor) pairs of one tensor of a layer."""
    if part.endswith("e_score_correction_bias"):
        return [("exp_probs_b.bias", t)]
    if part.endswith((".experts.gate_up_proj", ".experts.down_proj")):
        parts = zip(("gate", "up"), t.chunk(2, dim=1)) if "gate_up" in part else [("down", t)]
        return [(f"ffn_{which}_exps.weight", rows) for which, rows in parts]
    if part == "self_attn.kv_b_proj.weight" and name not in OLD:
        keys, values = t.reshape(c["num_attention_heads"], -1, t.shape[1]).split((c["qk_nope_head_dim"], c["v_head_dim"]), dim=1)
        return [("attn_k_b.weight", keys.transpose(1, 2)), ("attn_v_b.weight", values)]
    stem, kind = part.rsplit(".", 1)
    return [(f"{NAMES[stem]}.{kind}", t)]


def converted(name, c, tensors):
    experts = {}
    for full, t in tensors.items():
        full = full.removeprefix("model.")
        if not full.startswith("layers."):
            stem, kind = full.rsplit(".", 1)
            yield f"{NAMES[stem]}.{kind}", t
            continue
        layer, part = full.removeprefix("layers.").split(".", 1)
        if ".experts." in part and part.split(".experts.")[1][0].isdigit():
            number, which = part.split(".experts.")[1].removesuffix("_proj.weight").split(".")
            experts.setdefault(f"blk.{layer}.ffn_{which}_exps.weight", {})[int(number)] = t
            continue
        yield from ((f"blk.{layer}.{target}", rows) for target, rows in in_layer(name, c, part, t))
    for target, parts in experts.items():
        yield target, torch.stack([parts[i] for i in sorted(parts)])


def write_numbers(out, name, c):
    arch, n_heads, rank, rotated = out.arch, c["num_attention_heads"], c["kv_lora_rank"], c["qk_rope_head_dim"]
    out.add_block_count(c["num_hidden_layers"])
    out.add_context_length(c["max_position_embeddings"])
    out.add_embedding_length(c["hidden_size"])
    out.add_feed_forward_length(c["intermediate_size"])
    out.add_head_count(n_heads)
    out.add_head_count_kv(n_heads if name in OLD else 1)
    out.add_layer_norm_rms_eps(c["rms_norm_eps"])
    out.add_vocab_size(c["vocab_size"])
    if c["q_lora_rank"] is not None:
        out.add_q_lora_rank(c["q_lora_rank"])
    out.add_kv_lora_rank(rank)
    width = c["qk_nope_head_dim"] + rotated
    out.add_key_length(width if name in OLD else rank + rotated)
    if arch != "minicpm3":
        out.add_value_length(c["v_head_dim"] if name in OLD else rank)
        out.add_rope_freq_base(c["rope_parameters"]["rope_theta"])
    if name not in OLD:
        out.add_key_length_mla(width)
        out.add_value_length_mla(c["v_head_dim"])
    out.add_rope_dimension_count(rotated)


def write_experts(out, c, tensors):
    if "n_routed_experts" not in c:
        return
    out.add_leading_dense_block_count(sum(f"model.layers.{i}.mlp.gate.weight" not in tensors for i in range(c["num_hidden_layers"])))
    out.add_expert_count(c["n_routed_experts"])
    out.add_expert_used_count(c["num_experts_per_tok"])
    out.add_expert_feed_forward_length(c["moe_intermediate_size"])
    out.add_expert_shared_count(c["n_shared_experts"])
    out.add_expert_weights_scale(c["routed_scaling_factor"])
    if c["norm_topk_prob"]:
        out.add_expert_weights_norm(True)
    if c.get("n_group"):
        out.add_expert_group_count(c["n_group"])
        out.add_expert_group_used_count(c["topk_group"])
    if c["model_type"] != "deepseek_v2":
        out.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def write_scaling(out, c):
    rope = c["rope_parameters"]
    if rope["rope_type"] == "yarn":
        out.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        out.add_rope_scaling_factor(rope["factor"])
        out.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        out.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        out.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        out.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])
    elif rope["rope_type"] == "longrope":
        trained, scale = rope["original_max_position_embeddings"], c["max_position_embeddings"] / rope["original_max_position_embeddings"]
        out.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)
        out.add_rope_scaling_orig_ctx_len(trained)
        out.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(trained)))
        for kind in ("long", "short"):
            out.add_tensor(f"rope_factors_{kind}.weight", numpy.array(rope[f"{kind}_factor"], dtype=numpy.float32))


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
for folder in sorted(root.iterdir()):
    config = folder / "config.json"
    if folder.name in WITHOUT or not config.exists() or (sys.argv[1:] and folder.name not in sys.argv[1:]):
        continue
    numbers = json.loads(config.read_text())
    if numbers["model_type"] not in ARCHS:
        continue
    weights = load_file(folder / "model.safetensors")
    writer = gguf.GGUFWriter(folder / "model.gguf", ARCHS[numbers["model_type"]])
    write_numbers(writer, folder.name, numbers)
    write_experts(writer, numbers, weights)
    write_scaling(writer, numbers)
    for tensor_name, tensor in converted(folder.name, numbers, weights):
        exact = tensor.ndim == 1 or "norm" in tensor_name or "ffn_gate_inp" in tensor_name
        data = tensor.to(torch.float32 if exact else torch.float16).contiguous().numpy()
        if folder.name in IN_BLOCKS and "attn_k_b" in tensor_name:
            data = data.astype(numpy.float32)
            blocks = gguf.quants.quantize(data, gguf.GGMLQuantizationType.Q8_0)
            assert (gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType.Q8_0) == data).all()
            writer.add_tensor(tensor_name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
            continue
        writer.add_tensor(tensor_name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(folder.name, (folder / "model.gguf").stat().st_size)
