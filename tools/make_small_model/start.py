# SPDX-License-Identifier: Apache-2.0
"""Where training starts: with two heads that already do what finding needs, so that it takes minutes, not hours.

A small model learns to find something again only after two heads have formed that are of use together alone (the
"induction heads" of Olsson et al. 2022, arXiv:2209.11895): one that brings each token the token before it, and
one, a layer later, that looks for places whose token before is the token now, and copies what stands there.
Random weights need millions of tokens to get there. Here these two heads of layers 0 and 1 start as such; all
else is random, and training may change everything. In the spirit of "mimetic initialization" (Trockman and
Kolter 2023, arXiv:2305.09828).
"""
import torch


def orthonormal(rows: int, columns: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(columns, rows))[0].T


@torch.no_grad()
def start_with_finding(model, before=20.0, same=2.0):
    """`before`: logit of the token before in head 0 of layer 0; `same`: scale of q and k in head 0 of layer 1."""
    c = model.config
    n, half = c.head_dim, c.head_dim // 2
    embedding = model.embed_tokens.weight
    # Coordinate 0 is the same for every token: what a head needs that looks at a place, not at a token.
    constant = embedding.std() * c.n_embd**0.5
    embedding[:, 0] = constant
    scale = (c.n_embd / 2) ** 0.5  # of coordinate 0 behind the norm

    def spread(rows):  # a projection that does not read coordinate 0
        return torch.cat([torch.zeros(rows, 1), orthonormal(rows, c.n_embd - 1)], 1)

    # Layer 0: q is constant and k is q turned by one place, in the pairs that turn fast: q R(j - i) k is
    # greatest at j = i - 1.
    first, fast = model.layers[0].self_attn, torch.arange(6)
    theta = c.rope_base ** (-fast * 2.0 / n)
    length = (before * n**0.5 / len(fast)) ** 0.5 / scale
    first.q_proj.weight[:n], first.k_proj.weight[:n] = 0, 0
    first.q_proj.weight[fast, 0] = length
    first.k_proj.weight[fast, 0] = length * theta.cos()
    first.k_proj.weight[fast + half, 0] = length * theta.sin()
    reads, writes = spread(n), spread(n)
    first.v_proj.weight[:n] = reads
    added = constant / (scale * (n / (c.n_embd - 1)) ** 0.5)  # as long as the token's own vector
    first.o_proj.weight[:, :n] = added * writes.T

    # Layer 1: q is the token, k what layer 0 wrote, in the pairs that hardly turn within n_ctx.
    second = model.layers[1].self_attn
    slow = torch.arange(14, half)
    slow = torch.cat([slow, slow + half])
    second.q_proj.weight[:n], second.k_proj.weight[:n] = 0, 0
    second.q_proj.weight[slow] = same * reads[: len(slow)]
    second.k_proj.weight[slow] = same * writes[: len(slow)]
    copies = spread(n)
    second.v_proj.weight[:n] = copies
    second.o_proj.weight[:, :n] = added * copies.T
