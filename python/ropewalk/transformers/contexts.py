# SPDX-License-Identifier: Apache-2.0
"""What ropewalk's methods may know of each layer, from a model's config: read by the engine's own reader of config.json."""
from __future__ import annotations

import json

import ropewalk

from .families import Unsupported


def of_layers(model, with_attention):
    """{layer: arguments of ropewalk.plan}. with_attention: the layers that have attention in `model`. Errors: ropewalk's own
    for a family or a setting that it does not read."""
    numbers = ropewalk.layers(json.loads(model.config.to_json_string()))
    read = {index for index, layer in enumerate(numbers) if layer is not None}
    if read != set(with_attention):
        raise Unsupported(type(model).__name__, f"attention in layers {sorted(read)}, as ropewalk reads the config",
                          f"{sorted(with_attention)}", "this version of transformers computes another model")
    return {index: numbers[index] for index in read}
