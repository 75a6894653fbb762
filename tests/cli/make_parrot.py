#!/usr/bin/env python3
"""Writes a model folder whose next token is known beforehand: it depends on the last byte only. One layer, no
attention, no feed-forward; a byte is a token. "?" is answered with "yes" and the end; all else with dots.
Position means nothing to it, so every method equals plain RoPE.   make_parrot.py FOLDER [N_CTX]"""
import array
import json
import pathlib
import struct
import sys

D = 512  # room for a one-hot row for each token
EOS = 256
N_VOCAB = 257


def byte_letters():
    """GPT-2's letters for bytes."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in visible]
    return {b: chr(b) if b in visible else chr(256 + hidden.index(b)) for b in range(256)}


def matrix(rows, columns, ones=()):
    values = array.array("f", bytes(4 * rows * columns))
    for row, column in ones:
        values[row * columns + column] = 1
    return [rows, columns], values.tobytes()


def tensors():
    follows = {ord("?"): ord("y"), ord("y"): ord("e"), ord("e"): ord("s"), ord("s"): EOS}
    ones = ([D], array.array("f", [1] * D).tobytes())
    layer = "model.layers.0."
    return {
        "model.embed_tokens.weight": matrix(N_VOCAB, D, [(t, t) for t in range(N_VOCAB)]),
        "lm_head.weight": matrix(N_VOCAB, D, [(follows.get(t, ord(".")), t) for t in range(N_VOCAB)]),
        "model.norm.weight": ones,
        layer + "input_layernorm.weight": ones,
        layer + "post_attention_layernorm.weight": ones,
        **{layer + f"self_attn.{p}_proj.weight": matrix(D, D) for p in "qkvo"},
        layer + "mlp.gate_proj.weight": matrix(32, D),
        layer + "mlp.up_proj.weight": matrix(32, D),
        layer + "mlp.down_proj.weight": matrix(D, 32),
    }


def safetensors():
    header, data = {}, b""
    for name, (shape, values) in tensors().items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main(folder, n_ctx=128):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    end = {"id": EOS, "content": "<end>", "single_word": False, "lstrip": False, "rstrip": False,
           "normalized": False, "special": True}
    files = {
        "config.json": {
            "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": D, "vocab_size": N_VOCAB,
            "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 8, "num_key_value_heads": 8,
            "max_position_embeddings": int(n_ctx), "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "hidden_act": "silu", "tie_word_embeddings": False, "torch_dtype": "float32", "eos_token_id": EOS},
        "tokenizer.json": {
            "version": "1.0", "added_tokens": [end], "normalizer": None, "pre_tokenizer": level,
            "post_processor": None, "decoder": level,
            "model": {"type": "BPE", "vocab": {c: b for b, c in byte_letters().items()}, "merges": []}},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>"},
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors())


main(*sys.argv[1:])
