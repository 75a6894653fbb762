#!/usr/bin/env python3
"""Tiny random models of every supported family and kind of own scaling, and what transformers computes with them
(float32, eager attention, from the stored 16-bit weights): tests/golden/tiny/NAME/{config.json,model.safetensors,
expected.json}. tools/make_tiny_gguf.py then writes NAME/model.gguf beside them.
Needs: pip install torch transformers safetensors.   Run: tools/make_golden_transformers.py [NAME ...]"""
import contextlib
import json
import pathlib
import shutil
import sys
import unittest.mock
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


def rotating_in_part(kind):
    """transformers' Llama and Qwen2 ignore or reject partial_rotary_factor. Phi-3 is the same model with partial rotation:
    for the partial models, its rotation (frequencies over the first rotary_dim dims, the rest passed) takes theirs' place."""
    family = sys.modules[kind.__module__]
    return unittest.mock.patch.multiple(family, apply_rotary_pos_emb=modeling_phi3.apply_rotary_pos_emb, **{
        kind.__name__.replace("ForCausalLM", "RotaryEmbedding"): modeling_phi3.Phi3RotaryEmbedding})


def record(name, kind, config, seed):
    torch.manual_seed(seed)
    model = kind(config).float().eval()
    for parameter in model.parameters():  # biases and norms that are not the neutral ones
        if parameter.ndim == 1:
            parameter.data.add_(torch.randn_like(parameter) * 0.1)
    folder = root / name
    model.to(torch.bfloat16 if name == "qwen2" else torch.float16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    stored = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    runs = []
    for length in (20, 100):
        tokens = torch.randint(0, 128, (length,), generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            logits = stored(tokens[None]).logits[0]
        runs.append({"tokens": tokens.tolist(), "rows": list(range(0, length, 3)),
                     "logits": [[round(float(v), 5) for v in logits[r, ::4]] for r in range(0, length, 3)]})
    (folder / "expected.json").write_text(json.dumps(
        {"torch": torch.__version__, "transformers": transformers.__version__, "stride": 4, "runs": runs}))
    print(name, sum(f.stat().st_size for f in folder.iterdir()))


root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tiny"
names = sys.argv[1:] or list(MODELS)
for number, (model_name, (model_kind, model_config)) in enumerate(MODELS.items()):
    if model_name not in names:
        continue
    shutil.rmtree(root / model_name, ignore_errors=True)
    with rotating_in_part(model_kind) if model_name.startswith("partial") else contextlib.nullcontext():
        record(model_name, model_kind, model_config, number)
