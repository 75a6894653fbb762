# SPDX-License-Identifier: Apache-2.0
"""The network: Llama's, with tied embeddings. Weights have Hugging Face's names and shapes."""
import dataclasses

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclasses.dataclass(frozen=True)
class Config:
    n_vocab: int = 2048
    n_embd: int = 192
    n_layers: int = 4
    n_heads: int = 3
    head_dim: int = 64
    n_ff: int = 512
    n_ctx: int = 256
    rope_base: float = 10000.0
    norm_eps: float = 1e-5


class Norm(nn.Module):
    def __init__(self, n: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(n)), eps

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight, self.eps)


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Attention(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.shape = (c.n_heads, c.head_dim)
        n = c.n_heads * c.head_dim
        self.q_proj = nn.Linear(c.n_embd, n, bias=False)
        self.k_proj = nn.Linear(c.n_embd, n, bias=False)
        self.v_proj = nn.Linear(c.n_embd, n, bias=False)
        self.o_proj = nn.Linear(n, c.n_embd, bias=False)

    def forward(self, x, cos, sin, sharpness):
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight])
        q, k, v = F.linear(x, weight).unflatten(-1, (3, *self.shape)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True,
                                           scale=sharpness * self.shape[1] ** -0.5)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.gate_proj = nn.Linear(c.n_embd, c.n_ff, bias=False)
        self.up_proj = nn.Linear(c.n_embd, c.n_ff, bias=False)
        self.down_proj = nn.Linear(c.n_ff, c.n_embd, bias=False)

    def forward(self, x):
        gate, up = F.linear(x, torch.cat([self.gate_proj.weight, self.up_proj.weight])).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.input_layernorm = Norm(c.n_embd, c.norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = Norm(c.n_embd, c.norm_eps)
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin, sharpness):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, sharpness)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.config = c
        self.embed_tokens = nn.Embedding(c.n_vocab, c.n_embd)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.n_layers))
        self.norm = Norm(c.n_embd, c.norm_eps)
        # What a layer adds starts at nothing, so that the first layers see the tokens (see start.py).
        for name, p in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(p)
            elif p.dim() == 2:
                nn.init.normal_(p, std=0.05 if "embed" in name else p.shape[1] ** -0.5)
        theta = c.rope_base ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim)
        angle = torch.outer(torch.arange(c.n_ctx).float(), theta)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, tokens, sharpness=1.0):
        """Hidden states [batch, length, n_embd], ready for logits(). `sharpness`: a factor on every logit of the
        attention; 1 is Llama's."""
        n = tokens.shape[1]
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, self.cos[:n], self.sin[:n], sharpness)
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.embed_tokens.weight)
