# SPDX-License-Identifier: Apache-2.0
"""Trains the model: PyTorch on the CPU, one process a core, which average their gradients at each step.

Reproducible: step, seed and rank decide what is shown, so a run that was stopped goes on with the same data.
The sums of floating-point numbers may differ in their last bits between machines and numbers of cores.
"""
import dataclasses
import datetime
import pathlib
import sys
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

from model import Config, Model
from samples import Samples
from start import start_with_finding

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "small_models"))
import training  # noqa: E402

RANKS = 2


@dataclasses.dataclass(frozen=True)
class Stage:
    """`steps` of `tokens` tokens in samples of `n`; the rate goes from `rate[0]` to `rate[1]` in a line. In half of
    the batches the logits of the attention are multiplied by something from `dull` to 1: a head must then tell
    its token from the others by a margin, such as it needs where there are many more others than in training."""
    name: str
    steps: int
    n: int
    tokens: int
    rate: tuple[float, float]
    mix: dict[str, float]
    dull: float = 1.0


STAGES = [
    Stage("find", 150, 128, 4096, (2e-3, 2e-3),
          {"few": 0.15, "copies": 0.25, "pairs": 0.2, "short-keys": 0.3, "text": 0.1}),
    Stage("mix", 350, 256, 4096, (2e-3, 2e-3),
          {"copies": 0.05, "again": 0.05, "pairs": 0.1, "passkey": 0.3, "text": 0.5}),
    Stage("text", 950, 256, 2048, (2e-3, 6.77e-4),
          {"few": 0.02, "copies": 0.03, "again": 0.05, "pairs": 0.03, "passkey": 0.22, "text": 0.65}),
    Stage("keys", 300, 256, 2048, (7.25e-4, 0.000597),
          {"few": 0.02, "copies": 0.03, "again": 0.05, "pairs": 0.05, "keys": 0.35, "text": 0.5}, dull=0.6),
    Stage("keys and text", 2150, 256, 2048, (0.000597, 2e-5),
          {"few": 0.02, "copies": 0.03, "again": 0.05, "pairs": 0.05, "keys": 0.25, "text": 0.6}, dull=0.6),
]
WARM_UP = 50
KEY = 9.0
"""The weight by which examine() knows the tokens of a key again."""


def loss_of(model, tokens, weights, sharpness=1.0):
    """The weighted mean, in nats; logits are made only where a weight is not 0."""
    tokens, weights = torch.from_numpy(tokens), torch.from_numpy(weights[:, 1:])
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model(tokens[:, :-1], sharpness)
        told = weights > 0
        logits = model.logits(hidden[told])
    losses = F.cross_entropy(logits.float(), tokens[:, 1:][told], reduction="none")
    return (losses * weights[told]).sum() / weights.sum()


@torch.no_grad()
def examine(model, samples, held, n):
    """Loss on held-out text, of second copies, and the share of keys written in full, the space before and the full stop behind included, always on the same data."""
    rng, line = np.random.default_rng(7), {}
    starts = np.linspace(0, len(held) - n - 1, 32).astype(int)
    text = np.stack([np.concatenate([[0], held[s : s + n]]) for s in starts])
    line["text"] = loss_of(model, text, np.ones(text.shape, np.float32)).item()
    for kind in ("few", "copies"):
        line[kind] = loss_of(model, *samples.batch(rng, {kind: 1}, 16, n)).item()
    if n >= 128:
        keys = [samples.keys(rng, n, weight=KEY) for _ in range(64)]
        tokens = torch.tensor([[0] + row for row, _ in keys])
        asked = torch.tensor([row for _, row in keys]) == KEY
        with torch.autocast("cpu", torch.bfloat16):
            right = model.logits(model(tokens[:, :-1])).argmax(-1) == tokens[:, 1:]
        line["keys"] = (right | ~asked).all(-1).float().mean().item()
    return line


def work(rank, args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.work}/meeting", rank=rank, world_size=RANKS,
                            timeout=datetime.timedelta(hours=1))
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    books, shares, held = training.read_texts(args.work)
    samples = Samples(tokenizer, books, shares)
    model = Model(Config(n_vocab=tokenizer.get_vocab_size()))
    start_with_finding(model)
    parameters = list(model.parameters())
    optims = training.optimizers(model)
    step = training.restore(args.work, model, optims)
    log = open(args.work / "train.log", "a") if rank == 0 else None

    def say(text):
        if log:
            print(text, file=log, flush=True)

    say(f"# seed {args.seed}, {sum(p.numel() for p in parameters)} parameters, from step {step}")
    first, begun, seen = 0, time.time(), 0
    for stage in STAGES:
        for at in range(max(0, step - first), min(stage.steps, args.steps - first)):
            rng = np.random.default_rng([args.seed, step, rank])
            rate = stage.rate[0] + (stage.rate[1] - stage.rate[0]) * at / stage.steps
            training.begin_step(optims, rate * min(1.0, (step + 1) / WARM_UP))
            batch = samples.batch(rng, stage.mix, stage.tokens // stage.n // RANKS, stage.n)
            sharpness = rng.uniform(stage.dull, 1.0) if rng.random() < 0.5 else 1.0
            loss = loss_of(model, *batch, sharpness)
            loss.backward()
            flat = torch.cat([p.grad.flatten() for p in parameters])
            dist.all_reduce(flat)
            flat /= RANKS
            for p, g in zip(parameters, flat.split([p.numel() for p in parameters])):
                p.grad.copy_(g.view_as(p))
            training.end_step(optims, parameters)
            step += 1
            seen += stage.tokens
            if rank == 0 and (step % args.every == 0 or at + 1 == stage.steps):
                values = " ".join(f"{k} {v:.3f}" for k, v in examine(model, samples, held, stage.n).items())
                say(f"{step:6} {stage.name:25} loss {loss.item():.3f} | {values} | {time.time() - begun:.0f} s "
                    f"{seen / (time.time() - begun):.0f} tokens/s")
                training.save(args.work, model, optims, step)
        first += stage.steps
    dist.barrier()


def main():
    args = training.arguments(__doc__)
    args.work = args.work.resolve()
    (args.work / "meeting").unlink(missing_ok=True)
    torch.multiprocessing.spawn(work, (args,), nprocs=RANKS)


if __name__ == "__main__":
    main()
