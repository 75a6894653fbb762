#!/usr/bin/env python3
"""Seeds for the fuzz targets of the file readers: small valid files that use every value type, list type, tensor type,
container version and kind of question, and pieces of chat templates. Needs nothing but Python.   Run: tools/make_fuzz_corpus.py"""
import hashlib
import json
import math
import pathlib
import re
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz/corpus"
# GGUF value types, and ggml tensor types with their block: (elements, bytes).
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
TENSORS = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22),
           "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
           "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18), "BF16": (30, 1, 2),
           "IQ2_XXS": (16, 256, 66), "IQ2_XS": (17, 256, 74), "IQ3_XXS": (18, 256, 98), "IQ1_S": (19, 256, 50), "IQ3_S": (21, 256, 110),
           "IQ2_S": (22, 256, 82), "IQ4_XS": (23, 256, 136), "IQ1_M": (29, 256, 56), "TQ1_0": (34, 256, 54), "TQ2_0": (35, 256, 66),
           "MXFP4": (39, 32, 17), "NVFP4": (40, 64, 36), "Q1_0": (41, 128, 18), "Q2_0": (42, 64, 18), "PQ2_0": (42, 128, 34)}


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def key_value(key, kind, payload):
    return text(key) + struct.pack("<I", kind) + payload


