# SPDX-License-Identifier: Apache-2.0
"""What the examples with PyTorch share: a model with its tokenizer, and text as tokens."""
import pathlib

import transformers


def load(name):
    """(model, tokenizer) of a Hugging Face name or folder, or of a GGUF file that transformers reads (needs gguf)."""
    path = pathlib.Path(name)
    if path.suffix != ".gguf":
        return transformers.AutoModelForCausalLM.from_pretrained(name), transformers.AutoTokenizer.from_pretrained(name)
    read = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    if hasattr(read.config, "quantization_config"):  # its weights are unpacked, but transformers would not train them
        del read.config.quantization_config
    model = type(read)(read.config)
    model.load_state_dict(read.state_dict())
    return model, transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


def begin_of(tokenizer):
    """What the model was trained with before a text: BOS, or nothing."""
    ids = tokenizer("")["input_ids"]
    return [id for id in ids if id != tokenizer.eos_token_id or id == tokenizer.bos_token_id][:2]


def tokens_of(tokenizer, path):
    return tokenizer(pathlib.Path(path).read_text(encoding="utf-8"), add_special_tokens=False)["input_ids"]
