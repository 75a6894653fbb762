# SPDX-License-Identifier: Apache-2.0
"""What ropewalk's methods may know of each layer, from a model's config: read by the engine's own reader of config.json."""
from __future__ import annotations

import json

import ropewalk


def of_layers(model, with_attention, n_layers):
    """{layer: arguments of ropewalk.plan}. with_attention: the layers of `model` that have attention. Errors: ropewalk's own for
    a family or a setting that it does not read."""
    said = json.loads(json.dumps(model.config.to_diff_dict(), default=str))  # as save_pretrained writes it
    said.pop("quantization_config", None)  # how weights are kept is not asked
    numbers = ropewalk.layers(said, [layer in with_attention for layer in range(n_layers)])
    return {layer: numbers[layer] for layer in with_attention}
