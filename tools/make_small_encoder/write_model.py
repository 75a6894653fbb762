# SPDX-License-Identifier: Apache-2.0
"""Writes the trained encoder as a Hugging Face folder: config.json, vocab.txt, model.safetensors (bf16).

  write_model.py WORK FOLDER
"""
import json
import pathlib
import shutil
import sys

import safetensors.torch
import torch
from tokenizers import Tokenizer

from train import make_model


def main(work, folder):
    model = make_model(Tokenizer.from_file(str(work / "tokenizer.json")).get_vocab_size())
    model.load_state_dict(torch.load(work / "checkpoint.pt")["model"])
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads(model.config.to_json_string())
    config.update(architectures=["RoFormerForMaskedLM"], dtype="bfloat16")
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    # The head's matrix is the embedding, and positions are computed.
    tensors = {name: tensor.bfloat16().contiguous() for name, tensor in model.state_dict().items()
               if not name.startswith("cls.predictions.decoder") and "embed_positions" not in name}
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(work / "vocab.txt", folder / "vocab.txt")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}, indent=2) + "\n")


if __name__ == "__main__":
    main(*(pathlib.Path(a) for a in sys.argv[1:]))
