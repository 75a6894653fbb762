# SPDX-License-Identifier: Apache-2.0
"""The method of a request where the spec is "auto": what ropewalk.choose says, of the model's first layer that methods act on."""
from __future__ import annotations

import os

import ropewalk
from ropewalk import _core


def read_tuned(tuned):
    """{length: method}, from the file that `ropewalk tune` wrote (MODEL.ropewalk.json), such a dict, or None."""
    if isinstance(tuned, (str, os.PathLike)):
        return dict(_core.read_tuned(os.fspath(tuned)))
    return dict(tuned or {})


def choose(spec, n, layers, tuned):
    """The spec of a request of n tokens, read and written."""
    if spec != "auto":
        return spec
    acting = [layer for layer in layers if layer.context["acts"] and layer.context["rotary_dim"] > 0]
    return ropewalk.choose(n, (acting or layers)[0].context, tuned).method
