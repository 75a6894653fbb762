#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a model on long text under a method, by LoRA, with transformers' Trainer on as many processes as torchrun starts:

    torchrun --nproc-per-node 2 examples/finetune_lora.py MODEL --text BOOK... --method rerope:window=2048 --length 16k --out ADAPTER

Prints the loss of the last text's end before and after. Needs: pip install 'ropewalk[transformers]' peft accelerate.
With DeepSpeed: accelerate launch --config_file examples/zero3.yaml --num_processes 2 examples/finetune_lora.py ...; with FSDP: the same
with accelerate's own configuration of it."""
import argparse
import os

import peft
import torch
import transformers

import ropewalk.transformers
from torch_models import load, tokens_of


def length(text):
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


def loss_of(model, tokens):
    """Mean nats of the last quarter of `tokens`."""
    model.eval()
    ids = torch.tensor([tokens], device=next(model.parameters()).device)
    with torch.no_grad():
        logits = model(ids).logits[0].float()
    tail = len(tokens) // 4
    return float(torch.nn.functional.cross_entropy(logits[-tail - 1:-1], ids[0, -tail:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--text", nargs="+", required=True)
    parser.add_argument("--method", default="none")
    parser.add_argument("--length", type=length, default=4096)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    transformers.set_seed(1)  # every process begins with the same adapter
    model, tokenizer = load(args.model)
    ids = [token for path in args.text for token in tokens_of(tokenizer, path)]
    pieces = [ids[i:i + args.length] for i in range(0, len(ids) - args.length + 1, args.length)]
    if len(pieces) < 2:
        parser.error(f"--text: expected at least two pieces of {args.length} tokens; found {len(ids)} tokens")
    held_out = pieces.pop()

    targets = [name for name in ("q_proj", "k_proj", "v_proj", "o_proj") if any(n.endswith(name) for n, _ in model.named_modules())]
    model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=targets or "all-linear", task_type="CAUSAL_LM"))
    ropewalk.transformers.apply(model, args.method)
    on_gpu = torch.cuda.is_available()
    if on_gpu:  # where it is trained: both losses are of one machine
        model.to(torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))))
    before = loss_of(model, held_out)
    options = transformers.TrainingArguments(
        args.out, max_steps=args.steps, per_device_train_batch_size=1, learning_rate=args.rate, lr_scheduler_type="cosine",
        warmup_steps=2, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
        use_cpu=not on_gpu, bf16=on_gpu, ddp_find_unused_parameters=False, seed=1)
    trainer = transformers.Trainer(model, options, train_dataset=[{"input_ids": piece, "labels": piece} for piece in pieces],
                                   data_collator=lambda items: {key: torch.tensor([item[key] for item in items]) for key in items[0]})
    trainer.train()
    after = loss_of(trainer.model_wrapped, held_out)  # by all processes: each may have but a share of the parameters
    trainer.save_model(args.out)
    if trainer.is_world_process_zero():
        print(f"{args.method}, {args.length} tokens, {args.steps} steps on {os.environ.get('WORLD_SIZE', '1')} processes: "
              f"loss {before:.3f} before, {after:.3f} after", flush=True)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
