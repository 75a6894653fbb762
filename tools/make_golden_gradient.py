# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/gradients.json: the loss of tiny models and its gradient, by PyTorch through transformers.

  python3 tools/make_golden_gradient.py        (needs torch and transformers)

The loss is the mean cross-entropy of given targets (a token for each row; the places of a masked model's are drawn
the same way). Of each tensor: the norm of its gradient and some entries, the largest ones and some spread over it.
Tensors are called as in a GGUF file, rows of queries and keys in the engine's order: where the published model pairs
dims (2m, 2m + 1), they are permuted to the half-split pairing (m, m + rotary_dim / 2); of latents (MLA) each head's
rotated dims come first, and all keys before all values; of gated attention all queries come before all gates.
"""
import json
import pathlib

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden"
N_TOKENS = 40

OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight", "lm_head.bias": "output.bias", "model.norm.bias": "output_norm.bias",
    "model.final_layernorm.weight": "output_norm.weight", "model.final_layernorm.bias": "output_norm.bias",
    "gpt_neox.embed_in.weight": "token_embd.weight", "embed_out.weight": "output.weight",
    "gpt_neox.final_layer_norm.weight": "output_norm.weight", "gpt_neox.final_layer_norm.bias": "output_norm.bias",
    "roformer.embeddings.word_embeddings.weight": "token_embd.weight",
    "roformer.embeddings.token_type_embeddings.weight": "token_types.weight",
    "roformer.embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "roformer.embeddings.LayerNorm.bias": "token_embd_norm.bias",
    "roformer.embeddings_project.weight": "token_embd_project.weight",
    "roformer.embeddings_project.bias": "token_embd_project.bias",
    "cls.predictions.transform.dense.weight": "output_transform.weight",
    "cls.predictions.transform.dense.bias": "output_transform.bias",
    "cls.predictions.transform.LayerNorm.weight": "output_transform_norm.weight",
    "cls.predictions.transform.LayerNorm.bias": "output_transform_norm.bias",
    "cls.predictions.bias": "output.bias", "model.embedding_norm.weight": "output_norm.weight",
    "model.norm_f.weight": "output_norm.weight", "model.embeddings.weight": "token_embd.weight",
    "model.embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
    "model.per_layer_model_projection.weight": "per_layer_model_proj.weight",
    "model.per_layer_projection_norm.weight": "per_layer_proj_norm.weight",
}
INSIDE = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.dense": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "attention.dense": "attn_output", "mlp.dense_h_to_4h": "ffn_up",
    "mlp.dense_4h_to_h": "ffn_down", "attention.self.query": "attn_q", "attention.self.key": "attn_k",
    "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up", "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm", "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b", "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b",
}
# Layers with a state, and the names of their families.
STATE = {
    "embedding_norm": "output_norm", "operator_norm": "attn_norm", "ffn_norm": "ffn_norm", "norm": "attn_norm",
    "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm", "self_attn.out_proj": "attn_output",
    "feed_forward.w1": "ffn_gate", "feed_forward.w3": "ffn_up", "feed_forward.w2": "ffn_down",
    "conv.in_proj": "shortconv.in_proj", "conv.conv": "shortconv.conv", "conv.out_proj": "shortconv.out_proj",
    "linear_attn.in_proj_qkv": "attn_qkv", "linear_attn.in_proj_z": "attn_gate", "linear_attn.in_proj_a": "ssm_alpha",
    "linear_attn.in_proj_b": "ssm_beta", "shared_mlp.output_linear": "ffn_down", "mixer.q_proj": "attn_q",
    "mixer.k_proj": "attn_k", "mixer.v_proj": "attn_v", "mixer.o_proj": "attn_output", "mixer.up_proj": "ffn_up",
    "mixer.down_proj": "ffn_down",
    **{f"{block}.{part}": name for block in ("linear_attn", "mamba", "mixer")
       for part, name in (("conv1d", "ssm_conv1d"), ("norm", "ssm_norm"), ("out_proj", "ssm_out"), ("in_proj", "ssm_in"))},
}
NUMBERS = {"A_log": "ssm_a_log", "D": "ssm_d", "dt_bias": "ssm_dt.bias"}  # of each head
AFTER_ATTENTION = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                   "post_feedforward_layernorm": "post_ffw_norm"}
GEMMA4 = {**AFTER_ATTENTION, "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj", "post_per_layer_input_norm": "post_norm"}
# Folder: names that differ, and whether dims are paired (2m, 2m + 1).
FAMILIES = {
    "llama": ({}, False), "llama_tied": ({}, False), "qwen2": ({}, False), "qwen3": ({}, False),
    "gemma2": (AFTER_ATTENTION, False), "olmo2": (AFTER_ATTENTION, False), "granite": ({}, False),
    "phi": ({}, False), "gpt_neox": ({}, False), "nemotron": ({}, False), "cohere": ({}, True),
    "roformer": ({}, True), "minicpm3": ({}, False), "deepseek_dense": ({}, True),
    "lfm2": (STATE, False), "qwen3_5": (STATE | {"post_attention_layernorm": "post_attention_norm"}, False),
    "granite_hybrid": (STATE, False), "nemotron_h": (STATE, False),
    "gemma4_e2b": (GEMMA4, False), "gemma4_31b": (GEMMA4, False),
}


def engine_name(name, inside):
    name = name.replace("model.language_model.", "model.")
    if name in OUTSIDE:
        return OUTSIDE[name]
    for prefix in ("model.layers.", "gpt_neox.layers.", "roformer.encoder.layer."):
        if name.startswith(prefix):
            layer, rest = name[len(prefix):].split(".", 1)
            part, what = rest.rsplit(".", 1)
            if what in NUMBERS:
                return f"blk.{layer}.{NUMBERS[what]}"
            return f"blk.{layer}.{(INSIDE | inside)[part]}.{what}"
    raise KeyError(name)


def half_split(gradient, head_dim, rotary_dim):
    """Rows of heads whose dims are paired (2m, 2m + 1), in the engine's order."""
    order = list(range(0, rotary_dim, 2)) + list(range(1, rotary_dim, 2)) + list(range(rotary_dim, head_dim))
    heads = gradient.reshape(-1, head_dim, *gradient.shape[1:])
    return heads[:, order].reshape(gradient.shape)


