# SPDX-License-Identifier: Apache-2.0
"""A user's program, which test_types.py has mypy read: what is not typed is an error there. Nobody runs it."""
from __future__ import annotations

from typing import Iterator

import numpy as np
import ropewalk
from numpy.typing import NDArray

model: ropewalk.Model = ropewalk.Model("model.gguf", precision="f32")
ids: NDArray[np.int32] = model.tokenize("a text", begin=True)
asked: NDArray[np.int32] = model.chat([{"role": "user", "content": "a question"}])
said: str = model.detokenize([1, 2]) + model.detokenize(ids)

session = ropewalk.Session(model, 100)
session.read(ids, progress=lambda n_done: print(n_done + 1))
rows: NDArray[np.float32] = session.read(ids, logits=2)
mean: float = float(session.losses(list(ids)).mean())
other: ropewalk.Session = session.fork().fork(3)
same: bool = other.model is model
answer: ropewalk.Generation = session.generate("a prompt", n_predict=3)
pieces: Iterator[str] = iter(answer)
whole: str = "".join(piece.upper() for piece in answer) + answer.text + answer.reason
written: list[int] = answer.tokens

engine = ropewalk.Engine(model)
sequence = ropewalk.Sequence(model, 10, method="rerope")
for result in engine.step([ropewalk.Step(sequence, ids, n_rows=1, targets=ids[:1])]):
    numbers: NDArray[np.float64] = result["losses"]

context: ropewalk.RopeContext = model.rope_context(0)
plan = ropewalk.plan("yarn", 100, rows=(0, 10), **context)
seen: NDArray[np.bool_] = plan.mask(rows=(2, 3))
positions: list[NDArray[np.float64]] = [region.query_position for region in plan.regions]
names: list[str] = [parameter["name"] for method in ropewalk.methods() for parameter in method["parameters"]]
heads: list[int] = [layer["head_dim"] for layer in ropewalk.layers({"model_type": "llama"}, [True])]
choice: ropewalk.Choice = ropewalk.choose(100, context, {200: "rerope"})
why: str = choice.why

results: ropewalk.Results = ropewalk.evaluate(model, {"mine": "a text"}, methods="rerope", lengths=512, say=print)
report: str = results.text()
bleu: float = ropewalk.score(["a"], ["a"])["bleu"]
try:
    ropewalk.tune(model, ["text.txt"], 512)
except ropewalk.UsageError as error:
    parts: tuple[str, str, str, str] = (error.place, error.expected, error.found, error.hint)


def with_torch() -> None:
    import ropewalk.torch
    import ropewalk.transformers
    import torch

    network = torch.nn.Linear(1, 1)
    changed: torch.nn.Linear = ropewalk.transformers.apply(network, "rerope", length=16 * 1024)
    used: str = ropewalk.transformers.chosen(changed, 100)
    ropewalk.transformers.remove(network)
    tables = ropewalk.torch.Tables(plan)
    q = torch.zeros(1, 1, 10, 64)
    out: torch.Tensor = ropewalk.torch.attention(q, q, q, tables)
