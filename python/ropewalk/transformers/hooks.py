# SPDX-License-Identifier: Apache-2.0
"""Putting a method into a model, and taking it out again."""
from __future__ import annotations

import contextlib
import functools
import inspect
import re
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Mapping, TypeVar

import torch
import transformers

import ropewalk
from ropewalk._errors import count

from . import contexts, roformer
from .asked import check_positions, given_to, mask_in, n_seen_by, refuse_unheard
from .auto import read_tuned
from .families import FAMILIES, NOT_YET, Unsupported, family_of
from .state import Layer, State
from .undo import put_in

if TYPE_CHECKING:
    import os

M = TypeVar("M", bound=torch.nn.Module)

NAME = "ropewalk"  # of the attention and mask functions, in transformers' registries
MARK = "_ropewalk_filled"  # of a cache
BACKENDS = ("auto", "flex", "chunks")
_running = threading.local()  # .model: the text model that computes now


def apply(model: M, spec: str = "auto", *, length: int | None = None, tuned: Mapping[int, str] | str | os.PathLike[str] | None = None,
          backend: str = "auto") -> M:
    """Makes every call of `model` attend as method `spec` says, until remove(). A second apply() changes the method.

    model    a transformers model (PreTrainedModel, or a peft model around one)
    spec     a method as everywhere in ropewalk: "rerope:window=2048+logn". "auto": plain RoPE for each request that fits the
             trained length, else what was tuned, else ropewalk's default
    length   tokens (a whole number: 16 * 1024) that a request will have, where it is known: methods whose numbers follow the length are bound to it.
             Default: what generate() may reach (prompt and new tokens); in other calls the tokens read so far
    tuned    for "auto": the file that `ropewalk tune` wrote, or {length: method}
    backend  of ropewalk.torch.attention

    A batch may be padded on either side; each item is a text of its own, from its first token on, under a plan of its own
    length. An error leaves the model as it was. Returns the model. Errors: Unsupported, by name and reason, for families and models that cannot be done;
    ValueError for a spec that does not exist or does not fit. Not for several threads that share the model."""
    if length is not None and count(length, "length") < 1:
        raise ropewalk.UsageError("length", "1 token or more", str(length), "leave it out where it is not known")
    if not isinstance(model, torch.nn.Module):
        raise ropewalk.UsageError("model", "a model of transformers", repr(model)[:80], "AutoModelForCausalLM.from_pretrained loads one")
    if backend not in BACKENDS:
        raise ropewalk.UsageError("backend", ", ".join(BACKENDS), repr(backend), "auto takes flex on CUDA")
    if tuned is not None and spec != "auto":
        raise ropewalk.UsageError("tuned", "no file of tune beside a method by name", f"one, and {spec!r}", '"auto" looks there')
    asked = (spec, length, read_tuned(tuned), backend)
    before = [(state.spec, state.length, state.tuned, state.backend) for state in _states(model)]
    remove(model)
    try:
        return _apply(model, *asked)
    except BaseException:
        for known in before:  # what worked goes on
            _apply(model, *known)
        raise


def _apply(model, spec, length, tuned, backend):
    text = roformer.find(model) or _text_model(model)
    attentions = roformer.attentions(text) or _attentions(text)
    for outer in _around(model, text):
        if outer.config.model_type in NOT_YET:
            family_of(outer.config.model_type)
    config = getattr(next(iter(attentions.values())), "config", text.config)
    model_type = config.model_type
    family = family_of(model_type)
    layers = []
    for index, context in contexts.of_layers(model, set(attentions), config.num_hidden_layers).items():
        if family.own_temperature:
            context = {**context, "temperature_beta": 0.0}
        layers.append(Layer(index, context, attentions[index], family))
    state = State(model_type, layers, spec, length, tuned, backend)
    state.check()
    if not any(layer.context["acts"] and layer.context["rotary_dim"] for layer in layers):
        warnings.warn(f"methods act on no layer of this {model_type}: every layer has a window or no positions", stacklevel=2)
    undo = contextlib.ExitStack()
    try:
        _install(model, text, layers, state, undo)
    except BaseException:
        undo.close()
        raise
    text._ropewalk_state = state
    undo.callback(text.__dict__.pop, "_ropewalk_state", None)
    state.undo = undo
    return model


