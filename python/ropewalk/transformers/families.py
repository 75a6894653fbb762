# SPDX-License-Identifier: Apache-2.0
"""What has to be known of a family beyond its config: how its heads hold the rotated dims when attention gets them."""
from __future__ import annotations

from dataclasses import dataclass

from .._errors import UsageError


class Unsupported(UsageError):
    """What cannot be done with this model, and why."""


@dataclass(frozen=True)
class Family:
    """interleaved: pairs are dims (2m, 2m + 1) of the rotated part. last: the rotated dims are a head's last ones (latent
    attention), not its first. norms_behind: names of the norms of q and k that follow the rotation. own_temperature: the model
    itself multiplies queries by the row's temperature."""
    interleaved: bool = False
    last: bool = False
    norms_behind: tuple[str, ...] = ()
    own_temperature: bool = False


_halves, _pairs = Family(), Family(interleaved=True)
_hunyuan = Family(norms_behind=("query_layernorm", "key_layernorm"))
FAMILIES = {
    **dict.fromkeys((
        "arcee", "exaone4", "exaone4_5_text", "falcon", "gemma", "gemma2", "gemma3_text", "gemma4_text", "gemma4_unified_text",
        "glm4_moe", "gpt_neox", "gpt_oss", "granite", "granitemoe", "granitemoeshared", "granitemoehybrid", "lfm2", "lfm2_moe",
        "llama", "minimax_m2", "mistral", "mixtral", "nemotron", "olmo2", "olmo3", "olmoe", "phi", "phi3", "qwen2", "qwen2_moe",
        "qwen2_vl_text", "qwen2_5_vl_text", "qwen3", "qwen3_moe", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text",
        "qwen3_vl_text", "qwen3_vl_moe_text", "seed_oss", "smollm3", "stablelm", "starcoder2"), _halves),
    **dict.fromkeys(("cohere", "cohere2", "ernie4_5", "ernie4_5_moe", "glm", "glm4"), _pairs),
    **dict.fromkeys(("hunyuan_v1_dense", "hunyuan_v1_moe"), _hunyuan),
    "ministral3": Family(own_temperature=True),
    "roformer": Family(interleaved=True),
    "deepseek_v2": Family(interleaved=True, last=True),
    **dict.fromkeys(("deepseek_v3", "glm4_moe_lite", "minicpm3"), Family(last=True)),
}
NOT_YET = {"nemotron_h": "none of its layers has positions, so that methods act nowhere",
           "paligemma": "its image and prompt see one another both ways"}


def family_of(model_type):
    """Errors: Unsupported for a family that was not checked."""
    if model_type in FAMILIES:
        return FAMILIES[model_type]
    why = NOT_YET.get(model_type, "how it rotates was not checked")
    raise Unsupported(f"model_type {model_type!r}", "a family that ropewalk.transformers.FAMILIES lists", f"another: {why}",
                      "docs/pytorch.md says what a new family takes")
