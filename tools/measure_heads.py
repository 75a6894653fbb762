#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures a model's heads on a text for the methods that treat them differently, and prints their specs:

    ms-poe:ranks=...   by the share of a query's weights above 3 times their mean, most first (arXiv 2403.04797), on queries
                       and keys before rotation as the released code has it; mean of the last 64 rows and of the heads that
                       share keys, in layers 2 and up (or the last)
    dope:heads=...     the --count key heads of least exp(entropy) of the --top largest eigenvalues of K^T K, before rotation
                       (arXiv 2511.09146), of a pass at dynamic NTK's positions where the text is longer than trained

A choice is of one model, text and length: another text gives others, see --scores. What it prints as a row is for
src/judge/measured_heads.cpp, from where `tune` takes it.
Needs: pip install torch transformers accelerate gguf.   Run:
    tools/measure_heads.py models/short-256.gguf data/devil.txt --length 1024"""
import argparse
import json
import pathlib
import subprocess
import torch
from transformers import AutoConfig, AutoModelForCausalLM

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", type=pathlib.Path, help="GGUF file or Hugging Face folder of the Llama kind")
parser.add_argument("text", type=pathlib.Path)
parser.add_argument("--length", type=int, default=1024, help="tokens of the text that are read")
parser.add_argument("--count", type=int, default=3, help="heads for dope")
parser.add_argument("--top", type=int, default=16, help="eigenvalues that count")
parser.add_argument("--scores", action="store_true", help="print every head's two numbers too")
parser.add_argument("--ropewalk", default="build/release/ropewalk")
options = parser.parse_args()

ids = subprocess.run([options.ropewalk, "tokenize", options.model, options.text, "--ids"], check=True, capture_output=True,
                     text=True).stdout.split()[:options.length]
assert len(ids) == options.length, f"the text has {len(ids)} tokens only"

where = {"pretrained_model_name_or_path": str(options.model)}
if options.model.is_file():
    where = {"pretrained_model_name_or_path": str(options.model.parent), "gguf_file": options.model.name}
config = AutoConfig.from_pretrained(**where)
if options.length > config.max_position_embeddings:
    config.rope_parameters = {"rope_type": "dynamic", "factor": 1.0, "rope_theta": config.rope_parameters["rope_theta"]}
model = AutoModelForCausalLM.from_pretrained(**where, config=config, dtype=torch.float32)
n_heads, n_kv_heads = config.num_attention_heads, config.num_key_value_heads
head_dim = getattr(config, "head_dim", None) or config.hidden_size // n_heads

seen = {}
for index, layer in enumerate(model.model.layers):
    for name in "qk":
        module = getattr(layer.self_attn, f"{name}_norm", None) or getattr(layer.self_attn, f"{name}_proj")
        module.register_forward_hook(
            lambda _, __, out, key=(index, name): seen.__setitem__(key, out.reshape(options.length, -1, head_dim)))
with torch.no_grad():
    model(torch.tensor([[int(i) for i in ids]]), logits_to_keep=1)


def share_above_mean(q, k, rows=64):
    """(n_kv_heads): mean share of a row's weights that are above 3 times their mean."""
    shares = []
    for head in range(n_heads):
        keys = k[:, head * n_kv_heads // n_heads]
        for row in range(max(0, options.length - rows), options.length):
            weights = torch.softmax(keys[:row + 1] @ q[row, head] / head_dim**0.5, 0)
            shares.append((weights > 3 * weights.mean()).float().mean())
    return torch.stack(shares).reshape(n_kv_heads, -1).mean(1)


def spectral_rank(k):
    """(n_kv_heads): exp of the entropy of the largest eigenvalues' shares."""
    eigenvalues = torch.linalg.eigvalsh((k.transpose(0, 1).transpose(1, 2) @ k.transpose(0, 1)).double())
    p = eigenvalues.clamp(min=0)[:, -options.top:]
    p = p / p.sum(1, keepdim=True)
    return torch.exp(-torch.special.xlogy(p, p).sum(1))


n_layers = config.num_hidden_layers
shares = [share_above_mean(seen[layer, "q"], seen[layer, "k"]) for layer in range(n_layers)]
spectra = [spectral_rank(seen[layer, "k"]) for layer in range(n_layers)]
if options.scores:
    for layer in range(n_layers):
        for head in range(n_kv_heads):
            print(f"layer {layer} head {head}  above 3x mean {shares[layer][head]:.4f}  rank {spectra[layer][head]:.3f}")

first = min(2, n_layers - 1)
ranks = ["-" for _ in range(n_layers)]
for layer in range(first, n_layers):
    order = torch.argsort(-shares[layer], stable=True)
    ranks[layer] = ".".join(str(int(r)) for r in torch.argsort(order))
print("ms-poe:ranks=" + "/".join(ranks[first:]))
lowest = torch.argsort(torch.cat(spectra), stable=True)[:options.count]
heads = "/".join(f"{int(i) // n_kv_heads}.{int(i) % n_kv_heads}" for i in sorted(lowest))
print("dope:heads=" + heads)
known = json.loads(subprocess.run([options.ropewalk, "inspect", options.model, "--sha256", "--json"], check=True,
                                  capture_output=True, text=True).stdout)
print(f"""{{.model_id = "{known['model_id']}",
 .model = "{options.model.stem}",
 .ranks = "{'/'.join(ranks[first:])}",
 .heads = "{heads}",
 .on = "{options.text.stem}, {options.length:,} tokens"}},""")