def gguf(keys, tensors=(), version=3, alignment=32):
    """keys: encoded pairs; tensors: (name, shape, type name)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys)) + b"".join(keys)
    data = b""
    for name, shape, kind in tensors:
        number, block, size = TENSORS[kind]
        n = 1
        for extent in shape:
            n *= extent
        head += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", e) for e in shape)
        head += struct.pack("<IQ", number, len(data))
        data += bytes(range(1, 256))[: n // block * size].ljust(n // block * size, b"\1")
        data += b"\0" * (-len(data) % alignment)
    return head + b"\0" * (-len(head) % alignment) + data


def safetensors(header, data):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


def scalar(kind):
    return struct.pack(SCALARS[kind], 1)


def listing(kind, n=2):
    return struct.pack("<IQ", kind, n) + (scalar(kind) if kind != 8 else text("ab")) * n


# A model of one layer, one head of four dims, two rows in the feed-forward part and three in the vocabulary.
NUMBERS = {"block_count": 1, "embedding_length": 4, "feed_forward_length": 2, "context_length": 128, "attention.head_count": 1,
           "attention.layer_norm_rms_epsilon": 1e-5}
CONFIG = {"model_type": "llama", "hidden_size": 4, "intermediate_size": 2, "num_hidden_layers": 1, "num_attention_heads": 1,
          "num_key_value_heads": 1, "max_position_embeddings": 128, "vocab_size": 3}
HEAD = {"token_embd": ("model.embed_tokens", (3, 4)), "output_norm": ("model.norm", (4,)), "output": ("lm_head", (3, 4))}
LAYER = {"attn_norm": ("input_layernorm", (4,)), "attn_q": ("self_attn.q_proj", (4, 4)), "attn_k": ("self_attn.k_proj", (4, 4)),
         "attn_v": ("self_attn.v_proj", (4, 4)), "attn_output": ("self_attn.o_proj", (4, 4)), "ffn_norm": (
             "post_attention_layernorm", (4,)), "ffn_gate": ("mlp.gate_proj", (2, 4)), "ffn_up": ("mlp.up_proj", (2, 4)),
         "ffn_down": ("mlp.down_proj", (4, 2))}
NORMS = {"attn_q_norm": ("self_attn.q_norm", (4,)), "attn_k_norm": ("self_attn.k_norm", (4,))}
BIASES = {"attn_q": ("", (4,)), "attn_k": ("", (4,)), "attn_v": ("", (4,))}
KINDS = {bool: (7, "<B"), int: (4, "<I"), float: (6, "<f")}


def value(key, v):
    if isinstance(v, str):
        return key_value(key, 8, text(v))
    if isinstance(v, list):
        return key_value(key, 9, struct.pack("<IQ", 5, len(v)) + struct.pack(f"<{len(v)}i", *v))
    kind, form = KINDS[type(v)]
    return key_value(key, kind, struct.pack(form, v))


def gguf_model(arch, more=None, head=HEAD, layer=LAYER, biases=None, factors=(), bare=(), keys_too=()):
    """Byte 0 says which container fuzz_model reads. `bare`: tensors under their whole names; `keys_too`: encoded ones."""
    tensors = [(f"{n}.weight", s) for n, (_, s) in head.items()] + [(f"blk.0.{n}.weight", s) for n, (_, s) in layer.items()]
    tensors += [(f"blk.0.{n}.bias", s) for n, (_, s) in (biases or {}).items()] + [(n, (2,)) for n in factors]
    tensors += list(bare)
    keys = [value("general.architecture", arch)] + [value(f"{arch}.{k}", v) for k, v in {**NUMBERS, **(more or {})}.items()] + list(keys_too)
    return b"\0" + gguf(keys, [(n, s[::-1], "F32") for n, s in tensors])


def experts(arch, more=None, norm="ffn_norm", shared=False, layer=None, biases=None):
    """Two experts of width 2, of which a row takes one."""
    attention = {n: t for n, t in LAYER.items() if not n.startswith("ffn_")}
    parts = {"ffn_gate_inp": ("", (2, 4)), "ffn_gate_exps": ("", (2, 2, 4)), "ffn_up_exps": ("", (2, 2, 4)), "ffn_down_exps": ("", (2, 4, 2)),
             norm: ("", (4,))}
    if shared:
        parts |= {"ffn_gate_shexp": ("", (2, 4)), "ffn_up_shexp": ("", (2, 4)), "ffn_down_shexp": ("", (4, 2))}
    return gguf_model(arch, {"expert_count": 2, "expert_used_count": 1, "expert_feed_forward_length": 2, **(more or {})},
                      layer={**attention, **parts, **(layer or {})}, biases=biases)


def with_states(arch, more, layer, bare, doubled=1, norms=None, ffn_norm="ffn_norm"):
    """Layer 0 keeps a state, layer 1 has attention."""
    dense = {"ffn_gate": ("", (2, 4)), "ffn_up": ("", (2, 4)), "ffn_down": ("", (4, 2)), ffn_norm: ("", (4,)), "attn_norm": ("", (4,))}
    attention = {"attn_q": ("", (4 * doubled, 4)), "attn_k": ("", (4, 4)), "attn_v": ("", (4, 4)), "attn_output": ("", (4, 4)),
                 **(norms or {}), **dense}
    head = {**HEAD, **{f"blk.1.{n}": t for n, t in attention.items()}}
    return gguf_model(arch, {"block_count": 2, "attention.head_count_kv": [0, 1], **more}, head=head, layer={**dense, **layer}, bare=bare)


SSM = {"ssm.conv_kernel": 2, "ssm.state_size": 2, "ssm.group_count": 1, "ssm.time_step_rank": 2, "ssm.inner_size": 4}
MAMBA = {"ssm_in": ("", (14, 4)), "ssm_conv1d": ("", (8, 2)), "ssm_norm": ("", (1, 4)), "ssm_out": ("", (4, 4))}
MAMBA_BARE = [("blk.0.ssm_a", (2, 1)), ("blk.0.ssm_d", (2, 1)), ("blk.0.ssm_dt.bias", (2,)), ("blk.0.ssm_conv1d.bias", (8,))]


# ropewalk.rope_turning_pairs stands for the divisors 1 and 1e30, which a seed's weights are not.
GEMMA_4 = {"attention.sliding_window": 4, "attention.sliding_window_pattern": [0, 0], "attention.key_length_swa": 4}
GEMMA_4_LAYER = {**LAYER, "attn_q_norm": ("", (4,)), "attn_k_norm": ("", (4,)), "post_attention_norm": ("", (4,)), "post_ffw_norm": ("", (4,)),
                 "layer_output_scale": ("", (1,))}
GEMMA_4_PER_LAYER = {"inp_gate": ("", (2, 4)), "proj": ("", (4, 2)), "post_norm": ("", (4,))}
# Latents of 3 numbers, one head of 4 dims of which 2 are rotated, values of 2.
LATENT = {"attention.key_length": 4, "attention.value_length": 2, "rope.dimension_count": 2, "attention.kv_lora_rank": 3, "attention.q_lora_rank": 2}
SHARED = {"attn_norm": ("input_layernorm", (4,)), "attn_kv_a_mqa": ("self_attn.kv_a_proj_with_mqa", (5, 4)),
          "attn_kv_a_norm": ("self_attn.kv_a_layernorm", (3,)), "attn_output": ("self_attn.o_proj", (4, 2)),
          **{n: t for n, t in LAYER.items() if n.startswith("ffn_")}}
Q_LATENT = {"attn_q_a": ("self_attn.q_a_proj", (2, 4)), "attn_q_a_norm": ("self_attn.q_a_layernorm", (2,)), "attn_q_b": ("self_attn.q_b_proj", (4, 2))}
KV_B = {"attn_kv_b": ("self_attn.kv_b_proj", (4, 3))}
HF_LATENT = {"qk_nope_head_dim": 2, "qk_rope_head_dim": 2, "v_head_dim": 2, "kv_lora_rank": 3, "q_lora_rank": 2}


def hf_model(config, head=HEAD, layer=LAYER, tokenizer=None):
    names = [(f"{n}.weight", s) for n, s in head.values()] + [(f"model.layers.0.{n}.weight", s) for n, s in layer.values()]
    header, at = {}, 0
    for name, shape in names:
        end = at + 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, end]}
        at = end
    texts = json.dumps({**CONFIG, **config}).encode() + b"\0" + (json.dumps(tokenizer).encode() if tokenizer else b"") + b"\0"
    return b"\1" + texts + safetensors(header, bytes(at))


def hf_packed(quantisation, **parts):
    """A module of 8 outputs and 32 inputs as quantised folders pack it. parts: dtype, shape and, where they are no zeros, bytes."""
    header, data = {}, b""
    for part, (dtype, shape, *numbers) in parts.items():
        n = math.prod(shape) * {"I32": 4, "F32": 4, "I64": 8, "F16": 2, "BF16": 2}.get(dtype, 1)
        header[f"model.layers.0.self_attn.q_proj.{part}"] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + n]}
        data += numbers[0] if numbers else bytes(n)
    config = json.dumps({**CONFIG, "quantization_config": quantisation}, separators=(",", ":")).encode()
    return b"\1" + config + b"\0\0" + safetensors(json.dumps(header, separators=(",", ":")).encode(), data)


UNREAD = ("architectures", "dtype", "transformers_version", "initializer_range", "vision_config", "use_cache", "vocab_size",
          "attention_dropout", "hidden_dropout", "pad_token_id", "pretraining_tp", "classifier_dropout", "embd_pdrop", "resid_pdrop",
          "embedding_dropout", "residual_dropout", "boi_token_index", "eoi_token_index", "image_token_id", "image_token_index",
          "video_token_id", "vision_start_token_id", "vision_end_token_id", "mm_tokens_per_image", "spatial_merge_size",
          "vision_feature_layer", "projector_hidden_act", "multimodal_projector_bias", "attention_probs_dropout_prob",
          "hidden_dropout_prob", "eod_token_id", "add_cross_attention")
# A tiny model for each reader of src/model/arch, and for what only a second one of a family has.
FAMILIES = ("arcee", "baichuan", "cohere", "cohere2", "cohere_norms", "deci", "ernie4_5", "exaone4_32b", "falcon", "falcon_40b",
            "gemma", "gemma2", "gemma3", "glm", "glm4", "gpt_neox", "granite", "hunyuan", "internlm2", "llama", "minicpm", "ministral3",
            "mistral", "nemotron", "olmo2", "olmo3", "phi", "phi3", "phi4_mini", "qwen2", "qwen3", "roformer", "roformer_v2",
            "seed_oss", "smollm3", "stablelm", "stablelm_norms", "starcoder2")
PER_LAYER = ("layer_types", "no_rope_layers", "num_key_value_heads_per_layer")


def read_part(path):
    """A config.json without the keys that nobody reads."""
    return json.loads(path.read_text(), object_hook=lambda part: {k: v for k, v in part.items() if k not in UNREAD})


def put(config, values):
    """Sets those keys that are there, at whatever depth."""
    for key, inner in config.items():
        if key in values:
            config[key] = values[key](inner) if callable(values[key]) else values[key]
        elif isinstance(inner, dict):
            put(inner, values)


def shrunk(name):
    """tests/golden/tiny/NAME as an input of fuzz_model: a layer of each kind, two heads, as few numbers as there can be."""
    folder = ROOT / "tests/golden/tiny" / name
    config, stored = json.loads((folder / "config.json").read_text()), (folder / "model.safetensors").read_bytes()
    header = json.loads(stored[8:8 + struct.unpack("<Q", stored[:8])[0]])
    heads, d_model = config["num_attention_heads"], config["hidden_size"]
    dim = config.get("head_dim") or d_model // heads
    kv_heads = config.get("num_key_value_heads") or config.get("num_key_value_heads_per_layer", [heads])[0]
    if config["model_type"] == "falcon":
        kv_heads = config["num_kv_heads"] if config["new_decoder_architecture"] else 1
    ff = next(config[key] for key in ("intermediate_size", "ffn_hidden_size") if config.get(key))
    few = 2 if kv_heads == heads or kv_heads * dim == d_model else 1  # key heads
    part = 4 if any(key in json.dumps(config) for key in ("partial_rotary", "rotary_pct")) else 2  # dims of a head
    width, vocab = config.get("embedding_size", d_model), config["vocab_size"]
    # An extent, and what becomes of it: of two that are equal the later one counts.
    becomes = {2: 2, 2 * ff: 6, ff: 3, heads: 2, kv_heads: few, dim: part, kv_heads * dim: few * part,
               (heads + 2 * kv_heads) * dim: (2 + 2 * few) * part, heads * dim: 2 * part,
               width: 2, d_model: 2 * part}
    kinds = [tuple(config[key][i] for key in PER_LAYER if key in config) for i in range(config["num_hidden_layers"])]
    layers = sorted({kind: i for i, kind in reversed(list(enumerate(kinds)))}.values())
    layers = layers[:1] if config["model_type"] == "deci" else layers
    put(config, {"hidden_size": 2 * part, "num_attention_heads": 2, "num_key_value_heads": few, "num_kv_heads": few, "head_dim": part,
                 "intermediate_size": 3, "ffn_hidden_size": 3, "embedding_size": becomes[width], "num_hidden_layers": len(layers),
                 "partial_rotary_factor": 0.5, "rotary_pct": 0.5, "long_factor": lambda f: f[:part // 2 or 1],
                 "short_factor": lambda f: f[:part // 2 or 1], **{key: lambda of: [of[i] for i in layers] for key in PER_LAYER}})
    tensors, at = {}, 0
    for tensor in sorted(set(header) - {"__metadata__"}):
        found = re.search(r"(?<=\.)(?:layers|layer|h)\.(\d+)\.", tensor)
        head = re.search(r"norms\.(\d+)", tensor)
        if found and int(found[1]) not in layers or head and int(head[1]) >= (few if ".k_" in tensor else 2):
            continue
        if found:
            tensor_to = tensor[:found.start(1)] + str(layers.index(int(found[1]))) + tensor[found.end(1):]
        shape = [3 if extent == vocab and not found else becomes[extent] for extent in header[tensor]["shape"]]
        end = at + 2 * math.prod(shape)
        tensors[tensor_to if found else tensor] = {"dtype": "F16", "shape": shape, "data_offsets": [at, end]}
        at = end
    read = {key: v for key, v in config.items() if key not in UNREAD}
    return b"\1" + json.dumps(read, separators=(",", ":")).encode() + b"\0\0" + safetensors(
        json.dumps(tensors, separators=(",", ":")).encode(), bytes(at))


SECOND = {f"blk.1.{n}": ("", shape) for n, shape in {
    "attn_norm": (4,), "attn_q": (4, 4), "attn_k": (2, 4), "attn_v": (2, 4), "attn_output": (4, 4), "ffn_norm": (4,),
    "ffn_gate": (6, 4), "ffn_up": (6, 4), "ffn_down": (4, 6)}.items()}  # of another size than LAYER
TIED = {n: t for n, t in HEAD.items() if n != "output"}
models = {
    "gguf_llama": gguf_model("llama"),
    "gguf_llama3": gguf_model("llama", {"rope.freq_base": 500.0}, factors=["rope_freqs.weight"]),
    "gguf_yarn": gguf_model("qwen2", {"attention.head_count_kv": [1], "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                                      "rope.scaling.original_context_length": 32}, head=TIED, biases=BIASES),
    "gguf_longrope": gguf_model("llama", {"rope.scaling.type": "longrope", "rope.scaling.original_context_length": 32},
                                factors=["rope_factors_long.weight", "rope_factors_short.weight"]),
    "gguf_window": gguf_model("qwen3", {"attention.sliding_window": 16, "attention.sliding_window_pattern": [1]},
                              layer={**LAYER, **NORMS}),
    "gguf_by_layer": gguf_model("deci", {"block_count": 2, "attention.head_count": [1, 2], "attention.head_count_kv": [1, 1],
                                         "attention.key_length": [4, 2], "attention.value_length": [4, 2], "rope.dimension_count": [4, 2],
                                         "feed_forward_length": [2, 6]}, head={**HEAD, **SECOND}),
    "gguf_hunyuan": gguf_model("hunyuan-dense", {"attention.key_length": 4}, layer={**LAYER, **NORMS}),
    "gguf_local": gguf_model("gemma3", {"attention.sliding_window": 8, "rope.freq_base_swa": 100.0, "attention.temperature_scale": 0.0}),
    "hf_lists": hf_model({"num_attention_heads": [1], "num_key_value_heads": [1], "head_dim": [4], "intermediate_size": [2]}),
    "hf_hunyuan": hf_model({"model_type": "hunyuan_v1_dense", "head_dim": 4, "rope_parameters": {
        "rope_type": "dynamic", "alpha": 50.0, "rope_theta": 500.0}}, layer={**LAYER, "attn_q_norm": ("self_attn.query_layernorm", (4,)),
                                                                             "attn_k_norm": ("self_attn.key_layernorm", (4,))}),
    "hf_llama": hf_model({}, tokenizer={"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_bos_token": True,
                                        "chat_template": "{{ x }}"}),
    "hf_qwen3": hf_model({"model_type": "qwen3", "head_dim": 4, "use_sliding_window": True, "sliding_window": 16, "layer_types": [
        "sliding_attention"], "tie_word_embeddings": True, "rope_parameters": {"rope_type": "yarn", "rope_theta": 500.0,
                                                                               "factor": 4.0, "original_max_position_embeddings": 32.0}},
                         head=TIED, layer={**LAYER, **NORMS}),
    "hf_mistral": hf_model({"model_type": "mistral", "sliding_window": None, "rope_scaling": {
        "rope_type": "longrope", "factor": 4, "long_factor": [1, 2], "short_factor": [1, 1], "original_max_position_embeddings": 32}}),
    "gguf_fused": gguf_model("phi3", {"attention.head_count": 2, "attention.key_length": 2}, layer={
        "attn_qkv": ("", (12, 4)), "ffn_up": ("", (4, 4)), "attn_norm": ("", (4,))}, biases={"attn_qkv": ("", (12,))}),
    "gguf_extra": gguf_model("glm4", {"nextn_predict_layers": 1, "rope.dimension_sections": [1, 1, 0, 0],
                                      "attention.sliding_window_pattern": [0]}),
    "gguf_mixtral": experts("llama"),
    "gguf_qwen2moe": experts("qwen2moe", {"expert_shared_feed_forward_length": 2}, shared=True, layer={"ffn_gate_inp_shexp": ("", (4,))}),
    "gguf_qwen3moe": experts("qwen3moe", layer=NORMS),
    "gguf_olmoe": experts("olmoe", layer=NORMS),
    "gguf_glm4moe": experts("glm4moe", {"expert_shared_count": 1, "expert_gating_func": 2, "expert_weights_scale": 2.0,
                                        "expert_weights_norm": True, "expert_group_count": 2, "expert_group_used_count": 1,
                                        "leading_dense_block_count": 0}, norm="post_attention_norm", shared=True,
                            biases={"exp_probs_b": ("", (2,))}),
    "gguf_minimax": experts("minimax-m2", {"expert_gating_func": 2}, layer=NORMS, biases={"exp_probs_b": ("", (2,))}),
    "gguf_gpt_oss": experts("gpt-oss", norm="post_attention_norm", layer={"attn_sinks": ("", (1,))}, biases={
        **BIASES, "attn_output": ("", (4,)), "ffn_gate_inp": ("", (2,)), "ffn_gate_exps": ("", (2, 2)), "ffn_up_exps": ("", (2, 2)),
        "ffn_down_exps": ("", (2, 4))}),
    "gguf_deepseek2": gguf_model("deepseek2", {**LATENT, "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                                               "rope.scaling.original_context_length": 32, "rope.scaling.yarn_log_multiplier": 0.1},
                                 layer={**SHARED, "attn_q": ("", (4, 4)), **KV_B}),
    "gguf_deepseek2_split": gguf_model("deepseek2", {**LATENT, "attention.key_length_mla": 4, "attention.value_length_mla": 2}, layer={
        **SHARED, **Q_LATENT, "attn_k_b": ("", (1, 3, 2)), "attn_v_b": ("", (1, 2, 3))}),
    "gguf_minicpm3": gguf_model("minicpm3", LATENT, layer={**SHARED, **Q_LATENT, **KV_B}),
    "hf_minicpm3": hf_model({"model_type": "minicpm3", **HF_LATENT, "scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 256},
                            layer={**SHARED, **Q_LATENT, **KV_B}),
    "hf_deepseek_v3": hf_model({"model_type": "deepseek_v3", **HF_LATENT, "n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 2,
                                "first_k_dense_replace": 0, "n_group": 1, "topk_group": 1}, layer={
                                    **{n: t for n, t in SHARED.items() if n == "ffn_norm" or not n.startswith("ffn_")}, **Q_LATENT, **KV_B,
                                    "router": ("mlp.gate", (2, 4)), **{f"{block}{p}": (f"mlp.{block}.{p}_proj", (4, 2) if p == "down" else (2, 4)) for block in (
                                        "experts.0", "experts.1", "shared_experts") for p in ("gate", "up", "down")}}),
    "gguf_qwen35": with_states("qwen35", {**SSM, "rope.dimension_count": 2}, {
        "attn_qkv": ("", (8, 4)), "attn_gate": ("", (4, 4)), "ssm_conv1d": ("", (8, 2)), "ssm_alpha": ("", (2, 4)), "ssm_beta": ("", (2, 4)),
        "ssm_norm": ("", (2,)), "ssm_out": ("", (4, 4))}, [("blk.0.ssm_a", (2,)), ("blk.0.ssm_dt.bias", (2,))],
                               doubled=2, norms=NORMS, ffn_norm="post_attention_norm"),
    "gguf_qwen3next": with_states("qwen3next", SSM, {
        "ssm_in": ("", (12, 4)), "ssm_ba": ("", (4, 4)), "ssm_conv1d": ("", (8, 2)), "ssm_norm": ("", (2,)), "ssm_out": ("", (4, 4))},
                                  [("blk.0.ssm_a", (2,)), ("blk.0.ssm_dt.bias", (2,))], doubled=2, norms=NORMS, ffn_norm="post_attention_norm"),
    "gguf_lfm2": with_states("lfm2", {"shortconv.l_cache": 3}, {
        "shortconv.in_proj": ("", (12, 4)), "shortconv.conv": ("", (4, 3)), "shortconv.out_proj": ("", (4, 4))}, [], norms=NORMS),
    "gguf_granite_hybrid": with_states("granitehybrid", {**SSM, "rope.scaling.finetuned": False}, MAMBA, MAMBA_BARE),
    "gguf_nemotron_h": gguf_model("nemotron_h", {**SSM, "block_count": 3, "attention.head_count_kv": [0, 1, 0], "feed_forward_length": [0, 0, 2]},
                                  head={**HEAD, "blk.1.attn_norm": ("", (4,)), "blk.2.attn_norm": ("", (4,)), "blk.2.ffn_up": ("", (2, 4)),
                                        "blk.2.ffn_down": ("", (4, 2)), **{f"blk.1.attn_{n}": ("", (4, 4)) for n in ("q", "k", "v", "output")}},
                                  layer={"attn_norm": ("", (4,)), **MAMBA}, bare=MAMBA_BARE),
    "gguf_gemma4": gguf_model("gemma4", {**GEMMA_4, "block_count": 2, "attention.shared_kv_layers": 1, "embedding_length_per_layer_input": 2},
                              head={**HEAD, **{f"blk.1.{n}": t for n, t in {**GEMMA_4_LAYER, **GEMMA_4_PER_LAYER}.items() if n[:6] not in ("attn_k", "attn_v")},
                                    "per_layer_token_embd": ("", (3, 4)), "per_layer_model_proj": ("", (4, 4)), "per_layer_proj_norm": ("", (2,))},
                              layer={**GEMMA_4_LAYER, **GEMMA_4_PER_LAYER}, keys_too=[value("ropewalk.rope_turning_pairs", 1)]),
    "gguf_numbered": gguf_model("llama", {"expert_count": 2, "expert_used_count": 1}, layer={
        **{n: t for n, t in LAYER.items() if n.startswith("attn") or n == "ffn_norm"}, "ffn_gate_inp": ("", (2, 4)),
        **{f"ffn_{p}.{e}": ("", (4, 2) if p == "down" else (2, 4)) for p in ("gate", "up", "down") for e in (0, 1)}}),
    **{f"family_{name}": shrunk(name) for name in FAMILIES},
    "packed_gptq": hf_packed({"quant_method": "gptq", "group_size": 32}, qweight=("I32", [4, 8]), qzeros=("I32", [1, 1]),
                             scales=("F16", [1, 8]), g_idx=("I32", [32])),
    "packed_gptq3": hf_packed({"quant_method": "gptq", "group_size": 16, "checkpoint_format": "gptq_v2"}, qweight=("I32", [3, 32]),
                              qzeros=("I32", [2, 3]), scales=("F16", [2, 32])),
    "packed_awq": hf_packed({"quant_method": "awq", "version": "gemm", "group_size": -1}, qweight=("I32", [32, 1]), qzeros=("I32", [1, 1]),
                            scales=("F16", [1, 8])),
    "packed_int4": hf_packed({"quant_method": "compressed-tensors", "format": "pack-quantized"}, weight_packed=("I32", [8, 4]),
                             weight_scale=("BF16", [8, 1]), weight_shape=("I64", [2], struct.pack("<qq", 8, 32)),
                             weight_zero_point=("I32", [1, 1]), weight_g_idx=("I32", [32])),
    "packed_int8": hf_packed({"quant_method": "compressed-tensors", "format": "int-quantized", "sparsity_config": {"format": "dense"}},
                             weight=("I8", [8, 32]), weight_scale=("F32", [8, 1]), weight_zero_point=("I8", [8, 1])),
    "packed_fp8": hf_packed({"quant_method": "fp8", "weight_block_size": [8, 32]}, weight=("F8_E4M3", [8, 64]), weight_scale_inv=("F32", [1, 2]),
                            input_scale=("F32", [])),
    "packed_blocks": hf_packed({"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {"g": {"weights": {
        "block_structure": [4, 16]}}}}, weight=("F8_E5M2", [8, 32]), weight_scale=("BF16", [2, 2])),
}


def results(*lines):
    """Lines of results without checksums: byte 0 asks the target for them."""
    common = {"shared": False, "tail": 32, "n_ctx_train": 256, "model": "m.gguf", "model_id": "ed76", "precision": "bf16",
              "kv": "bf16", "isa": "avx2", "version": "0.1.0"}
    run = {"seconds": 0.5, "tokens_per_second": 512.0, "peak_bytes": 1, "threads": 2, "date": "2026-11-26",
           "command": "ropewalk eval", "checksum": ""}
    out = b"\1"
    for i, line in enumerate(lines):
        fields = {"ropewalk": 1, "task": line["task"], "method": "none", "resolved": "none", "document": "a.txt#1", "length": 512,
                  "achieved": 512, **line, **common, "text_sha256": line.get("document", "a"), "key": f"k{i}", "index": 0, "of": 1,
                  "run": run}
        out += json.dumps(fields, separators=(",", ":")).encode() + b"\n"
    return out


def sealed(lines):
    """Such lines with their checksums."""
    return b"".join(line[:-4] + hashlib.sha256(line).hexdigest()[:16].encode() + line[-4:]
                    for line in lines[1:].splitlines(keepends=True) for line in [line.replace(b'"key":"k0"', b'"key":"7"')])


def document_seed():
    tokens = struct.pack("<5i", 1, 9, 8, 7, 63)
    digest = hashlib.sha256(tokens[:4] + b"|" + tokens[4:]).hexdigest()
    return json.dumps({"kind": "document", "name": "a.txt#1", "text_id": digest, "n_bos": 1}).encode() + b"\n" + tokens


def losses(method, *values):
    return [{"task": "tail", "method": method, "document": f"a.txt#{i}", "n_targets": 32, "loss": v} for i, v in enumerate(values)]


SAMPLE = "I'll see the  12345 中文😀 ababab\r\n\t<s>Srv\u2581x \u3000é ".encode() + b"\xc2"


def tokenizer_seeds():
    """Of the kinds of fuzz_tokenizer.cpp from 5 on, and byte-level BPE under the names behind its sixteenth."""
    extra = [piece.encode() for piece in ("a", "b", "ab", "abab", "\u2581t", "t", "中", "\n", "\n\n")]
    pieces = bytes([len(extra)]) + b"".join(bytes([len(piece)]) + piece for piece in extra)
    odd = bytes([2, 16 | 2]) + b"ab" + bytes([16 | 64 | 3]) + b"<h>"
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["\u2581", -2], ["a", -3.5], ["\u2581ab", -4]]}
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    steps = [{"type": "Precompiled", "precompiled_charsmap": ""}, {"type": "Strip", "strip_left": True, "strip_right": False},
             {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Lowercase"}, {"type": "NFC"}]
    around = {"type": "TemplateProcessing", "special_tokens": {}, "single": [
        {"SpecialToken": {"id": "a", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "a", "type_id": 0}}]}
    json_unigram = {"normalizer": {"type": "Sequence", "normalizers": steps}, "post_processor": around, "model": unigram,
                    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]}}
    tekken = {"config": {"pattern": "\\p{L}+|[^a[bc]]", "default_vocab_size": 8, "default_num_special_tokens": 4}, "vocab": [
        {"rank": i, "token_bytes": b} for i, b in enumerate(["YQ==", "Yg==", "YWI=", "IA=="])]}
    return {
        **{f"bpe_name{i}": bytes([0, i]) + pieces + SAMPLE for i in range(16, 29)},
        "text_bpe": bytes([5, 0]) + pieces + SAMPLE,
        "text_bpe_gpt2": bytes([5, 1]) + pieces + SAMPLE,
        "text_bpe_odd": bytes([5, 0]) + odd + SAMPLE,
        "unigram": bytes([6, 7, 0]) + pieces + SAMPLE,
        "unigram_kept": bytes([6, 5, 0]) + odd + SAMPLE,
        # A map without texts: a table of 257 units, then a zero.
        "unigram_map": bytes([6, 3, 255]) + struct.pack("<I", 1000) + bytes(1016) + pieces + SAMPLE,
        "json_unigram": b"\x02" + json.dumps(json_unigram).encode() + b"\0" + SAMPLE,
        "tekken": b"\x07" + json.dumps(tekken).encode() + b"\0abab a b",
    }


seeds = {
    "store/tail": results(*losses("none", 3.1, 3.4, 2.9), *losses("none (truncated)", 3, 3.2, 2.8), *losses("yarn", 2.9, 3, 2.7)),
    "store/positions": results({"task": "positions", "positions": [0, 256], "n_targets": 256, "loss": 3.5, "values": {"top1": 0.5}},
                               {"task": "far-use", "part": "swapped", "n_targets": 32, "loss": None}),
    "store/passkey": results(*({"task": "passkey", "method": m, "seed": 1, "depth": d, "score": s, "written": "1", "expected": "1"}
                               for m, d, s in [("none", 0, 1.0), ("none", 1, 0.5), ("yarn", 0, 0.0), ("yarn", 1, 1.0)])),
    "store/continuation": results({"task": "continuation", "values": {"bleu": 10.5, "repetition": 0.1}, "written": "a", "expected": "b"}),
    "messages/order": json.dumps({"kind": "order", "id": 7, "task": "tail", "method": "yarn:factor=4", "length": 512, "told": 0,
                                  "seed": 0, "bytes": 4096, "document": "aa", "other": "bb", "tail": 32, "n_predict": 128,
                                  "stride": 0, "n_depths": 5}).encode() + b"\n",
    "messages/document": document_seed(),
    "messages/here": b'{"kind":"here","permille":250}\n',
    "messages/records": b'{"kind":"records","id":7,"values":[["top1","bleu"]]}\n' + sealed(
        results({"task": "positions", "positions": [0, 256], "n_targets": 256, "loss": 3.5, "values": {"bleu": 1.5, "top1": 0.5}})),
    "store/torn": results(*losses("none", 3.1, 3.4))[:-40],
    "report/zeros": bytes(200),
    "report/steps": bytes(7 * i % 256 for i in range(900)),
    "report/tail": bytes([0, 0, 4, 1]) + b"".join(bytes([0, 0, 2 * m, 0, 2 * d, 0, 5, 5, 0, 0, 1, 60 + 9 * m + d, 0, 0, 0, 0, 9, 1, 0, 0])
                                                  for m in (0, 1, 4, 5) for d in (0, 1, 2, 3)),
    **{f"model/{name}": content for name, content in models.items()},
    "gguf/scalars": gguf([key_value(f"k{t}", t, scalar(t)) for t in SCALARS] + [key_value("s", 8, text("x"))]),
    "gguf/lists": gguf([key_value(f"k{t}", 9, listing(t)) for t in [*SCALARS, 8]]),
    "gguf/version2": gguf([key_value("general.architecture", 8, text("llama"))], version=2),
    "gguf/aligned": gguf([key_value("general.alignment", 4, struct.pack("<I", 64))], [("t", [8], "F32")], alignment=64),
    "gguf/shapes": gguf([], [(f"t{d}", [2] * d, "F32") for d in (1, 2, 3, 4)]),
    **{f"gguf/{kind}": gguf([], [("a", [256, 16], kind), ("b", [256, 1], kind)] if kind == "PQ2_0" else [
        ("a", [256], kind), ("b", [256, 1], kind)]) for kind in TENSORS},
    "safetensors/types": safetensors({d: {"dtype": d, "shape": [1], "data_offsets": [8 * i, 8 * i + n]} for i, (d, n) in
                                      enumerate([("F64", 8), ("I64", 8)])}, bytes(16)),
    "safetensors/float": safetensors({"a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}, "b": {
        "dtype": "F16", "shape": [2], "data_offsets": [8, 12]}, "c": {"dtype": "BF16", "shape": [], "data_offsets": [12, 14]}}, bytes(14)),
    "safetensors/metadata": safetensors(b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}   ', b""),
    **{f"checkpoint/{name}": json.dumps({"format": 1, "step": step, "about": about, "files": {
        file: {"bytes": n, "sha256": "0" * 64} for file, n in files.items()}, "sha256": ""}).encode() for name, step, about, files in [
            ("small", 3, {"seed": 1}, {"values.f32": 12, "adamw.m.f32": 24}), ("nothing", 0, {}, {}),
            ("nested", 10**12, {"recent": [1.5, 2], "a": {"b": [{}]}}, {"run.json": 2**60})]},
    "questions/ruler": b'{"index":1,"input":"a b?","outputs":["A","c"],"length":9,"answer_prefix":"is"}\n',
    **{f"questions/{name}": json.dumps({"input": "Abc 3", "context": "the x. Paragraph 3", "answers": [answer], "length": 5,
                                        "dataset": name, "all_classes": classes, "_id": "1"}, ensure_ascii=False).encode()
       for name, answer, classes in [("hotpotqa", "an Abc", None), ("dureader", "段落3", None), ("samsum", "a. b", None),
                                     ("trec", "Abc", ["A", "Abc"]), ("passage_count", "3", None), ("lcc", "x #", None),
                                     ("passage_retrieval_en", "Paragraph 3", None), ("multifieldqa_zh", "好a", None)]},
    **{f"tokenizer/{name}": content for name, content in tokenizer_seeds().items()},
}
for path, content in seeds.items():
    (CORPUS / path).parent.mkdir(parents=True, exist_ok=True)
    (CORPUS / path).write_bytes(content)
for config in (ROOT / "tests/golden/tiny").glob("*/config.json"):
    (CORPUS / "config" / config.parent.name).write_text(json.dumps(read_part(config), separators=(",", ":")))
snippets = json.loads((ROOT / "tests/golden/chat/snippets.json").read_text(encoding="utf-8"))
(CORPUS / "chat_template").mkdir(exist_ok=True)
for i in range(0, len(snippets), 10):
    (CORPUS / f"chat_template/snippets{i // 10}").write_text("\n".join(snippets[i:i + 10]), encoding="utf-8")
for name in ("gpt_oss", "qwen3", "command_r7b", "llama31", "deepseek_r1_distill", "call_block"):
    (CORPUS / "chat_template" / name).write_bytes((ROOT / f"tests/golden/chat/templates/{name}.jinja").read_bytes())
