# SPDX-License-Identifier: Apache-2.0
"""The judge: which methods keep working past the trained length, on texts that somebody gave?"""
from __future__ import annotations

import json
import os
import pathlib
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, Sequence, TypeVar, Union, cast

from . import _core
from ._errors import UsageError, count
from ._types import Choice, RopeContext, Tuned

if TYPE_CHECKING:
    import matplotlib.axes
    import pandas

T = TypeVar("T")
Texts = Union[Mapping[str, str], Iterable[Union[str, "os.PathLike[str]"]], str, "os.PathLike[str]"]


def _texts(texts: Texts) -> list[tuple[str, str]]:
    """A dict of names and texts, or files. A lone path is one file."""
    hint = "files, or a dict of names and texts: {'my text': text}"
    if isinstance(texts, Mapping):
        return [(str(name), text) for name, text in texts.items()]
    paths: list[str | os.PathLike[str]] = [texts] if isinstance(texts, (str, os.PathLike)) else list(texts)
    for path in paths:
        if isinstance(path, str) and (len(path) > 4096 or any(c in path for c in "\n\0")):
            raise UsageError("texts", "names of files", f"a text of {len(path)} letters", hint)
    return [(str(path), pathlib.Path(path).read_text(encoding="utf-8")) for path in paths]


def _several(names: str | Iterable[str]) -> list[str]:
    """A lone name is a list of one."""
    return [names] if isinstance(names, str) else list(names)


def _lengths(lengths: int | Iterable[int]) -> list[int]:
    """A lone number is a list of one."""
    return [count(length, "lengths") for length in ([lengths] if isinstance(lengths, (str, int)) else lengths)]


def _path(path: str | os.PathLike[str]) -> str:
    path = os.fspath(path)
    if "\0" in path:
        raise UsageError("store", "the name of a file", "one with a NUL", "leave it out")
    return path


