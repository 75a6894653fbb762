# SPDX-License-Identifier: Apache-2.0
"""Language models past the length they were trained on, without training; and whether it holds.

>>> import ropewalk
>>> [m["name"] for m in ropewalk.methods() if "ReRoPE" in m["title"]]
['leaky-rerope', 'rerope']
"""
from . import _core
from ._core import (
    Engine,
    Generation,
    Model,
    Plan,
    Region,
    Sequence,
    Session,
    Step,
    Variant,
    canonical,
    methods,
    plan,
    score,
)
from ._errors import Error, UsageError
from ._judge import Results, evaluate, layers, read_results, tune

__version__: str = getattr(_core, "__version__")

__all__ = [
    "Engine",
    "Error",
    "Generation",
    "Model",
    "Plan",
    "Region",
    "Results",
    "Sequence",
    "Session",
    "Step",
    "UsageError",
    "Variant",
    "__version__",
    "canonical",
    "evaluate",
    "layers",
    "methods",
    "plan",
    "read_results",
    "score",
    "tune",
]
