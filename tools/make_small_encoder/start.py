# SPDX-License-Identifier: Apache-2.0
"""Where training starts: with heads that already look at the neighbours, and with the frequencies of the tokens.

A masked language model stays for long at the loss of the frequencies: a gap must first know where it stands, and
then whom to ask. Here the four heads of layer 0 begin as such that bring the tokens one and two places before and
behind (the biases of q and k alone say so, turned by so many places; compare make_small_model/start.py), and the
head's bias as the logarithm of the frequencies. All else is random, and training may change everything.
"""
import torch

NEIGHBOURS = (-1, 1, -2, 2)


@torch.no_grad()
def start(model, frequencies, sharpness=14.0):
    """`frequencies` (n_vocab): of the tokens in the texts; `sharpness`: logit of the place that a head looks at."""
    c = model.config
    n = c.hidden_size // c.num_attention_heads
    for layer in model.roformer.encoder.layer:
        for linear in (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value):
            torch.nn.init.normal_(linear.weight, std=c.hidden_size**-0.5)
        torch.nn.init.normal_(layer.intermediate.dense.weight, std=c.hidden_size**-0.5)
        for linear in (layer.attention.output.dense, layer.output.dense):
            torch.nn.init.normal_(linear.weight, std=0.3 * linear.in_features**-0.5)
    first = model.roformer.encoder.layer[0].attention
    fast = torch.arange(8)  # pairs that turn fast
    theta = 10000.0 ** (-fast * 2.0 / n)
    length = (sharpness * n**0.5 / len(fast)) ** 0.5
    for head, distance in enumerate(NEIGHBOURS):
        rows = slice(head * n, (head + 1) * n)
        q, k = torch.zeros(n), torch.zeros(n)
        q[2 * fast] = length
        k[2 * fast], k[2 * fast + 1] = length * (distance * theta).cos(), -length * (distance * theta).sin()
        first.self.query.weight[rows] *= 0.1
        first.self.key.weight[rows] *= 0.1
        first.self.query.bias[rows], first.self.key.bias[rows] = q, k
    torch.nn.init.orthogonal_(first.self.value.weight)
    first.output.dense.weight.copy_(0.7 * torch.nn.init.orthogonal_(torch.empty_like(first.output.dense.weight)))
    model.cls.predictions.bias.copy_(torch.log(frequencies))
