# SPDX-License-Identifier: Apache-2.0
"""RoFormer, an encoder whose attention calls no interface, and turns values too."""
from __future__ import annotations

import torch

from .families import Unsupported
from .undo import put_in


def find(model):
    """The RoFormerModel in `model`, or None."""
    return next((m for m in model.modules() if type(m).__name__ == "RoFormerModel"), None)


def attentions(text):
    """{layer: its attention}, {} for another model."""
    found = [m for m in text.modules() if type(m).__name__ == "RoFormerSelfAttention"]
    if any(m.is_decoder for m in found):
        raise Unsupported("RoFormer", "an encoder", "a decoder (is_decoder)")
    return dict(enumerate(found))


def install(text, layer, undo):
    module = layer.module

    def forward(hidden_states, *args, **kwargs):
        if module.training and module.dropout.p:
            raise Unsupported("attention dropout", "0", str(module.dropout.p), "set config.attention_probs_dropout_prob = 0")
        q, k, v = (part(hidden_states).unflatten(-1, (module.num_attention_heads, -1)).transpose(1, 2)
                   for part in (module.query, module.key, module.value))
        state, _ = module._ropewalk
        if module.rotary_value:
            v = state.each(layer, v, _turn_values)
        return state.attend(layer, q, k, v).transpose(1, 2).flatten(2), None

    undo.callback(put_in(module, "forward", forward))
    # Its table of sines ends at the trained length and is not needed.
    undo.callback(put_in(text.encoder.embed_positions, "forward", lambda shape, *args, **kwargs: torch.zeros(
        shape[1], module.attention_head_size, device=module.query.weight.device, dtype=module.query.weight.dtype)))


def _turn_values(v, tables):
    """v (batch, heads, n, head_dim): token j turned by j, with the method's frequencies, in pairs (2m, 2m + 1)."""
    theta = torch.as_tensor(tables.theta, device=v.device)
    angle = torch.arange(v.shape[2], device=v.device, dtype=theta.dtype)[:, None] * theta
    cos, sin = angle.cos().to(v.dtype), angle.sin().to(v.dtype)
    a, b = v[..., 0::2], v[..., 1::2]
    return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)
