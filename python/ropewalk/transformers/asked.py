# SPDX-License-Identifier: Apache-2.0
"""What a changed model is asked for, as far as transformers' own attention would do it and a method's does not: refused."""
from __future__ import annotations

import inspect

import torch

from .families import Unsupported

_ONE_TEXT = "give packed texts as items of a batch, with padding"


def given_to(module, args, kwargs):
    names = inspect.signature(type(module).forward).parameters
    return {**dict(zip([name for name in names if name != "self"], args)), **kwargs}


def mask_in(given):
    """The 2-dimensional mask among what a model was given, 0 for padding; it may come by kind of layer."""
    mask = given.get("attention_mask")
    for found in (mask.values() if isinstance(mask, dict) else [mask]):
        if isinstance(found, torch.Tensor) and found.ndim == 2:
            return found
        if found is not None:
            raise Unsupported("attention_mask", "0 for padding and 1 for tokens, (batch, columns)", f"{type(found).__name__} "
                              f"{tuple(getattr(found, 'shape', ()))}",
                              "give the tokenizer's mask, or none without padding: which token sees which is the method's to say")
    return None


def refuse_unheard(state, module, given):
    """What transformers' own attention may do, and what would be left out here without a word."""
    asked = given.get("output_attentions")
    if getattr(getattr(module, "config", None), "output_attentions", False) if asked is None else asked:
        raise Unsupported("output_attentions", "False", "True", "attention is not computed as n x n numbers under a method; "
                          "remove(model) and attn_implementation=\"eager\" give those of the model alone")
    for name, hint in (("head_mask", "leave it out: a method has no heads left out"),
                       ("cu_seq_lens_q", _ONE_TEXT), ("cu_seq_lens_k", _ONE_TEXT)):
        if given.get(name) is not None:
            raise Unsupported(name, "None", type(given[name]).__name__, hint)
    causal = not state.layers[0].context["bidirectional"]
    if given.get("is_causal", causal) not in (causal, None):
        raise Unsupported("is_causal", str(causal), str(given["is_causal"]), "leave it out: which token sees which is the method's to say")
    for name in ("token_type_ids", "mm_token_type_ids"):  # 1 an image's, 2 a video's; of RoFormer segments
        kinds = given.get(name)
        if kinds is not None and _sees_images_both_ways(state, module) and bool(((kinds == 1) | (kinds == 2)).any()):
            raise Unsupported(name, "text alone", "tokens of an image, which see one another both ways", "methods are for causal attention")


def _sees_images_both_ways(state, module):
    text = module.config.get_text_config() if hasattr(module, "config") else None
    return state.name.startswith("gemma3") or getattr(text, "use_bidirectional_attention", None) == "vision"


def n_seen_by(by_mask, n_rows, by_cache, window):
    """Columns read before: old caches with a window say only how many they keep."""
    kept_all = not window or by_cache not in (window - 1, window)
    if by_mask < by_cache or (by_mask > by_cache and kept_all):
        raise Unsupported("attention_mask", f"{by_cache + n_rows} columns: tokens read, and new", str(by_mask + n_rows),
                          f"give attention_mask[:, :{by_cache + n_rows}], without room for later tokens" if by_mask > by_cache
                          else "give it for the tokens read and the new ones")
    return by_mask


def check_positions(positions, mask):
    """Texts that were packed into one row of a batch begin again at 0. `mask` (batch, columns) as numpy, or None."""
    if positions is None or positions.shape[-1] < 2:
        return
    wrong = positions.diff(dim=-1) != 1
    if mask is not None:  # padding has positions of any kind
        tokens = torch.as_tensor(mask[:, -positions.shape[-1]:] != 0, device=wrong.device)
        wrong = wrong & tokens[:, 1:] & tokens[:, :-1]
    if wrong.any():
        raise Unsupported("position_ids", "one text in each item of a batch", "positions that begin again, or jump", _ONE_TEXT)
