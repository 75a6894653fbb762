#!/usr/bin/env python3
"""Tiny random models of every family and kind of own scaling, and what transformers computes with them (float32, eager
attention, from the stored 16-bit weights): tests/golden/tiny/NAME/{config.json,model.safetensors,expected.json}.
tools/make_tiny_gguf.py then writes NAME/model.gguf beside them. Shapes are odd on purpose, multipliers are not 1, windows
and trained lengths are shorter than the recorded texts.

What transformers does not know is an equal model of another family, whose folder is then written as the family writes
its own: MiniCPM from Granite, InternLM2 and Baichuan from Llama. RoFormer v2 is its v1 with the changes of
JunnyU/RoFormer_pytorch (weightless RMS norms, no biases, the embeddings as head).
Needs: pip install torch transformers safetensors.   Run: tools/make_golden_transformers.py [NAME ...]"""
import contextlib
import json
import pathlib
import shutil
import sys
import unittest.mock
import safetensors.torch
import torch
import transformers
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config,
                          Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)
from transformers.models.phi3 import modeling_phi3

common = dict(vocab_size=128, hidden_size=64, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.15,
              attn_implementation="eager", bos_token_id=1, eos_token_id=2, pad_token_id=None)
long_factor = [1.0, 1.1, 1.3, 1.7, 2.2, 2.9, 3.4, 4.0]
short_factor = [1.0, 1.0, 1.05, 1.05, 1.1, 1.1, 1.2, 1.2]


def llama(**more):
    return LlamaForCausalLM, LlamaConfig(**{**common, "tie_word_embeddings": False, **more})


