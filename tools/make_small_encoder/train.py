# SPDX-License-Identifier: Apache-2.0
"""Trains the encoder on one core: transformers' RoFormer, masked tokens, Muon. A run that was stopped goes on.

Reproducible: seed and step decide what is shown; sums of floating-point numbers may differ in their last bits
between machines.
"""
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import RoFormerConfig, RoFormerForMaskedLM

from start import start

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "small_models"))
import training  # noqa: E402

N = 128
"""Trained length: [CLS], 126 tokens of a text, [SEP]."""
MASKED = 0.2
STAGES = [(200, 64, 2048, 3e-3, 3e-3), (700, N, 2048, 3e-3, 2.307e-3), (500, N, 2048, 2.307e-3, 3e-5)]
"""Steps, length and tokens of a step; the rate goes from the first to the second in a line."""
WARM_UP = 30


def make_model(n_vocab):
    return RoFormerForMaskedLM(RoFormerConfig(
        vocab_size=n_vocab, embedding_size=256, hidden_size=256, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=512, max_position_embeddings=N, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        type_vocab_size=1, layer_norm_eps=1e-6))


class Shown:
    """Stretches of the books with a share of their tokens masked."""

    def __init__(self, tokenizer, books, shares):
        self.books, self.shares = books, np.array(shares) / sum(shares)
        self.cls, self.sep, self.mask = (tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]", "[MASK]"))

    def masked(self, rng, stretches, share):
        text = np.pad(np.stack(stretches).astype(np.int64), ((0, 0), (1, 1)))
        hidden = rng.random(text.shape) < share
        hidden[:, [0, -1]] = False
        text[:, 0], text[:, -1] = self.cls, self.sep
        return torch.from_numpy(np.where(hidden, self.mask, text)), torch.from_numpy(text), torch.from_numpy(hidden)

    def batch(self, rng, rows, n):
        stretches = []
        for book in rng.choice(len(self.books), rows, p=self.shares):
            at = rng.integers(len(self.books[book]) - n)
            stretches.append(self.books[book][at : at + n - 2])
        return self.masked(rng, stretches, MASKED)


def loss_of(model, shown, text, hidden):
    with torch.autocast("cpu", torch.bfloat16):
        states = model.roformer(shown).last_hidden_state
        logits = model.cls(states[hidden])
    return F.cross_entropy(logits.float(), text[hidden])


@torch.no_grad()
def examine(model, shown, held, n):
    """Loss of 15 % masked tokens of the held-out text, always the same ones."""
    starts = range(0, len(held) - n, n - 2)
    return loss_of(model, *shown.masked(np.random.default_rng(7), [held[s : s + n - 2] for s in starts], 0.15)).item()


def main():
    args = training.arguments(__doc__)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    books, shares, held = training.read_texts(args.work)
    shown = Shown(tokenizer, books, shares)
    n_vocab = tokenizer.get_vocab_size()
    counts = np.bincount(np.concatenate(books[:-1]), minlength=n_vocab) + 0.5
    frequencies = torch.tensor(counts / counts.sum(), dtype=torch.float32)
    model = make_model(n_vocab)
    start(model, frequencies)
    optims = training.optimizers(model)
    step = training.restore(args.work, model, optims)
    log = open(args.work / "train.log", "a")
    unigram = -frequencies.log()[torch.from_numpy(held.astype(np.int64))].mean().item()
    print(f"# seed {args.seed}, {sum(p.numel() for p in model.parameters())} parameters, from step {step}; "
          f"frequencies alone {unigram:.3f}", file=log, flush=True)
    first, begun, seen = 0, time.time(), 0
    for steps, n, tokens, begin, end in STAGES:
        for at in range(max(0, step - first), min(steps, args.steps - first)):
            training.begin_step(optims, (begin + (end - begin) * at / steps) * min(1.0, (step + 1) / WARM_UP))
            loss = loss_of(model, *shown.batch(np.random.default_rng([args.seed, step]), tokens // n, n))
            loss.backward()
            training.end_step(optims, model.parameters())
            step, seen = step + 1, seen + tokens
            if step % args.every == 0 or at + 1 == steps:
                took = time.time() - begun
                print(f"{step:6} of {n:4} tokens: loss {loss.item():.3f} | held {examine(model, shown, held, n):.4f} | "
                      f"{took:.0f} s {seen / took:.0f} tokens/s", file=log, flush=True)
                training.save(args.work, model, optims, step)
        first += steps


if __name__ == "__main__":
    main()