class Results:
    """What evaluate measured, and what follows from it."""

    def __init__(self, measured: _core.Measured):
        self._measured = measured
        self._data: dict[str, Any] | None = None

    def __reduce__(self) -> Any:
        raise TypeError("Results are not pickled: evaluate(..., store=FILE) keeps them, and read_results(FILE) has them again")

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._measured)

    def data(self) -> dict[str, Any]:
        """Answer, verdicts, tables and records: what `ropewalk report --format json` prints."""
        if self._data is None:
            self._data = json.loads(self._measured.json())
        return self._data

    @property
    def records(self) -> list[dict[str, Any]]:
        """A dict for each measurement."""
        records: list[dict[str, Any]] = self.data()["records"]
        return records

    def frame(self) -> pandas.DataFrame:
        """The records as a pandas.DataFrame; what a task measures beside the loss, time and memory are columns of
        their own. Needs pandas."""
        import pandas

        rows = []
        for record in self.records:
            row = {key: value for key, value in record.items() if key not in ("values", "run")}
            for inner in ("values", "run"):  # what a task measures; time and memory
                row.update(dict(record.get(inner) or {}))
            rows.append(row)
        return pandas.DataFrame(rows)

    def plot(self, axes: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """Loss of the last tokens against length, a line for each method, on matplotlib axes. Needs pandas and matplotlib."""
        import matplotlib.pyplot as plt

        frame = self.frame()
        frame = frame[frame["task"].isin(["tail", "masked"]) & (frame["length"] > 0)]
        if frame.empty:
            raise UsageError("plot", "a loss of the last tokens", "none", "evaluate with the task tail")
        axes = axes or plt.subplots()[1]
        for method, rows in frame.groupby("method", sort=False):
            means = rows.groupby("length")["loss"].mean()
            axes.plot(means.index, means.values, marker="o", label=method)
        axes.axvline(self.data()["n_ctx_train"], color="gray", linestyle=":", label="trained length")
        axes.set_xscale("log", base=2)
        lengths = sorted(frame["length"].unique())
        axes.set_xticks(lengths, labels=[f"{length:,}" for length in lengths], minor=False)
        axes.set_xlabel("length, tokens")
        axes.set_ylabel("loss of the last tokens, nats")
        axes.legend()
        return axes

    def text(self) -> str:
        """For a terminal of 80 columns."""
        return self._measured.text()

    def markdown(self) -> str:
        return self._measured.markdown()

    def html(self) -> str:
        """One page, without anything from elsewhere."""
        return self._measured.html()

    def csv(self) -> str:
        return self._measured.csv()

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return f"<Results: {len(self)} records>"


def evaluate(
    model: _core.Model,
    texts: Texts,
    *,
    methods: str | Sequence[str] = (),
    lengths: int | Sequence[int] = (),
    tasks: str | Sequence[str] = (),
    tail: int = 0,
    n_predict: int = 128,
    stride: int = 0,
    n_questions: int = 4,
    n_depths: int = 5,
    n_documents: int = 0,
    margin: float | None = None,
    budget_seconds: float | None = None,
    special: bool = False,
    store: str | os.PathLike[str] = "",
    progress: Callable[[float], Any] | None = None,
    say: Callable[[str], Any] | None = None,
) -> Results:
    """Measures methods on texts: what `ropewalk eval` does, with its options and its choices where they are left out.

    texts: files, or a dict of names and texts. methods: specs; none: a few good ones. lengths: tokens of each run; none: from the
    trained length up. tasks: none: tail (of an encoder: masked). tail: so many last tokens are scored; 0: 256, or what the trained length
    holds. n_predict: tokens that continuation writes. stride: of sliding windows; 0: half of them. n_questions, n_depths: of retrieval,
    for each document and length. n_documents: stretches of each text; 0: as many as the budget buys. margin: nats that count as stable;
    None: 0.02. budget_seconds: 0: no limit; None: none for what is given, ten minutes for what is chosen. special: control tokens that
    are spelled in the texts are read as such. store: a file of results; finished items are taken from it, so that a run that was ended goes on. progress(share) and say(line) are told how it
    goes; what they raise, and ctrl-C, end it. Servers are asked by `ropewalk eval` alone."""
    if margin is not None and not margin > 0:
        raise UsageError("margin", "nats above 0", str(margin), "None takes the usual one")
    named, specs, tokens, asked = _texts(texts), _several(methods), _lengths(lengths), _several(tasks)
    call = _call(model, texts, [name for name, _ in named], {
        "methods": specs, "lengths": tokens, "tasks": asked, "tail": tail, "n_predict": n_predict, "stride": stride, "n_questions": n_questions,
        "n_depths": n_depths, "n_documents": n_documents, "margin": margin, "budget_seconds": budget_seconds, "special": special})
    measured = _core.evaluate(
        model, named, methods=specs, lengths=tokens, tasks=asked, tail=tail, n_predict=n_predict, stride=stride, n_questions=n_questions,
        n_depths=n_depths, n_documents=n_documents, margin=margin or 0.0, budget_seconds=budget_seconds, special=special,
        store=_path(store), call=call, progress=progress, say=say)
    return Results(measured)


def _call(model: _core.Model, texts: Texts, names: list[str], settings: dict[str, Any]) -> str:
    """evaluate's call, without what is left as it is; of texts that are no files the names."""
    shown = "{" + ", ".join(f"{name!r}: ..." for name in names) + "}" if isinstance(texts, Mapping) else repr(names)
    usual = evaluate.__kwdefaults__ or {}
    rest = [f"{name}={value!r}" for name, value in settings.items() if value != usual[name] and value != []]
    return f"ropewalk.evaluate({', '.join([f'ropewalk.Model({model.path!r})', shown, *rest])})"


def read_results(*paths: str | os.PathLike[str]) -> Results:
    """Files of results, of one model, without repeats."""
    return Results(_core.read_results([os.fspath(path) for path in paths]))


def tune(
    model: _core.Model,
    texts: Texts,
    length: int,
    *,
    goal: str = "loss",
    candidates: str | Sequence[str] = (),
    n_documents: int = 0,
    tail: int = 0,
    budget_seconds: float = 0.0,
    special: bool = False,
    store: str | os.PathLike[str] = "",
    keep: bool = False,
    progress: Callable[[float], Any] | None = None,
    say: Callable[[str], Any] | None = None,
) -> Tuned:
    """The method and its parameters for this model and length, chosen by evidence: what `ropewalk tune --json` prints, as a dict
    (see Tuned); "method" is the one to use, empty where none is better for certain.

    length: tokens, past the trained length. goal: "loss", "retrieval" or "both". candidates: methods; none: all kinds, with several
    parameters. n_documents: stretches of each text; 0: what fits, to 12. tail: last tokens that are scored; 0: the usual.
    budget_seconds: 0: no limit. keep: written beside the model, where "auto" looks. progress(share): of each round. Errors:
    UsageError; Error where there is nothing to tune, for texts that hold fewer than two stretches, for too small a budget."""
    method, evidence = _core.tune(
        model, _texts(texts), length=count(length, "length"), goal=goal, candidates=_several(candidates), n_documents=n_documents, tail=tail,
        budget_seconds=budget_seconds, special=special, store=_path(store), keep=keep, progress=progress, say=say)
    return cast(Tuned, {**json.loads(evidence), "method": method})


def layers(config: Mapping[str, Any], attends: Sequence[bool]) -> list[RopeContext]:
    """What a method may know of each layer, the keyword arguments of plan, from a Hugging Face config.json of a model whose weights
    somebody else holds. attends: which of its layers have attention. Errors: Error for what the engine does not read."""
    try:
        text = json.dumps(config)  # infinity and NaN as they are: config.json has some, and what may be one is the engine's to say
    except (TypeError, ValueError) as error:
        raise UsageError("config", "what a config.json holds", str(error), "model.config.to_dict() of transformers") from None
    return _core.layers(text, list(attends))


def choose(n: int, context: RopeContext, tuned: Mapping[int, str] | str | os.PathLike[str] | None = None) -> Choice:
    """The method that "auto" is for a request of n tokens, read and written, and why: plain RoPE while it fits the trained length,
    else what was tuned, else the default.

    context: of the first layer that methods act on (Model.rope_context, layers). tuned: the file that `ropewalk tune` or tune(...,
    keep=True) wrote, or {length: method}. Errors: UsageError; Error for a file of another kind.

    >>> import ropewalk
    >>> context = {"n_ctx_train": 2048, "acts": True, "rotary_dim": 64}
    >>> ropewalk.choose(2048, context).method, ropewalk.choose(4096, context).method
    ('none', 'leaky-rerope')
    >>> ropewalk.choose(4096, context, {8192: "rerope:window=1024"}).method
    'rerope:window=1024'
    """
    known = _core.read_tuned(os.fspath(tuned)) if isinstance(tuned, (str, os.PathLike)) else list((tuned or {}).items())
    return Choice(*_core.choose(count(n, "n"), context["n_ctx_train"], context["acts"] and context["rotary_dim"] > 0, known))