def _states(model):
    """Of `model`, which may be the changed one, a part of it or another one around it."""
    return [module._ropewalk_state for module in model.modules() if "_ropewalk_state" in module.__dict__]


def remove(model: M) -> M:
    """Makes `model` as it was before apply(). A model that was not changed stays as it is. Returns the model."""
    for state in _states(model):
        state.undo.close()
    return model


def chosen(model: torch.nn.Module, n: int) -> str:
    """The method that a request of n tokens gets: the spec given to apply(), or what "auto" makes of it. Errors: Unsupported
    for a model without."""
    for state in _states(model):
        return state.spec_for(n)
    raise Unsupported(type(model).__name__, "a model that ropewalk.transformers.apply changed", "another")


# ---- finding the parts

def _is_text_attention(module):
    name = type(module).__name__
    return (isinstance(getattr(module, "layer_idx", None), int) and re.search("Attention2?$", name)
            and not re.search("Vision|Audio|Cross|Linear", name))


def _text_model(model):
    """The module whose child is the list of layers with attention."""
    for module in model.modules():
        for child in module.children():
            if isinstance(child, torch.nn.ModuleList) and any(_is_text_attention(m) for m in child.modules()):
                return module
    raise Unsupported(type(model).__name__, "a model with layers of attention", "none")


def _attentions(text):
    return {m.layer_idx: m for m in text.modules() if _is_text_attention(m)}


def _module_of(attention):
    return sys.modules[type(attention).__module__]


# ---- installing; every step leaves in `undo` how it is taken back

def _install(model, text, layers, state, undo):
    register()
    by_interface = hasattr(_module_of(layers[0].module), "ALL_ATTENTION_FUNCTIONS")
    rotations = [m for m in text.modules() if re.search(r"Rotary(Position)?Embedding$", type(m).__name__)]
    for rotation in rotations:
        undo.callback(rotation.register_forward_hook(_unrotated).remove)
    for layer in layers:
        layer.module._ropewalk = (state, layer)
        undo.callback(layer.module.__dict__.pop, "_ropewalk", None)
        for name in layer.family.norms_behind:
            if (norm := getattr(layer.module, name, None)) is not None:
                undo.callback(norm.register_forward_hook(_unweighted).remove)
        if layer.family is FAMILIES["roformer"]:
            roformer.install(text, layer, undo)
        elif not by_interface:
            _intercept(layer, undo)
    if by_interface:
        for config in {id(layer.module.config): layer.module.config for layer in layers}.values():
            undo.callback(setattr, config, "_attn_implementation", config._attn_implementation)
            config._attn_implementation = NAME
        undo.callback(text.register_forward_pre_hook(functools.partial(_still_ours, layers)).remove)
    undo.callback(text.register_forward_pre_hook(functools.partial(_begin, state, by_interface), with_kwargs=True).remove)
    undo.callback(text.register_forward_hook(_end, always_call=True).remove)
    # transformers before 4.53 makes n x n masks by these.
    for name, instead in (("_update_causal_mask", lambda *args, **kwargs: None),
                          ("_prepare_4d_causal_attention_mask_with_cache_position", lambda attention_mask, **kwargs: attention_mask)):
        if hasattr(text, name):
            undo.callback(put_in(text, name, instead))
    for outer in {id(m): m for m in (model, *_around(model, text))}.values():
        if outer is not text:
            undo.callback(outer.register_forward_pre_hook(functools.partial(_outer_mask, state), with_kwargs=True).remove)
            undo.callback(outer.register_forward_hook(functools.partial(_forget_mask, state), always_call=True).remove)
        if hasattr(outer, "generate"):
            undo.callback(put_in(outer, "generate", _counting(outer.generate, outer, state)))


def _around(model, text):
    """Modules on the way from `model` to `text` that are models themselves."""
    return [m for m in model.modules() if isinstance(m, transformers.PreTrainedModel) and m is not text
            and any(part is text for part in m.modules())]


def _still_ours(layers, text, args):
    """Another attention would be given queries and keys that nobody rotates: no positions at all, and no error."""
    for layer in layers:
        if layer.module.config._attn_implementation != NAME:
            raise Unsupported(type(text).__name__, "the attention that ropewalk.transformers.apply chose",
                              f"{layer.module.config._attn_implementation}; call ropewalk.transformers.remove(model) first")


