#!/usr/bin/env python3
"""tests/golden/tiny/NAME of families with layers that keep a state -> NAME/model.gguf, with the keys and tensors that
llama.cpp's converter (conversion/{qwen,lfm2,granite,nemotron}.py) writes, but no tokenizer. What is easily done wrong:
- Qwen3.5 and its MoE: value heads, which a folder holds by key head, are tiled (v-head h reads k-head h mod n_k); in
  Qwen3-Next they stay by key head, and its fused in_proj_qkvz is taken apart, in_proj_ba is not.
- A_log becomes -exp(A_log); one is added to all norms but that of the recurrence.
- Mamba-2: A and D are (n, 1), the norm is (groups, width of one).
- LFM2 calls its last norm token_embd_norm. No Granite or Nemotron with a state has positions.
Qwen's layers stand in no period here: attention.recurrent_layers says which they are.

Needs: pip install numpy gguf torch safetensors.   Run: tools/make_tiny_gguf_hybrids.py [NAME ...]"""
import json
import pathlib
import sys
import gguf
import numpy
import torch
from safetensors.torch import load_file

ARCHS = {"qwen3_5_text": "qwen35", "qwen3_5": "qwen35", "qwen3_5_moe_text": "qwen35moe", "qwen3_next": "qwen3next", "lfm2": "lfm2",
         "lfm2_moe": "lfm2moe", "granitemoehybrid": "granitehybrid", "nemotron_h": "nemotron_h"}
NAMES = {"embed_tokens": "token_embd", "embeddings": "token_embd", "lm_head": "output", "input_layernorm": "attn_norm", "operator_norm": "attn_norm",
         "ffn_norm": "ffn_norm", "norm_f": "output_norm", "embedding_norm": "token_embd_norm",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.out_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "self_attn.q_layernorm": "attn_q_norm", "self_attn.k_layernorm": "attn_k_norm",
         "mixer.q_proj": "attn_q", "mixer.k_proj": "attn_k", "mixer.v_proj": "attn_v", "mixer.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mixer.up_proj": "ffn_up", "mixer.down_proj": "ffn_down",
         "feed_forward.w1": "ffn_gate", "feed_forward.w3": "ffn_up", "feed_forward.w2": "ffn_down",
         "mlp.gate": "ffn_gate_inp", "mixer.gate": "ffn_gate_inp", "feed_forward.gate": "ffn_gate_inp", "block_sparse_moe.router.layer": "ffn_gate_inp",
         "mlp.shared_expert_gate": "ffn_gate_inp_shexp", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
         "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
         "mixer.shared_experts.up_proj": "ffn_up_shexp", "mixer.shared_experts.down_proj": "ffn_down_shexp",
         "block_sparse_moe.output_linear": "ffn_down_exps",
         "linear_attn.in_proj_qkv": "attn_qkv", "linear_attn.in_proj_z": "attn_gate", "linear_attn.in_proj_a": "ssm_alpha",
         "linear_attn.in_proj_b": "ssm_beta", "linear_attn.in_proj_ba": "ssm_ba", "conv.in_proj": "shortconv.in_proj",
         "conv.conv": "shortconv.conv", "conv.out_proj": "shortconv.out_proj",
         **{f"{block}.{part}": name for block in ("linear_attn", "mamba", "mixer")
            for part, name in (("conv1d", "ssm_conv1d"), ("norm", "ssm_norm"), ("out_proj", "ssm_out"), ("in_proj", "ssm_in"))}}
