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
from ._judge import Results, choose, evaluate, layers, read_results, tune
from ._types import Choice, MethodInfo, RopeContext, StepResult, Tuned, TunedCandidate

__version__: str = getattr(_core, "__version__")

__all__ = [
    "Choice",
    "Engine",
    "Error",
    "Generation",
    "MethodInfo",
    "Model",
    "Plan",
    "Region",
    "Results",
    "RopeContext",
    "Sequence",
    "Session",
    "Step",
    "StepResult",
    "Tuned",
    "TunedCandidate",
    "UsageError",
    "Variant",
    "__version__",
    "canonical",
    "choose",
    "evaluate",
    "layers",
    "methods",
    "plan",
    "read_results",
    "score",
    "tune",
]