def _unrotated(module, args, output):
    """cos 1 and sin 0: the model's own rotation changes nothing. A forward hook of its rotary embedding."""
    if isinstance(output, torch.Tensor):  # complex numbers (DeepSeek V2)
        return torch.ones_like(output)
    cos, sin = output
    return torch.ones_like(cos), torch.zeros_like(sin)


def _unweighted(module, args, output):
    """A norm without its weight, which attention multiplies behind its own rotation (the norm itself does not see it)."""
    x = args[0].to(torch.float32)
    eps = getattr(module, "variance_epsilon", None) or getattr(module, "eps", 1e-6)
    return (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)).to(output.dtype)


@torch.compiler.disable
def _outer_mask(state, module, args, kwargs):
    given = given_to(module, args, kwargs)
    refuse_unheard(state, module, given)
    mask = mask_in(given)
    if mask is not None:
        state.outer_mask = mask


@torch.compiler.disable
def _forget_mask(state, module, args, output):
    state.outer_mask = None


@torch.compiler.disable
def _begin(state, by_interface, module, args, kwargs):
    """Before the text model: which items have which tokens, and how many were read before."""
    given = given_to(module, args, kwargs)
    refuse_unheard(state, module, given)
    rows = given.get("inputs_embeds") if given.get("input_ids") is None else given["input_ids"]
    n_items, n_rows = rows.shape[:2]
    mask = mask_in(given)
    mask = state.outer_mask if mask is None else mask
    cache = given.get("cache") if given.get("past_key_values") is None else given["past_key_values"]
    first = state.layers[0]
    n_seen = _n_cached(cache, first.index)
    if n_seen > 0 and not hasattr(_carrier(cache), MARK):
        if isinstance(cache, (tuple, list)):
            raise Unsupported("past_key_values", "what a call under apply() gave", f"a {type(cache).__name__} of {n_seen} tokens, "
                              "which does not say", "give a DynamicCache: read the text anew with past_key_values=DynamicCache()")
        raise Unsupported("past_key_values", "a cache that was filled under apply()", f"one with {n_seen} tokens from before it",
                          "its keys are rotated already: read the text anew")
    _mark(cache)
    if mask is not None:
        if mask.shape[0] != n_items:
            raise Unsupported("attention_mask", f"{n_items} rows: one for each item", str(mask.shape[0]), "give each item its own")
        if mask.shape[1] != n_seen + n_rows:
            n_seen = n_seen_by(mask.shape[1] - n_rows, n_rows, n_seen, first.context["sliding_window"])
        mask = mask.detach().cpu().numpy()
        mask = None if mask.all() else mask
    check_positions(given.get("position_ids"), mask)
    state.begin(mask, n_items, n_rows, n_seen)
    _running.model = module
    if not by_interface and "attention_mask" in kwargs:
        kwargs["attention_mask"] = None  # else n x n numbers are made of it
    return args, kwargs


def _carrier(cache):
    """What can be marked: a cache, or the first keys of the tuple that old versions have in its place."""
    return cache[0][0] if isinstance(cache, (tuple, list)) else cache


def _mark(cache):
    """Its keys are not rotated: attention does that."""
    if cache is not None and not (isinstance(cache, (tuple, list)) and not cache):
        setattr(_carrier(cache), MARK, True)


@torch.compiler.disable
def _end(module, args, output):
    _running.model = None
    name = "cache" if hasattr(output, "cache") else "past_key_values"  # transformers 5.24 renamed it
    for part in output if isinstance(output, tuple) else (getattr(output, name, None),):
        if hasattr(part, "get_seq_length") or (isinstance(part, tuple) and part and isinstance(part[0], tuple)):
            _mark(part)


def _n_cached(cache, layer):
    """Columns that a cache has read, as layer `layer` has it."""
    if cache is None:
        return 0
    if isinstance(cache, (tuple, list)):  # of old versions
        return cache[layer][0].shape[2] if cache else 0
    return int(cache.get_seq_length(layer))


