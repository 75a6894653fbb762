# SPDX-License-Identifier: Apache-2.0
"""What the training of both small models has in common: texts, optimisers, checkpoints, arguments."""
import argparse
import os
import pathlib

import numpy as np
import torch

import texts

HELD = 20000
"""The last tokens of Emma are never trained on: they say how training goes. The judged texts do not."""


def books(work):
    """Name: text."""
    root = texts.unpack(work)
    return {**texts.austen(root), **texts.bible(root)}


def write_texts(work, books, encode):
    """texts.npz: the ids of each book, and "held". `encode`: text to ids."""
    encoded = {name: np.array(encode(text), np.uint16) for name, text in books.items()}
    for name, ids in encoded.items():
        print(f"{name}: {len(books[name].encode())} bytes, {len(ids)} tokens")
    encoded["held"] = encoded["emma"][-HELD:]
    encoded["emma"] = encoded["emma"][:-HELD]
    np.savez(work / "texts.npz", **encoded)


def read_texts(work):
    """The books' ids, the share of each in what is shown, and the held-out ids."""
    data = np.load(work / "texts.npz")
    names = [n for n in data.files if n != "held"]
    # The Bible, the one book that is not a novel, is shown less than its size.
    shares = [len(data[n]) * (0.3 if n == "kingjames" else 1.0) for n in names]
    return [data[n] for n in names], shares, data["held"]


def optimizers(model):
    """Muon (Jordan et al. 2024) for the matrices inside, AdamW for embeddings, norms and biases."""
    inside = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.dim() != 2 or "embed" in name]
    return [torch.optim.Muon(inside, lr=1.0, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=1.0, betas=(0.9, 0.95), weight_decay=0.0)]


def begin_step(optims, rate):
    for optim in optims:
        for group in optim.param_groups:
            group["lr"] = rate
        optim.zero_grad()


def end_step(optims, parameters):
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    for optim in optims:
        optim.step()


def restore(work, model, optims):
    """The step to go on from; 0 where nothing was saved."""
    saved = work / "checkpoint.pt"
    if not saved.exists():
        return 0
    state = torch.load(saved)
    model.load_state_dict(state["model"])
    for optim, kept in zip(optims, state["optims"]):
        optim.load_state_dict(kept)
    return state["step"]


def save(work, model, optims, step):
    """A run that is killed here leaves the checkpoint before whole."""
    saved = work / "checkpoint.pt"
    torch.save({"model": model.state_dict(), "optims": [o.state_dict() for o in optims], "step": step}, f"{saved}.new")
    os.replace(f"{saved}.new", saved)


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("work", type=pathlib.Path, help="folder that prepare.py has filled")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=50, help="steps between two lines of the log")
    parser.add_argument("--steps", type=int, default=1 << 30, help="end behind this one of the first stages' steps")
    return parser.parse_args()