def latent_order(called, gradient, config, interleaved):
    """Rows of the tensors of latents in the engine's order."""
    rope, own, heads = config.qk_rope_head_dim, config.qk_nope_head_dim, config.num_attention_heads
    if ".attn_q." in called or ".attn_q_b." in called:
        parts = gradient.reshape(heads, own + rope, -1)
        turned = torch.cat([parts[:, own:], parts[:, :own]], dim=1).reshape(gradient.shape)
        return half_split(turned, own + rope, rope) if interleaved else turned
    if ".attn_kv_b." in called:
        parts = gradient.reshape(heads, own + config.v_head_dim, -1)
        return torch.cat([parts[:, :own].flatten(0, 1), parts[:, own:].flatten(0, 1)])
    if ".attn_kv_a_mqa." in called and interleaved:
        latent, shared = gradient.split((config.kv_lora_rank, rope))
        return torch.cat([latent, half_split(shared, rope, rope)])
    return gradient


def gradients(folder, inside, interleaved):
    kind = transformers.RoFormerForMaskedLM if folder.name == "roformer" else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    for module in model.modules():  # transformers clamps steps by a number of their initialisation; see formats/hf_recurrent.cpp
        if folder.name == "nemotron_h" and hasattr(module, "time_step_limit"):
            module.time_step_limit = (0.0, float("inf"))
    # Ids from 4 on: an embedding's row of padding has no gradient in PyTorch.
    draw = torch.Generator().manual_seed(1)
    tokens, targets = torch.randint(4, 128, (2, N_TOKENS), generator=draw).tolist()
    loss = torch.nn.functional.cross_entropy(model(torch.tensor([tokens])).logits[0], torch.tensor(targets))
    loss.backward()
    config = model.config.get_text_config()
    config.allow_global_per_layer_attribute_access = True  # Gemma 4's heads are of two sizes; nothing there asks for them
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    found = {}
    for name, parameter in model.named_parameters():
        if "embed_positions" in name or parameter.grad is None:  # a table of sines; images; keys that nobody reads
            continue
        if "query_key_value" in name:
            parts = parameter.grad.reshape(config.num_attention_heads, 3, head_dim, *parameter.shape[1:])
            for i, part in enumerate("qkv"):
                layer = name.split(".")[2]
                found[f"blk.{layer}.attn_{part}.{name.rsplit('.', 1)[1]}"] = parts[:, i].flatten(0, 1)
            continue
        if "shared_mlp.input_linear" in name:  # gate and up
            for part, rows in zip(("gate", "up"), parameter.grad.chunk(2)):
                found[f"blk.{name.split('.')[2]}.ffn_{part}.weight"] = rows
            continue
        called = engine_name(name.replace("backbone.", "model."), inside)
        gradient = parameter.grad
        if hasattr(config, "kv_lora_rank"):
            gradient = latent_order(called, gradient, config, interleaved)
        elif interleaved and (".attn_q." in called or ".attn_k." in called):
            gradient = half_split(gradient, head_dim, head_dim)
        if ".attn_q.weight" in called and len(gradient) == 2 * config.num_attention_heads * head_dim:  # and its gate
            gradient = gradient.reshape(-1, 2, head_dim, gradient.shape[-1]).swapaxes(0, 1).reshape(gradient.shape)
        found[called] = gradient
    tensors = {}
    for name, gradient in found.items():
        flat = gradient.flatten()
        largest = flat.abs().topk(min(8, len(flat))).indices.tolist()
        entries = sorted(set(largest) | set(range(3, len(flat), max(1, len(flat) // 8))))
        tensors[name] = {"norm": float(f"{flat.double().norm().item():.7g}"), "entries": entries,
                         "gradient": [float(f"{flat[i].item():.7g}") for i in entries]}
    return {"tokens": tokens, "targets": targets, "loss": round(loss.item(), 6), "tensors": tensors}


def main():
    models = {name: gradients(ROOT / "tiny" / name, *how) for name, how in FAMILIES.items()}
    (ROOT / "gradients.json").write_text(json.dumps(
        {"torch": torch.__version__, "transformers": transformers.__version__, "models": models}) + "\n")


if __name__ == "__main__":
    main()