def _counting(generate, model, state):
    """generate() that tells the state how many tokens may be written, so that a request's length is known from its first."""
    @functools.wraps(generate)
    def counted(*args, **kwargs):
        state.new_tokens, state.lengths = _new_tokens(model, args, kwargs), None
        try:
            return generate(*args, **kwargs)
        finally:
            state.new_tokens = state.lengths = None
    return counted


def _new_tokens(model, args, kwargs):
    config = kwargs.get("generation_config") or model.generation_config
    new = kwargs.get("max_new_tokens") or (None if "max_length" in kwargs else config.max_new_tokens)
    if new is not None:
        return int(new)
    if "max_length" not in kwargs and getattr(config, "max_length", None) in (None, 20):
        return 20  # transformers' default
    prompt = args[0] if args else next((kwargs[name] for name in ("input_ids", "inputs", "inputs_embeds") if kwargs.get(name) is not None), None)
    longest = kwargs.get("max_length") or config.max_length
    return max(1, int(longest) - (prompt.shape[1] if prompt is not None else 1))


# ---- what transformers calls. Plans are made in Python: torch.compile goes on around them.

@torch.compiler.disable
def attend(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
    """An attention function of transformers: query (batch, heads, rows, head_dim) -> ((batch, rows, heads, value_dim), None)."""
    state, layer = getattr(module, "_ropewalk", (None, None))
    if layer is None or layer.module is not module:
        raise Unsupported(type(module).__name__, "a model that ropewalk.transformers.apply changed", "a copy of one",
                          "copy first; in place of DataParallel start several processes (torchrun)")
    _check(layer, dropout, scaling)
    return state.attend(layer, query, key, value, kwargs.get("s_aux")).transpose(1, 2).contiguous(), None


def _check(layer, dropout, scaling):
    if dropout:
        raise Unsupported("attention dropout", "0", str(dropout), "set config.attention_dropout = 0")
    own = layer.context["attention_scale"] or layer.context["head_dim"] ** -0.5
    if scaling is not None and abs(scaling - own) > 1e-4 * own:
        raise Unsupported(type(layer.module).__name__, f"logits scaled by {own:g}, as ropewalk reads the config", f"{scaling:g}",
                          "this version of transformers computes another model")


@torch.compiler.disable
def keep_mask(*args, attention_mask=None, **kwargs):
    """A mask function of transformers, which makes none of n x n. What generate() prepares is the mask of padding as it is; a
    model that runs has told it (_begin) and needs no more."""
    return None if getattr(_running, "model", None) else attention_mask


def register():
    """Makes "ropewalk" known to transformers. Twice is as good as once."""
    transformers.AttentionInterface.register(NAME, attend)
    with contextlib.suppress(ImportError):  # 4.53 and newer
        from transformers.masking_utils import AttentionMaskInterface
        AttentionMaskInterface.register(NAME, keep_mask)


class _Sdpa(torch.overrides.TorchFunctionMode):
    """While a layer's attention runs: its call of scaled_dot_product_attention is ours."""

    def __init__(self, state, layer):
        super().__init__()
        self.state, self.layer = state, layer

    def __torch_function__(self, function, kinds, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is not torch.nn.functional.scaled_dot_product_attention:
            return function(*args, **kwargs)
        query, key, value = args[:3] if len(args) >= 3 else (kwargs["query"], kwargs["key"], kwargs["value"])
        _check(self.layer, kwargs.get("dropout_p", 0.0), kwargs.get("scale") or query.shape[-1] ** -0.5)
        return self.state.attend(self.layer, query, key, value)  # the mode is off in here


def _intercept(layer, undo):
    """A family that calls no AttentionInterface, but SDPA (Falcon; in old versions some more)."""
    module = layer.module
    source = inspect.getsource(type(module).forward)
    if "scaled_dot_product_attention" not in source or module.config._attn_implementation != "sdpa":
        raise Unsupported(f"{type(module).__name__} of transformers {transformers.__version__}",
                          "attention that calls AttentionInterface, or SDPA with attn_implementation=\"sdpa\"", "neither",
                          "take a newer transformers")
    forward = module.forward

    @functools.wraps(forward)
    def changed(*args, **kwargs):
        with _Sdpa(*module._ropewalk):
            return forward(*args, **kwargs)

    undo.callback(put_in(module, "forward", changed))