MODELS = {
    "llama": llama(),
    "llama_tied": llama(tie_word_embeddings=True),
    "llama_mha": llama(num_key_value_heads=4, rope_theta=500000.0),
    "mistral": (MistralForCausalLM, MistralConfig(**common, sliding_window=16, tie_word_embeddings=False)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**common, tie_word_embeddings=False)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**common, head_dim=32, tie_word_embeddings=False)),
    "linear": llama(rope_scaling={"rope_type": "linear", "factor": 2.0}),
    "dynamic": llama(rope_scaling={"rope_type": "dynamic", "factor": 2.0}),
    "yarn": llama(max_position_embeddings=128, rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}),
    "llama3": llama(max_position_embeddings=256, rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 32, "low_freq_factor": 1.0, "high_freq_factor": 4.0}),
    "longrope": llama(max_position_embeddings=128, original_max_position_embeddings=32, rope_scaling={
        "rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 32, "long_factor": long_factor, "short_factor": short_factor}),
    "partial": llama(rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "partial_qwen2": (Qwen2ForCausalLM, Qwen2Config(**{**common, "max_position_embeddings": 128}, tie_word_embeddings=False, rope_parameters={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 10000.0, "partial_rotary_factor": 0.5,
        "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.3})),
    "llama_bias": llama(attention_bias=True),
    "qwen3_bias": (Qwen3ForCausalLM, Qwen3Config(**common, head_dim=32, attention_bias=True, tie_word_embeddings=False)),
}


def family(kind, heads, n_layers=2, d_model=36, d_ff=20, **more):
    """`heads`: query and key heads. What a family has no key for is left out of its config.json."""
    config = getattr(transformers, kind + "Config")
    wanted = {**common, "hidden_size": d_model, "intermediate_size": d_ff, "num_hidden_layers": n_layers,
              "num_attention_heads": heads[0], "num_key_value_heads": heads[1]}
    known = {key: value for key, value in wanted.items() if hasattr(config, key) or key == "attn_implementation"}
    return kind, config(**{**known, **more})


def with_images(kind, text, vision, **more):
    """A multimodal model, whose text part alone is computed. `text`: what family() gives."""
    config = getattr(transformers, kind + "Config")
    return kind, config(text_config={**text[1].to_dict(), **more}, vision_config=vision, tie_word_embeddings=False,
                        attn_implementation="eager")


def yarn(base, **more):
    return {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "rope_theta": base, **more}


local, whole = "sliding_attention", "full_attention"
base8 = {"rope_type": "default", "rope_theta": 8e6}
llama3 = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 32, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "rope_theta": 1e6}
longrope_of_12 = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
                  "long_factor": long_factor[:6], "short_factor": short_factor[:6]}
gemma3_rope = {local: {"rope_type": "default", "rope_theta": 10000.0},
               whole: {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}}
qwen_eyes = {"depth": 1, "embed_dim": 8, "hidden_size": 36, "num_heads": 1, "patch_size": 2, "mlp_ratio": 1}
sections = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 2, 2]}
gemma4_rope = {local: {"rope_type": "default", "rope_theta": 10000.0},
               whole: {"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25}}
recurrent = "linear_attention"
delta_first = [recurrent, recurrent, whole, recurrent]
quarter = {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.25}
delta = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 12, "linear_value_head_dim": 20, "linear_conv_kernel_dim": 4}
# As llama.cpp needs it: keys as wide as values, and every fourth layer attention.
in_fours = [recurrent] * 3 + [whole]
even_delta = {**delta, "linear_key_head_dim": 20}
mamba = {"mamba_n_heads": 4, "mamba_d_head": 18, "mamba_n_groups": 2, "mamba_d_state": 12, "mamba_expand": 2, "mamba_d_conv": 4}
nemotron_mamba = {"mamba_num_heads": 4, "mamba_head_dim": 20, "n_groups": 2, "ssm_state_size": 12, "conv_kernel": 4}
latent = {"kv_lora_rank": 20, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8}
many = {"n_routed_experts": 12, "num_experts_per_tok": 3, "moe_intermediate_size": 12}
FAMILIES = {
    "gemma": family("Gemma", (1, 1), n_layers=1, d_model=32, head_dim=256),
    "gemma2": family("Gemma2", (3, 1), n_layers=3, head_dim=16, sliding_window=16, query_pre_attn_scalar=16,
                     attn_logit_softcapping=2.0, final_logit_softcapping=1.5),
    "gemma2_scale": family("Gemma2", (3, 1), head_dim=16, sliding_window=16, query_pre_attn_scalar=40,
                           attn_logit_softcapping=2.0, final_logit_softcapping=1.5),
    "gemma3": family("Gemma3Text", (3, 1), n_layers=7, d_model=24, head_dim=16, sliding_window=16,
                     query_pre_attn_scalar=16, rope_parameters=gemma3_rope),
    "gemma3_images": with_images(
        "Gemma3", family("Gemma3Text", (3, 1), head_dim=16, sliding_window=16, query_pre_attn_scalar=24,
                         layer_types=[local, whole], rope_parameters=gemma3_rope),
        {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 8, "patch_size": 4}),
    "phi": family("Phi", (3, 3), n_layers=1, hidden_act="gelu_new", rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "phi3": family("Phi3", (6, 2), sliding_window=24),
    "phi4_mini": family("Phi3", (3, 1), d_model=48, max_position_embeddings=128, original_max_position_embeddings=32,
                        tie_word_embeddings=True, rope_parameters=longrope_of_12),
    "qwen2_vl": with_images("Qwen2VL", family("Qwen2", (3, 1)), qwen_eyes,
                            rope_parameters=sections, model_type="qwen2_vl_text"),
    "qwen2_5_vl": with_images("Qwen2_5_VL", family("Qwen2", (3, 1)), {
        "depth": 1, "hidden_size": 8, "out_hidden_size": 36, "intermediate_size": 8, "num_heads": 1, "patch_size": 2},
                              rope_parameters=sections, model_type="qwen2_5_vl_text"),
    "qwen3_vl": with_images("Qwen3VL", family("Qwen3", (6, 2), head_dim=16, d_model=32), {
        "depth": 1, "hidden_size": 8, "out_hidden_size": 32, "intermediate_size": 8, "num_heads": 1, "patch_size": 2,
        "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}, rope_parameters={**sections, "mrope_section": [4, 2, 2]}, model_type="qwen3_vl_text"),
    "mistral_small": with_images("Mistral3", family("Mistral", (6, 2), n_layers=1, head_dim=16, d_model=32, sliding_window=None), {
        "model_type": "pixtral", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
        "head_dim": 8, "image_size": 8, "patch_size": 4}),
    "ministral3": family("Ministral3", (6, 2), head_dim=16, d_model=32,
                         rope_parameters=yarn(1e6, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0,
                                              llama_4_scaling_beta=0.3)),
    "granite": family("Granite", (3, 1), embedding_multiplier=3.0, residual_multiplier=0.4, logits_scaling=2.5,
                      attention_multiplier=0.4, attention_bias=True, mlp_bias=True),
    "olmo2": family("Olmo2", (5, 5), d_model=40, rope_theta=500000.0),
    "olmo3": family("Olmo3", (6, 2), n_layers=4, sliding_window=16, rope_parameters={
        local: {"rope_type": "default", "rope_theta": 500000.0},
        whole: yarn(500000.0, attention_factor=1.2, beta_fast=32.0, beta_slow=1.0)}),
    "smollm3": family("SmolLM3", (6, 2), n_layers=4, tie_word_embeddings=True),
    "glm4": family("Glm4", (3, 1), n_layers=1, d_model=32, head_dim=96, attention_bias=True),
    "seed_oss": family("SeedOss", (1, 1), n_layers=1, d_model=32, head_dim=192, attention_bias=True),
    "ernie4_5": family("Ernie4_5", (3, 1), n_layers=1, d_model=32, head_dim=80, tie_word_embeddings=True),
    "hunyuan": family("HunYuanDenseV1", (7, 1), d_model=40, head_dim=8, max_position_embeddings=262144,
                      rope_parameters={"rope_type": "dynamic", "alpha": 50.0, "rope_theta": 10000.0, "factor": 1.0}),
    "exaone4": family("Exaone4", (6, 2), sliding_window=None, layer_types=[whole] * 2, rope_parameters=llama3,
                      max_position_embeddings=256),
    "exaone4_32b": family("Exaone4", (5, 1), n_layers=4, d_model=30, sliding_window=16, sliding_window_pattern="LLLG",
                          layer_types=[local, local, local, whole], rope_parameters=llama3, max_position_embeddings=256),
    "cohere": family("Cohere", (3, 1), logit_scale=0.4, layer_norm_eps=1e-5, rope_parameters=base8),
    "cohere_norms": family("Cohere", (6, 2), logit_scale=0.4, layer_norm_eps=1e-5, use_qk_norm=True, rope_parameters=base8),
    "cohere2": family("Cohere2", (3, 1), n_layers=4, logit_scale=0.4, layer_norm_eps=1e-5, sliding_window=16),
    "gpt_neox": family("GPTNeoX", (5, 5), d_model=40, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "gpt_neox_serial": family("GPTNeoX", (3, 3), n_layers=1, d_model=48, use_parallel_residual=False),
    "falcon": family("Falcon", (7, 1), d_model=28, ffn_hidden_size=112, multi_query=True, parallel_attn=True, bias=False,
                     max_position_embeddings=2048),
    "falcon_40b": family("Falcon", (6, 2), n_layers=1, num_kv_heads=2, ffn_hidden_size=144, new_decoder_architecture=True, bias=False,
                         max_position_embeddings=2048),
    "starcoder2": family("Starcoder2", (6, 2), sliding_window=16, use_bias=True, tie_word_embeddings=True),
    "stablelm": family("StableLm", (3, 3), n_layers=1, d_model=48, use_qkv_bias=True),
    "stablelm_norms": family("StableLm", (6, 2), n_layers=1, d_model=48, qk_layernorm=True, use_parallel_residual=True, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "arcee": family("Arcee", (3, 1), rope_parameters=yarn(10000.0)),
    "nemotron": family("Nemotron", (6, 2), d_model=48),
    "minicpm": family("Granite", (3, 1), embedding_multiplier=3.0, residual_multiplier=1.1 / 2 ** 0.5, logits_scaling=3.0,
                      attention_multiplier=12 ** -0.5),
    "internlm2": family("Llama", (6, 2), d_model=48, tie_word_embeddings=False),
    "baichuan": family("Llama", (3, 3), n_layers=1, tie_word_embeddings=False),
    # Behind the others: a seed is a place in this list.
    "glm": family("Glm", (6, 2), d_model=32, head_dim=24, attention_bias=True),
    "exaone4_5": with_images("Exaone4_5_", family("Exaone4", (3, 1), sliding_window=16, sliding_window_pattern="LG", layer_types=[local, whole],
                                                 rope_parameters=llama3, max_position_embeddings=256), {
        "depth": 1, "hidden_size": 8, "out_hidden_size": 36, "intermediate_size": 8, "num_heads": 1, "num_key_value_heads": 1, "patch_size": 2}),
    # Experts: of each router's kind one, numbers of experts that are no power of two.
    "mixtral": family("Mixtral", (3, 1), num_local_experts=5, num_experts_per_tok=2, tie_word_embeddings=False),
    "qwen2_moe": family("Qwen2Moe", (3, 1), num_experts=6, num_experts_per_tok=3, moe_intermediate_size=12,
                        shared_expert_intermediate_size=20),
    "qwen3_moe": family("Qwen3Moe", (6, 2), head_dim=16, num_experts=7, num_experts_per_tok=3, moe_intermediate_size=12,
                        norm_topk_prob=True),
    "qwen3_moe_dense": family("Qwen3Moe", (3, 1), n_layers=3, head_dim=16, num_experts=5, num_experts_per_tok=2,
                              moe_intermediate_size=12, norm_topk_prob=True, mlp_only_layers=[1]),
    "qwen3_vl_moe": with_images("Qwen3VLMoe", family("Qwen3Moe", (6, 2), head_dim=16, d_model=32, num_experts=5, num_experts_per_tok=2,
                                                     moe_intermediate_size=12), {
        "depth": 1, "hidden_size": 8, "out_hidden_size": 32, "intermediate_size": 8, "num_heads": 1, "patch_size": 2,
        "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}, rope_parameters={**sections, "mrope_section": [4, 2, 2]},
        model_type="qwen3_vl_moe_text"),
    "granitemoe": family("GraniteMoe", (3, 1), embedding_multiplier=3.0, residual_multiplier=0.4, logits_scaling=2.5,
                         attention_multiplier=0.4, num_local_experts=5, num_experts_per_tok=2),
    "granitemoe_shared": family("GraniteMoeShared", (3, 1), embedding_multiplier=3.0, residual_multiplier=0.4, logits_scaling=2.5,
                                attention_multiplier=0.4, num_local_experts=5, num_experts_per_tok=2, shared_intermediate_size=14),
    "olmoe": family("Olmoe", (5, 5), d_model=40, num_experts=6, num_experts_per_tok=3),
    "glm4_moe": family("Glm4Moe", (6, 2), n_layers=3, head_dim=16, n_routed_experts=6, num_experts_per_tok=2, moe_intermediate_size=12,
                       n_shared_experts=2, routed_scaling_factor=1.7, use_qk_norm=True, attention_bias=True, num_mtp_layers=0,
                       rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "glm4_moe_groups": family("Glm4Moe", (3, 1), head_dim=16, n_routed_experts=12, num_experts_per_tok=3, moe_intermediate_size=12,
                              n_group=4, topk_group=2, norm_topk_prob=False, first_k_dense_replace=0, num_mtp_layers=0,
                              rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "ernie4_5_moe": family("Ernie4_5_Moe", (3, 1), n_layers=3, d_model=48, moe_num_experts=6, moe_k=2, moe_intermediate_size=12,
                           moe_num_shared_experts=2, moe_layer_interval=2, tie_word_embeddings=True),
    "hunyuan_moe": family("HunYuanMoEV1", (7, 1), d_model=40, head_dim=8, num_experts=5, moe_topk=2),
    "minimax_m2": family("MiniMaxM2", (6, 2), head_dim=16, num_local_experts=6, num_experts_per_tok=2,
                         rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}),
    "gpt_oss": family("GptOss", (6, 2), n_layers=3, head_dim=16, sliding_window=16, num_local_experts=5, num_experts_per_tok=2,
                      rope_parameters=yarn(150000.0, beta_fast=32.0, beta_slow=1.0, truncate=False)),
    # Layers with a state: two value heads for a key head, widths that fill no vector, both kinds of layer as the last one.
    "qwen3_5": family("Qwen3_5Text", (3, 1), n_layers=4, head_dim=16, layer_types=delta_first, **delta, rope_parameters=quarter),
    "qwen3_5_images": with_images("Qwen3_5", family("Qwen3_5Text", (4, 2), n_layers=4, head_dim=16, d_model=32, layer_types=in_fours,
                                                    **even_delta, rope_parameters={**quarter, "mrope_section": [1, 1, 0], "mrope_interleaved": True}), {
        "depth": 1, "hidden_size": 8, "out_hidden_size": 32, "intermediate_size": 8, "num_heads": 1, "patch_size": 2, "num_position_embeddings": 16}),
    "qwen3_5_moe": family("Qwen3_5MoeText", (3, 1), n_layers=4, head_dim=16, layer_types=in_fours, **even_delta, rope_parameters=quarter,
                          num_experts=5, num_experts_per_tok=2, moe_intermediate_size=12, shared_expert_intermediate_size=20),
    "qwen3_next": family("Qwen3Next", (3, 1), n_layers=4, head_dim=16, layer_types=in_fours, **even_delta, rope_parameters=quarter,
                         num_experts=5, num_experts_per_tok=2, moe_intermediate_size=12, shared_expert_intermediate_size=20),
    "lfm2": family("Lfm2", (3, 1), n_layers=3, conv_L_cache=3, layer_types=["conv", whole, "conv"], block_multiple_of=4, tie_word_embeddings=True),
    "lfm2_moe": family("Lfm2Moe", (6, 2), n_layers=3, d_model=48, layer_types=["conv", "conv", whole], num_dense_layers=1, num_experts=5,
                       num_experts_per_tok=2, moe_intermediate_size=12, tie_word_embeddings=True),
    "granite_hybrid": family("GraniteMoeHybrid", (3, 1), n_layers=3, d_model=36, layer_types=[recurrent, whole, recurrent], embedding_multiplier=3.0,
                             residual_multiplier=0.4, logits_scaling=2.5, attention_multiplier=0.4, num_local_experts=0, shared_intermediate_size=20,
                             **mamba, position_embedding_type="nope"),
    "granite_hybrid_moe": family("GraniteMoeHybrid", (3, 1), n_layers=2, d_model=36, layer_types=[recurrent, whole], embedding_multiplier=3.0,
                                 residual_multiplier=0.4, logits_scaling=2.5, attention_multiplier=0.4, num_local_experts=5, num_experts_per_tok=2,
                                 shared_intermediate_size=14, **mamba, position_embedding_type="nope"),
    "nemotron_h": family("NemotronH", (6, 2), n_layers=4, d_model=32, head_dim=12, layers_block_type=[recurrent, "mlp", whole, recurrent],
                         **nemotron_mamba),
    "nemotron_h_moe": family("NemotronH", (3, 1), n_layers=4, d_model=32, head_dim=12, layers_block_type=[recurrent, "moe", whole, "moe"],
                             **nemotron_mamba, n_routed_experts=5, num_experts_per_tok=2, moe_intermediate_size=12,
                             moe_shared_expert_intermediate_size=20, routed_scaling_factor=1.3),
    # Layers that read earlier ones' keys, a part twice as wide there, embeddings of each layer; heads of 512, keys that are
    # values; experts beside dense parts.
    "gemma4_e2b": family("Gemma4Text", (4, 2), n_layers=5, head_dim=16, global_head_dim=32, sliding_window=16, num_kv_shared_layers=2,
                         hidden_size_per_layer_input=12, vocab_size_per_layer_input=128, use_double_wide_mlp=True, final_logit_softcapping=3.0,
                         layer_types=[local, local, whole, local, whole], rope_parameters=gemma4_rope),
    "gemma4_31b": with_images(
        "Gemma4", family("Gemma4Text", (2, 2), n_layers=3, d_model=24, head_dim=16, global_head_dim=512, num_global_key_value_heads=1,
                         attention_k_eq_v=True, sliding_window=16, hidden_size_per_layer_input=0, layer_types=[local, local, whole],
                         rope_parameters=gemma4_rope), {
            "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8,
            "patch_size": 4, "position_embedding_size": 16, "pooling_kernel_size": 1}, pad_token_id=0),
    "gemma4_26b": family("Gemma4Text", (6, 2), n_layers=3, head_dim=16, global_head_dim=24, num_global_key_value_heads=1, attention_k_eq_v=True,
                         sliding_window=16, hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=5, top_k_experts=2,
                         moe_intermediate_size=12, layer_types=[local, whole, whole], rope_parameters=gemma4_rope),
    # Multi-head latent attention: values narrower and wider than keys, queries made of x and of a latent.
    "deepseek_v2": family("DeepseekV2", (3, 3), n_layers=3, q_lora_rank=None, **latent, v_head_dim=10, **many, n_shared_experts=2, first_k_dense_replace=1,
                          rms_norm_eps=1e-6, max_position_embeddings=128, rope_parameters=yarn(10000.0, beta_fast=32.0, beta_slow=1.0, mscale=0.707, mscale_all_dim=0.707)),
    "deepseek_dense": family("DeepseekV2", (3, 3), q_lora_rank=None, **latent, v_head_dim=10, **many, n_shared_experts=2, first_k_dense_replace=2,
                             rms_norm_eps=1e-6),
    "deepseek_v2_groups": family("DeepseekV2", (4, 4), q_lora_rank=14, **latent, v_head_dim=24, **many, n_shared_experts=1, topk_method="group_limited_greedy",
                                 n_group=4, topk_group=2, routed_scaling_factor=1.7, rms_norm_eps=1e-6),
    "deepseek_v3": family("DeepseekV3", (3, 3), n_layers=3, q_lora_rank=14, **latent, v_head_dim=10, **many, n_group=4, topk_group=2, first_k_dense_replace=1,
                          num_mtp_layers=0, rms_norm_eps=1e-6, max_position_embeddings=128,
                          rope_parameters=yarn(10000.0, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0)),
    "deepseek_v3_mscale": family("DeepseekV3", (3, 3), q_lora_rank=None, **latent, v_head_dim=20, **many, n_group=1, topk_group=1, norm_topk_prob=False,
                                 first_k_dense_replace=1, num_mtp_layers=0, rms_norm_eps=1e-6, max_position_embeddings=128,
                                 rope_parameters=yarn(10000.0, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=0.5)),
    "glm4_moe_lite": family("Glm4MoeLite", (3, 3), n_layers=3, q_lora_rank=14, **{**latent, "qk_nope_head_dim": 32}, v_head_dim=40, **many),
    "minicpm3": family("MiniCPM3", (3, 3), q_lora_rank=14, **{**latent, "qk_rope_head_dim": 12}, v_head_dim=12, tie_word_embeddings=True,
                       max_position_embeddings=128, rope_parameters={
                           "rope_type": "longrope", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32,
                           "long_factor": long_factor[:6], "short_factor": short_factor[:6]}),
}


def change_config(folder, remove=(), **more):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**{k: v for k, v in config.items() if k not in remove}, **more}, indent=2))


def as_minicpm(folder):
    change_config(folder, ("embedding_multiplier", "residual_multiplier", "logits_scaling", "attention_multiplier", "head_dim"),
                  model_type="minicpm", architectures=["MiniCPMForCausalLM"], scale_emb=3.0, scale_depth=1.1, dim_model_base=12)


def as_internlm2(folder):
    """wqkv holds, for each key head, the rows of its query heads, of the key and of the value."""
    names = {"model.embed_tokens": "model.tok_embeddings", "lm_head": "output", "self_attn.o_proj": "attention.wo",
             "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3", "mlp.down_proj": "feed_forward.w2",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm"}
    old, new = safetensors.torch.load_file(folder / "model.safetensors"), {}
    for name, tensor in old.items():
        if "q_proj" in name:
            q, k, v = (old[name.replace("q_proj", p)].reshape(2, -1, 8, 48) for p in ("q_proj", "k_proj", "v_proj"))
            new[name.replace("self_attn.q_proj", "attention.wqkv")] = torch.cat((q, k, v), 1).reshape(-1, 48).contiguous()
        elif "k_proj" not in name and "v_proj" not in name:
            for here, there in names.items():
                name = name.replace(here, there)
            new[name] = tensor
    safetensors.torch.save_file(new, folder / "model.safetensors", metadata={"format": "pt"})
    change_config(folder, ("attention_bias", "mlp_bias", "head_dim"), model_type="internlm2", bias=False, architectures=["InternLM2ForCausalLM"])


def as_baichuan(folder):
    old, new = safetensors.torch.load_file(folder / "model.safetensors"), {}
    for name, tensor in old.items():
        if "q_proj" in name:
            new[name.replace("q_proj", "W_pack")] = torch.cat([old[name.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj")])
        elif "k_proj" not in name and "v_proj" not in name:
            new[name] = tensor
    safetensors.torch.save_file(new, folder / "model.safetensors", metadata={"format": "pt"})
    change_config(folder, ("attention_bias", "mlp_bias", "head_dim", "num_key_value_heads"), model_type="baichuan",
                  architectures=["BaichuanForCausalLM"], model_max_length=64)


AS_OTHERS = {"minicpm": as_minicpm, "internlm2": as_internlm2, "baichuan": as_baichuan}


class WeightlessNorm(torch.nn.Module):
    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + self.eps)


def to_v2(model):
    """RoFormer v1 -> v2."""
    for module in model.modules():
        for name, part in module.named_children():
            if isinstance(part, torch.nn.LayerNorm):
                setattr(module, name, WeightlessNorm(part.eps))
            elif isinstance(part, torch.nn.Linear):
                part.bias = None
    model.cls.predictions.transform = torch.nn.Identity()
    model.cls.predictions.bias = None


def record_roformer(name, seed):
    """Masked-language-model logits; no causal mask, token types 0."""
    v2 = name == "roformer_v2"
    torch.manual_seed(seed)
    model = transformers.RoFormerForMaskedLM(transformers.RoFormerConfig(
        vocab_size=128, embedding_size=48 if v2 else 32, hidden_size=48, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=3, max_position_embeddings=128, hidden_act="relu" if v2 else "gelu", initializer_range=0.15,
        rotary_value=not v2, attn_implementation="eager")).float().eval()
    if v2:
        to_v2(model)
    folder = root / name
    shake(model)
    model.half().float()  # what is computed with is what is stored
    model.config.save_pretrained(folder)
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items()
               if not key.startswith("cls.predictions.decoder") and "embed_positions" not in key}
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    change_config(folder, architectures=["RoFormerForMaskedLM"], dtype="float16", **(
        {"norm_type": "rms_norm", "use_bias": False} if v2 else {}))
    write_expected(folder, model, seed)


# Layers of different size: what Llama's layers compute, each with a config of its own. The lists of llama_by_layer stand
# where Llama has numbers; DeciLM has a key of its own for its key heads.
BY_LAYER = {
    "llama_by_layer": {"num_attention_heads": [3, 6, 4], "num_key_value_heads": [1, 3, 2], "head_dim": [16, 8, 12],
                       "intermediate_size": [20, 36, 28]},
    "deci": {"num_key_value_heads": [1, 3, 6]},
}


class RotatesItself(transformers.models.llama.modeling_llama.LlamaDecoderLayer):
    """A layer whose head_dim need not be the model's."""
    def __init__(self, config, index):
        super().__init__(config, index)
        self.rotation = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding(config)

    def forward(self, hidden_states, position_embeddings=None, position_ids=None, **more):
        return super().forward(hidden_states, position_embeddings=self.rotation(hidden_states, position_ids),
                               position_ids=position_ids, **more)


def record_by_layer(name, seed):
    torch.manual_seed(seed)
    lists = BY_LAYER[name]
    n_layers = len(lists["num_key_value_heads"])
    shape = {**common, "hidden_size": 48, "intermediate_size": 24, "num_attention_heads": 6, "head_dim": 8,
             "num_hidden_layers": n_layers, "tie_word_embeddings": False}
    model = LlamaForCausalLM(LlamaConfig(**shape))
    for layer in range(n_layers):
        own = LlamaConfig(**{**shape, **{key: values[layer] for key, values in lists.items()}})
        own._attn_implementation = "eager"
        model.model.layers[layer] = RotatesItself(own, layer)
        for module in model.model.layers[layer].modules():
            model._init_weights(module)
    model.float().eval()
    shake(model)
    for parameter in model.parameters():  # what is computed with is what is stored; frequencies stay float32
        parameter.data = parameter.data.half().float()
    folder = root / name
    model.config.save_pretrained(folder)
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if name == "deci":
        change_config(folder, ("head_dim", "num_key_value_heads"), model_type="deci", architectures=["DeciLMForCausalLM"],
                      num_key_value_heads_per_layer=lists["num_key_value_heads"])
    else:
        change_config(folder, architectures=["LlamaForCausalLM"], **lists)
    write_expected(folder, model, seed)


def rotating_in_part(kind):
    """transformers' Llama and Qwen2 ignore or reject partial_rotary_factor. Phi-3 is the same model with partial rotation:
    for the partial models, its rotation (frequencies over the first rotary_dim dims, the rest passed) takes theirs' place."""
    family = sys.modules[kind.__module__]
    return unittest.mock.patch.multiple(family, apply_rotary_pos_emb=modeling_phi3.apply_rotary_pos_emb, **{
        kind.__name__.replace("ForCausalLM", "RotaryEmbedding"): modeling_phi3.Phi3RotaryEmbedding})


def shake(model):
    """Biases and norms that are not the neutral ones."""
    for parameter in model.parameters():
        if parameter.ndim == 1 or (parameter.ndim == 2 and (parameter == 1).all()):
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("self_attn.q_norm.weight") and model.config.model_type.startswith("gemma4"):
            value.data.mul_(0.7 * value.numel() ** -0.5)  # products of q and k have no other scale there
        if name.endswith("layer_scalar"):
            value.data.uniform_(0.4, 1.2)
        if name.endswith((".sinks", "_proj_bias")):
            value.data.add_(torch.randn_like(value))
        if "e_score_correction_bias" in name or name.endswith("expert_bias"):  # so large that it changes some choices
            value.data.add_(torch.randn_like(value) * 0.2)
        if name.endswith("kv_b_proj.weight") and model.config.model_type == "glm4_moe_lite":  # what Q8_0 holds exactly
            value.data.mul_(256).round_().clamp_(-127, 127).div_(256)
            value.data.reshape(3, -1, value.shape[1])[:, 0] = 127 / 256


def write_expected(folder, model, seed):
    runs = []
    for length in (20, 100):
        tokens = torch.randint(0, 128, (length,), generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            logits = model(tokens[None]).logits[0]
        runs.append({"tokens": tokens.tolist(), "rows": list(range(0, length, 3)),
                     "logits": [[round(float(v), 5) for v in logits[r, ::4]] for r in range(0, length, 3)]})
    (folder / "expected.json").write_text(json.dumps(
        {"torch": torch.__version__, "transformers": transformers.__version__, "stride": 4, "runs": runs}))
    print(folder.name, sum(f.stat().st_size for f in folder.iterdir()), flush=True)


def record(name, kind, config, seed):
    torch.manual_seed(seed)
    model = kind(config).float().eval()
    shake(model)
    folder = root / name
    model.to(torch.bfloat16 if name == "qwen2" else torch.float16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    stored = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    if name in AS_OTHERS:
        AS_OTHERS[name](folder)
    write_expected(folder, stored, seed)


def model_class(name):
    for ending in ("ForCausalLM", "ForConditionalGeneration"):
        if hasattr(transformers, name.removesuffix("Text") + ending) and (ending == "ForCausalLM") == (
                name not in ("Gemma3", "Qwen2VL", "Qwen2_5_VL", "Qwen3VL", "Mistral3", "Exaone4_5_", "Qwen3VLMoe", "Qwen3_5", "Gemma4")):
            return getattr(transformers, name.removesuffix("Text") + ending)
    raise SystemExit(f"transformers has no model {name}")


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
models = {**MODELS, **{name: (model_class(kind), config) for name, (kind, config) in FAMILIES.items()}}
names = sys.argv[1:] or [*models, "roformer", "roformer_v2", *BY_LAYER]
for number, (model_name, (model_kind, model_config)) in enumerate(models.items()):
    if model_name not in names:
        continue
    shutil.rmtree(root / model_name, ignore_errors=True)
    with rotating_in_part(model_kind) if model_name.startswith("partial") else contextlib.nullcontext():
        record(model_name, model_kind, model_config, number)
for number, model_name in enumerate(("roformer", "roformer_v2"), 200):
    if model_name in names:
        shutil.rmtree(root / model_name, ignore_errors=True)
        record_roformer(model_name, number)
for number, model_name in enumerate(BY_LAYER, 210):
    if model_name in names:
        shutil.rmtree(root / model_name, ignore_errors=True)
        record_by_layer(model_name, number)
