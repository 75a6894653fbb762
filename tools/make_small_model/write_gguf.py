# SPDX-License-Identifier: Apache-2.0
"""Writes the trained model: a GGUF file of 8-bit weights (Q8_0), and the same as a Hugging Face folder in f32."""
import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from model import Config

PARTS = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    fixed = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}
    if name in fixed:
        return fixed[name]
    _, layer, part = name.removesuffix(".weight").split(".", 2)
    return f"blk.{layer}.{PARTS[part]}.weight"


def paired(weight: np.ndarray, head_dim: int) -> np.ndarray:
    """Rows of q or k as GGUF's Llama wants them: pairs that rotate together side by side, not in two halves."""
    rows, columns = weight.shape
    return weight.reshape(rows // head_dim, 2, head_dim // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(path, c: Config, weights, tokenizer, about):
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(about["name"])
    writer.add_description(about["description"])
    writer.add_license(about["licence"])
    writer.add_context_length(c.n_ctx)
    writer.add_embedding_length(c.n_embd)
    writer.add_block_count(c.n_layers)
    writer.add_feed_forward_length(c.n_ff)
    writer.add_head_count(c.n_heads)
    writer.add_head_count_kv(c.n_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_rope_freq_base(c.rope_base)
    writer.add_layer_norm_rms_eps(c.norm_eps)
    writer.add_vocab_size(c.n_vocab)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    model = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(pieces)
    writer.add_token_types([gguf.TokenType.CONTROL if i == 0 else gguf.TokenType.NORMAL for i in range(len(pieces))])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in model["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(True)
    for name, tensor in weights.items():
        value = tensor.numpy()
        if "q_proj" in name or "k_proj" in name:
            value = paired(value, c.head_dim)
        if value.ndim == 2:
            value = gguf.quants.quantize(value, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(gguf_name(name), value, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(gguf_name(name), value.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_folder(folder, c: Config, weights, tokenizer):
    folder.mkdir(exist_ok=True)
    named = {f"model.{name}": tensor.contiguous() for name, tensor in weights.items()}
    save_file(named, str(folder / "model.safetensors"), metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": c.n_embd,
        "intermediate_size": c.n_ff, "num_hidden_layers": c.n_layers, "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_heads, "head_dim": c.head_dim, "max_position_embeddings": c.n_ctx,
        "rms_norm_eps": c.norm_eps, "rope_theta": c.rope_base, "hidden_act": "silu", "tie_word_embeddings": True,
        "vocab_size": c.n_vocab, "torch_dtype": "float32", "bos_token_id": 0, "eos_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
        "add_bos_token": True}, indent=1))


def main(work: pathlib.Path, target: pathlib.Path):
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    weights = {name: tensor.float() for name, tensor in torch.load(work / "checkpoint.pt")["model"].items()}
    config = Config(n_vocab=tokenizer.get_vocab_size())
    about = {"name": target.stem, "licence": "Apache-2.0",
             "description": "made by ropewalk's tools/make_small_model; trained on 256 tokens"}
    write_gguf(target, config, weights, tokenizer, about)
    write_folder(work / "folder", config, weights, tokenizer)
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