EXPERT_PARTS = {"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}


class Folder:
    def __init__(self, folder):
        whole = json.loads((folder / "config.json").read_text())
        self.c = c = whole.get("text_config", whole)
        self.arch = ARCHS[whole["model_type"]]
        if self.arch == "nemotron_h" and "moe" in c["layers_block_type"]:
            self.arch = "nemotron_h_moe"
        self.kinds = c.get("layer_types") or c["layers_block_type"]
        self.tensors = {name.replace("language_model.", ""): t for name, t in load_file(folder / "model.safetensors").items() if "visual." not in name}


def tiled(f, rows, dim, width):
    """Value heads by key head -> v-head h reads k-head h mod n_k."""
    n_k = f.c["linear_num_key_heads"]
    shape = list(rows.shape)
    heads = rows.reshape(*shape[:dim], n_k, -1, width, *shape[dim + 1:])
    return heads.swapaxes(dim, dim + 1).reshape(shape)


def qwen_tensor(f, target, t):
    """A recurrent layer's tensor as the converter turns it."""
    c = f.c
    values, keys = c["linear_value_head_dim"], 2 * c["linear_num_key_heads"] * c["linear_key_head_dim"]
    if f.arch == "qwen3next":
        return t
    if target in ("attn_qkv.weight", "ssm_conv1d.weight"):
        return torch.cat((t[:keys], tiled(f, t[keys:], 0, values)))
    if target == "attn_gate.weight":
        return tiled(f, t, 0, values)
    if target in ("ssm_alpha.weight", "ssm_beta.weight", "ssm_a", "ssm_dt.bias"):
        return tiled(f, t, 0, 1)
    return tiled(f, t, 1, values) if target == "ssm_out.weight" else t


def split_qkvz(f, t):
    c = f.c
    n, key = c["linear_num_key_heads"], c["linear_key_head_dim"]
    value = c["linear_num_value_heads"] // n * c["linear_value_head_dim"]
    q, k, v, z = t.reshape(n, -1, t.shape[-1]).split((key, key, value, value), dim=1)
    return torch.cat([part.reshape(-1, t.shape[-1]) for part in (q, k, v)]), z.reshape(-1, t.shape[-1])


def in_layer(f, part, t):
    """(name, tensor) pairs of one tensor of a layer."""
    qwen = f.arch.startswith("qwen")
    if part.endswith((".A_log", ".D")):
        t = -torch.exp(t.float()) if part.endswith(".A_log") else t
        name = "ssm_a" if part.endswith(".A_log") else "ssm_d"
        return [(name, qwen_tensor(f, name, t) if qwen else t.reshape(-1, 1))]
    if part.endswith(".dt_bias"):
        return [("ssm_dt.bias", qwen_tensor(f, "ssm_dt.bias", t) if qwen else t)]
    if part.endswith(("expert_bias", "e_score_correction_bias")):
        return [("exp_probs_b.bias", t)]
    if part.endswith((".experts.gate_up_proj", ".experts.down_proj")):
        parts = zip(("gate", "up"), t.chunk(2, dim=1)) if "gate_up" in part else [("down", t)]
        return [(f"ffn_{which}_exps.weight", rows) for which, rows in parts]
    if part.endswith("input_linear.weight"):
        kind = ("_shexp" if f.c["num_local_experts"] else "") if "shared_mlp" in part else "_exps"
        return [(f"ffn_{which}{kind}.weight", rows) for which, rows in zip(("gate", "up"), t.chunk(2, dim=-2))]
    if part == "shared_mlp.output_linear.weight":
        return [("ffn_down_shexp.weight" if f.c["num_local_experts"] else "ffn_down.weight", t)]
    if part == "linear_attn.in_proj_qkvz.weight":
        return list(zip(("attn_qkv.weight", "attn_gate.weight"), split_qkvz(f, t)))
    stem, kind = part.rsplit(".", 1)
    name = {"post_attention_layernorm": "post_attention_norm" if qwen else "ffn_norm", "norm": "attn_norm"}.get(stem) or NAMES[stem]
    target = f"{name}.{kind}"
    if name in ("ssm_conv1d", "shortconv.conv") and kind == "weight":
        t = t.squeeze(1)
    if f.arch == "granitehybrid" and name in ("attn_q", "attn_k"):  # permuted to interleaved pairs, though nothing rotates them
        n = f.c["num_attention_heads" if name == "attn_q" else "num_key_value_heads"]
        t = t.reshape(n, 2, -1, t.shape[-1]).swapaxes(1, 2).reshape(t.shape)
    if name == "ssm_norm" and not qwen:
        t = t.reshape(f.c.get("mamba_n_groups") or f.c["n_groups"], -1)
    if qwen and target.endswith("norm.weight") and name != "ssm_norm":
        t = t.float() + 1
    if qwen and part.startswith("linear_attn."):
        t = qwen_tensor(f, target, t)
    return [(target, t.squeeze() if name == "ffn_gate_inp_shexp" else t)]


def converted(f):
    experts = {}
    for name, t in f.tensors.items():
        name = name.removeprefix("model.").removeprefix("backbone.")
        if not name.startswith("layers."):
            stem, kind = name.rsplit(".", 1)
            out = "output_norm" if stem == "norm" else NAMES[stem]
            yield f"{out}.{kind}", t.float() + 1 if out == "output_norm" and f.arch.startswith("qwen") else t
            continue
        layer, part = name.removeprefix("layers.").split(".", 1)
        if ".experts." in part and part.split(".experts.")[1][0].isdigit():
            number, which = part.split(".experts.")[1].removesuffix(".weight").split(".")
            experts.setdefault(f"blk.{layer}.ffn_{EXPERT_PARTS[which]}_exps.weight", {})[int(number)] = t
            continue
        yield from ((f"blk.{layer}.{target}", rows) for target, rows in in_layer(f, part, t))
    for name, parts in experts.items():
        yield name, torch.stack([parts[i] for i in sorted(parts)])


def write_state(out, f):
    c, arch = f.c, f.arch
    if arch.startswith("lfm2"):
        out.add_shortconv_l_cache(c["conv_L_cache"])
        return
    if arch.startswith("qwen"):
        heads, groups, key, taps = (c[f"linear_{k}"] for k in ("num_value_heads", "num_key_heads", "key_head_dim", "conv_kernel_dim"))
        inner = heads * c["linear_value_head_dim"]
        out.add_array(f"{arch}.attention.recurrent_layers", [kind == "linear_attention" for kind in f.kinds])
        out.add_full_attention_interval(4)
    elif arch == "granitehybrid":
        heads, groups, key, taps = (c[f"mamba_{k}"] for k in ("n_heads", "n_groups", "d_state", "d_conv"))
        inner = c["mamba_expand"] * c["hidden_size"]
    else:
        heads, groups, key, taps = c["mamba_num_heads"], c["n_groups"], c["ssm_state_size"], c["conv_kernel"]
        inner = heads * c["mamba_head_dim"]
    out.add_ssm_conv_kernel(taps)
    out.add_ssm_state_size(key)
    out.add_ssm_group_count(groups)
    out.add_ssm_time_step_rank(heads)
    out.add_ssm_inner_size(inner)


def write_numbers(out, f):
    c, arch = f.c, f.arch
    attends = [kind == "full_attention" for kind in f.kinds]
    nope = arch == "granitehybrid" or arch.startswith("nemotron")
    out.add_block_count(len(f.kinds))
    out.add_context_length(2 ** 20 if nope else c["max_position_embeddings"])
    out.add_embedding_length(c["hidden_size"])
    d_ff = next(t.shape[0] for n, t in converted(f) if n.endswith("ffn_up.weight")) if arch == "lfm2" else c.get("intermediate_size", 0)
    if arch == "granitehybrid" and not c["num_local_experts"]:
        d_ff = c["shared_intermediate_size"]
    if arch.startswith("nemotron"):
        feeds = "moe" if arch.endswith("moe") else "mlp"
        d_ff = [c["moe_intermediate_size" if feeds == "moe" else "intermediate_size"] if kind == feeds else 0 for kind in f.kinds]
    if d_ff:
        out.add_feed_forward_length(d_ff)
    out.add_head_count(c["num_attention_heads"])
    n_kv = c["num_key_value_heads"]
    out.add_head_count_kv(n_kv if arch.startswith("qwen") else [n_kv if here else 0 for here in attends])
    out.add_layer_norm_rms_eps(c.get("rms_norm_eps") or c.get("norm_eps") or c["layer_norm_epsilon"])
    if arch.startswith("nemotron"):
        out.add_layer_norm_eps(c["layer_norm_epsilon"])
    out.add_vocab_size(c["vocab_size"])
    if "head_dim" in c and arch != "granitehybrid":
        out.add_key_length(c["head_dim"])
        out.add_value_length(c["head_dim"])
    if nope:
        out.add_rope_scaling_finetuned(False)
    else:
        out.add_rope_freq_base(c["rope_parameters"]["rope_theta"])
    if arch.startswith("qwen"):
        out.add_rope_dimension_count(int(c["head_dim"] * c["rope_parameters"]["partial_rotary_factor"]))
        if arch != "qwen3next":
            out.add_rope_dimension_sections([1, 1, 0, 0])
    if arch == "granitehybrid":
        out.add_rope_dimension_count(c["hidden_size"] // c["num_attention_heads"])
        for key, add in (("attention_multiplier", out.add_attention_scale), ("embedding_multiplier", out.add_embedding_scale),
                         ("residual_multiplier", out.add_residual_scale), ("logits_scaling", out.add_logit_scale)):
            add(c[key])


def write_experts(out, f):
    c, arch = f.c, f.arch
    count = c.get("num_experts") or c.get("num_local_experts") or (c.get("n_routed_experts") if arch == "nemotron_h_moe" else 0)
    if not count:
        return
    out.add_expert_count(count)
    out.add_expert_used_count(c["num_experts_per_tok"])
    if arch != "granitehybrid":
        out.add_expert_feed_forward_length(c["moe_intermediate_size"])
    shared = c.get("shared_expert_intermediate_size") or c.get("shared_intermediate_size") or c.get("moe_shared_expert_intermediate_size")
    if shared:
        out.add_expert_shared_feed_forward_length(shared)
    if arch == "lfm2moe":
        out.add_leading_dense_block_count(c["num_dense_layers"])
    if arch == "nemotron_h_moe":
        out.add_expert_weights_norm(c["norm_topk_prob"])
        out.add_expert_shared_count(c["n_shared_experts"])
        out.add_expert_group_count(c["n_group"])
    if arch in ("lfm2moe", "nemotron_h_moe"):
        out.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
        out.add_expert_weights_scale(c["routed_scaling_factor"])


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
for folder in sorted(root.iterdir()):
    config = folder / "config.json"
    if not config.exists() or json.loads(config.read_text())["model_type"] not in ARCHS or (sys.argv[1:] and folder.name not in sys.argv[1:]):
        continue
    model = Folder(folder)
    writer = gguf.GGUFWriter(folder / "model.gguf", model.arch)
    write_numbers(writer, model)
    write_state(writer, model)
    write_experts(writer, model)
    for tensor_name, tensor in converted(model):
        exact = tensor.ndim == 1 or "norm" in tensor_name or "conv" in tensor_name.rsplit(".", 2)[-2] or tensor_name.endswith(("ssm_a", "ssm_d"))
        writer.add_tensor(tensor_name, tensor.to(torch.float32 if exact else torch.float16).contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(folder.name, (folder / "model.gguf").stat().st_size)
