# SPDX-License-Identifier: Apache-2.0
"""What the dicts of the library hold."""
from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Optional, TypedDict

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class RopeContext(TypedDict):
    """What a method may know of a layer: the keyword arguments of plan (ropewalk/method.h says what each is)."""

    head_dim: int
    rotary_dim: int
    rope_base: float
    n_ctx_train: int
    n_ctx_original: int
    sliding_window: int
    turning_pairs: int
    rope_freqs: List[float]
    long_factors: List[float]
    short_factors: List[float]
    longrope_attention_factor: float
    own_scaling: str
    layer: int
    n_layers: int
    kv_head: int
    n_kv_heads: int
    attention_scale: float
    soft_cap: float
    temperature_beta: float
    temperature_original: int
    acts: bool
    bidirectional: bool


class MethodParameter(TypedDict):
    name: str
    meaning: str
    unit: str
    range: str
    default: str


class MethodInfo(TypedDict):
    name: str
    aliases: List[str]
    kind: str  # frequency, distance, mask, scale or none
    title: str
    formula: str
    source: str
    differs: str
    parameters: List[MethodParameter]


class StepResult(TypedDict, total=False):
    """What was wanted of a Step."""

    logits: NDArray[numpy.float32]  # (n_rows, n_vocab)
    losses: NDArray[numpy.float64]  # (n_rows) nats
    likeliest: NDArray[numpy.int32]  # (n_rows)


class TunedCandidate(TypedDict):
    """A method in the last round that it was in: the lower the loss the better, the higher the score."""

    method: str
    same_as: Optional[str]  # a candidate with the same plan, which was measured for both
    round: int
    loss: Optional[float]  # nats per token
    score: Optional[float]  # share of the answers found, 0 to 1, where the goal asks for them
    n_documents: int


class Tuned(TypedDict):
    """What tune found. It has more: what `ropewalk tune --json` prints, versus_plain, versus_truncated, to_decide ..."""

    method: str  # with all its parameters; empty: none was shown to be better
    winner: Optional[str]  # the best that was seen, shown or not
    why: str  # one line for people
    candidates: List[TunedCandidate]
    length: int
    stored: bool  # it was written beside the model, where "auto" looks
    n_to_choose_on: int  # documents
    n_to_judge_on: int  # others, of which the evidence is


class Choice(NamedTuple):
    method: str
    why: str  # one line for people
