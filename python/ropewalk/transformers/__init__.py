# SPDX-License-Identifier: Apache-2.0
"""ropewalk's methods inside models of Hugging Face transformers.

    import ropewalk.transformers
    ropewalk.transformers.apply(model, "rerope:window=2048")     # then generate(), Trainer, peft, as ever
    ropewalk.transformers.remove(model)

The model's own rotation is switched off (its cos and sin become 1 and 0) and attention, reached through transformers'
AttentionInterface, turns queries and keys as the method's plan says. So the cache holds keys that are not rotated. Needs
PyTorch 2.5 and transformers 4.51 or newer. See docs/pytorch.md."""
from .hooks import apply, chosen, remove
from .families import FAMILIES, Family, Unsupported

__all__ = ["FAMILIES", "Family", "Unsupported", "apply", "chosen", "remove"]
