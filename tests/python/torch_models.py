# SPDX-License-Identifier: Apache-2.0
"""What the tests of ropewalk.transformers share: tiny models of tests/golden/tiny, and the engine's logits of them."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np
import torch
import transformers

import ropewalk.transformers

root = pathlib.Path(__file__).resolve().parents[2]
tiny = root / "tests/golden/tiny"
ropewalk_program = os.environ.get("ROPEWALK_PROGRAM", root / "build/release/ropewalk")
# Written as their own families have it, which transformers has not; models of sizes by layer, or that rotate in part, which its
# Llama cannot; a GGUF alone; no layer with positions.
NOT_IN_TRANSFORMERS = {"baichuan", "deci", "internlm2", "minicpm", "roformer_v2", "llama_by_layer", "partial", "partial_qwen2",
                       "gpt_oss", "nemotron_h", "nemotron_h_moe"}


class Missing(Exception):
    """This version of transformers has no such family."""


COMMON = {"vocab_size": 128, "hidden_size": 48, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 6,
          "num_key_value_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.15, "bos_token_id": 1, "eos_token_id": 2,
          "pad_token_id": 0}
WINDOW = {"sliding_window": 16}
# Families that transformers 4.51 has, by its own classes: it does not read all that transformers 5 writes in tests/golden/tiny.
OLD = {"Llama": {}, "Mistral": WINDOW, "Qwen2": {}, "Qwen3": {"head_dim": 16}, "Gemma": {"head_dim": 16}, "Gemma2": {"head_dim": 16, **WINDOW},
       "Gemma3Text": {"head_dim": 16, **WINDOW}, "Phi": {"num_key_value_heads": 6}, "Phi3": WINDOW, "Granite": {}, "Cohere": {},
       "Cohere2": WINDOW, "Glm": {"head_dim": 8, "num_key_value_heads": 2}, "GPTNeoX": {"rotary_pct": 0.5, "num_key_value_heads": 6}, "Olmo2": {},
       "Starcoder2": WINDOW, "Falcon": {"new_decoder_architecture": False, "max_position_embeddings": 2048},
       "StableLm": {"num_key_value_heads": 6}, "Nemotron": {}, "Olmoe": {"num_experts": 6, "num_experts_per_tok": 2},
       "Qwen2Moe": {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "shared_expert_intermediate_size": 20},
       "Qwen3Moe": {"head_dim": 8, "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 12},
       "Mixtral": {"num_local_experts": 5}, "GraniteMoe": {"num_local_experts": 5, "num_experts_per_tok": 2},
       "DeepseekV3": {"num_key_value_heads": 6, "q_lora_rank": 14, "kv_lora_rank": 20, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8,
                      "v_head_dim": 20, "n_routed_experts": 12, "num_experts_per_tok": 3, "moe_intermediate_size": 12, "n_group": 4,
                      "topk_group": 2, "first_k_dense_replace": 1}}


def folders(work):
    """Folders of models that this transformers reads, one for each family: the recorded ones, or made in `work`."""
    if int(transformers.__version__.split(".")[0]) >= 5:
        return sorted(folder for folder in tiny.iterdir() if (folder / "config.json").exists() and folder.name not in NOT_IN_TRANSFORMERS)
    made = []
    for number, (kind, more) in enumerate(OLD.items()):
        torch.manual_seed(number)
        config = getattr(transformers, kind + "Config")(**{**COMMON, **more})
        folder = pathlib.Path(work, kind.lower())
        getattr(transformers, kind.removesuffix("Text") + "ForCausalLM")(config).save_pretrained(folder)
        made.append(folder)
    return made


def load(folder):
    """In float32 from the start: buffers that are loaded as float16 stay rounded."""
    kind = json.loads((folder / "config.json").read_text())["architectures"][0]
    if not hasattr(transformers, kind):
        raise Missing(kind)
    dtype = "dtype" if hasattr(transformers.PretrainedConfig(), "dtype") else "torch_dtype"  # before 4.56
    return getattr(transformers, kind).from_pretrained(folder, **{dtype: torch.float32}).eval()


def some_tokens(n):
    return torch.randint(3, 128, (n,), generator=torch.Generator().manual_seed(7)).tolist()


def engine_logits(model, tokens, method):
    """(n, n_vocab) float32, by `ropewalk logits --precision f32`."""
    with tempfile.TemporaryDirectory() as work:
        out, ids = pathlib.Path(work, "out.npy"), pathlib.Path(work, "ids")
        ids.write_text(" ".join(map(str, tokens)))
        done = subprocess.run([ropewalk_program, "logits", model, "--tokens", ids, "--method", method, "--precision", "f32", "--out", out],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return torch.from_numpy(np.load(out))


def cache_of(output):
    found = getattr(output, "cache", None)
    return output.past_key_values if found is None else found


@contextlib.contextmanager
def quiet():
    """transformers' progress bars and warnings of deprecated names."""
    transformers.logging.set_verbosity_error()
    with contextlib.suppress(AttributeError):
        transformers.logging.disable_progress_bar()
    with torch.no_grad():
        yield


class OnQwen2(unittest.TestCase):
    """A test has a tiny Qwen2 of its own, without gradients unless it asks for them."""

    def setUp(self):
        without_grad = quiet()
        without_grad.__enter__()
        self.addCleanup(without_grad.__exit__, None, None, None)
        self.model = load(tiny / "qwen2")
        self.model.generation_config.eos_token_id = None

    def of_family(self, name):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        return load(next(folder for folder in folders(work.name) if folder.name == name))

    def apply(self, spec, **more):
        self.model._spec = spec
        return ropewalk.transformers.apply(self.model, spec, **more)

    def close(self, a, b, bound=1e-4):
        self.assertLess(float((a - b).abs().max()), bound)
