#!/usr/bin/env python3
"""tests/golden/tiny/NAME of Gemma 4 -> NAME/model.gguf, with the keys and tensors that llama.cpp's converter
(conversion/gemma.py, Gemma4Model) writes, but no tokenizer. What is easily done wrong:
- key_length and rope.dimension_count are those of layers that see far, *_swa those of the others; head_count_kv and
  feed_forward_length are lists where layers differ.
- Nothing is added to the norms.
- rope_freqs holds 1 for pairs that turn and 1e30 for the others, and is of the layers that see far alone.
- router.scale is ffn_gate_inp.scale, router.per_expert_scale is ffn_down_exps.scale; gate and up of experts stay one tensor.

Needs: pip install numpy gguf torch safetensors.   Run: tools/make_tiny_gguf_gemma4.py [NAME ...]"""
import json
import pathlib
import sys
import gguf
import numpy
from safetensors.torch import load_file

NAMES = {"embed_tokens.weight": "token_embd.weight", "lm_head.weight": "output.weight", "norm.weight": "output_norm.weight", "embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
         "per_layer_model_projection.weight": "per_layer_model_proj.weight", "per_layer_projection_norm.weight": "per_layer_proj_norm.weight",
         "self_attn.q_proj.weight": "attn_q.weight", "self_attn.k_proj.weight": "attn_k.weight", "self_attn.v_proj.weight": "attn_v.weight",
         "self_attn.o_proj.weight": "attn_output.weight", "self_attn.q_norm.weight": "attn_q_norm.weight", "self_attn.k_norm.weight": "attn_k_norm.weight",
         "mlp.gate_proj.weight": "ffn_gate.weight", "mlp.up_proj.weight": "ffn_up.weight", "mlp.down_proj.weight": "ffn_down.weight",
         "input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "post_attention_norm.weight",
         "pre_feedforward_layernorm.weight": "ffn_norm.weight", "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
         "pre_feedforward_layernorm_2.weight": "pre_ffw_norm_2.weight", "post_feedforward_layernorm_1.weight": "post_ffw_norm_1.weight",
         "post_feedforward_layernorm_2.weight": "post_ffw_norm_2.weight", "per_layer_input_gate.weight": "inp_gate.weight",
         "per_layer_projection.weight": "proj.weight", "post_per_layer_input_norm.weight": "post_norm.weight", "layer_scalar": "layer_output_scale.weight",
         "router.proj.weight": "ffn_gate_inp.weight", "router.scale": "ffn_gate_inp.scale", "router.per_expert_scale": "ffn_down_exps.scale",
         "experts.gate_up_proj": "ffn_gate_up_exps.weight", "experts.down_proj": "ffn_down_exps.weight"}
SIZES = ("head_dim", "num_key_value_heads")


def write_numbers(out, c):
    n, windowed = c["num_hidden_layers"], [kind == "sliding_attention" for kind in c["layer_types"]]
    head_dim, n_kv_heads = ([c["per_layer_config"].get(str(l), {}).get(key, c[key]) for l in range(n)] for key in SIZES)
    far, near = head_dim[windowed.index(False)], c["head_dim"]
    out.add_block_count(n)
    out.add_context_length(c["max_position_embeddings"])
    out.add_embedding_length(c["hidden_size"])
    first_shared, d_ff = n - c["num_kv_shared_layers"], c["intermediate_size"]
    out.add_feed_forward_length([d_ff * (2 if l >= first_shared else 1) for l in range(n)] if c["use_double_wide_mlp"] else d_ff)
    out.add_head_count(c["num_attention_heads"])
    out.add_head_count_kv(n_kv_heads if len(set(n_kv_heads)) > 1 else n_kv_heads[0])
    out.add_layer_norm_rms_eps(c["rms_norm_eps"])
    rope = c["rope_parameters"]
    out.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    out.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
    out.add_sliding_window(c["sliding_window"])
    out.add_sliding_window_pattern(windowed)
    out.add_shared_kv_layers(c["num_kv_shared_layers"])
    out.add_embedding_length_per_layer_input(c["hidden_size_per_layer_input"])
    out.add_key_length(far)
    out.add_value_length(far)
    out.add_key_length_swa(near)
    out.add_value_length_swa(near)
    out.add_rope_dimension_count(far)
    out.add_rope_dimension_count_swa(near)
    if c["final_logit_softcapping"]:
        out.add_final_logit_softcapping(c["final_logit_softcapping"])
    if c["enable_moe_block"]:
        out.add_expert_count(c["num_experts"])
        out.add_expert_used_count(c["top_k_experts"])
        out.add_expert_feed_forward_length(c["moe_intermediate_size"])
    turning = int(far * rope["full_attention"]["partial_rotary_factor"] / 2)
    out.add_tensor("rope_freqs.weight", numpy.array([1.0] * turning + [1e30] * (far // 2 - turning), dtype=numpy.float32))


def convert(folder):
    whole = json.loads((folder / "config.json").read_text())
    out = gguf.GGUFWriter(folder / "model.gguf", "gemma4")
    out.add_name(folder.name)
    write_numbers(out, whole.get("text_config", whole))
    out.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, tensor in load_file(folder / "model.safetensors").items():
        if "vision" in name:
            continue
        name = name.removeprefix("model.").removeprefix("language_model.")
        layer = ""
        if name.startswith("layers."):
            _, layer, name = name.split(".", 2)
        target = (f"blk.{layer}." if layer else "") + NAMES[name]
        plain = tensor.ndim == 1 or target.endswith("ffn_gate_inp.weight")
        out.add_tensor(target, (tensor.float() if plain else tensor).contiguous().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    print(folder.name, (folder / "model.gguf").stat().st_size)


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
for model in sys.argv[1:] or sorted(f.name for f in root.iterdir() if f.name.startswith("gemma4")):
    convert(root / model)
