# SPDX-License-Identifier: Apache-2.0
"""The method of a request where the spec is "auto": what `ropewalk generate --method auto` takes (src/methods/auto.h)."""
from __future__ import annotations

import json
import os

UNTUNED, UNTUNED_FAR, UNTUNED_REACH = "leaky-rerope", "dca", 8


def read_tuned(tuned):
    """[(length, method)] from the file that `ropewalk tune` wrote (MODEL.ropewalk.json), from {length: method}, or from None."""
    if tuned is None:
        return []
    if isinstance(tuned, (str, os.PathLike)):
        with open(tuned, encoding="utf-8") as file:
            return sorted((setting["length"], setting["method"]) for setting in json.load(file)["settings"])
    return sorted(dict(tuned).items())


def choose(spec, n, layers, tuned):
    """The spec of a request of n tokens, read and written."""
    if spec != "auto":
        return spec
    acting = [layer for layer in layers if layer.context["acts"] and layer.context["rotary_dim"] > 0]
    trained = (acting or layers)[0].context["n_ctx_train"]
    if n <= trained or not acting:
        return "none"
    covering = [method for length, method in tuned if length >= n]
    if covering:
        return covering[0]
    if tuned and tuned[-1][1] != "none":
        return tuned[-1][1]
    return UNTUNED if n <= UNTUNED_REACH * trained else UNTUNED_FAR
