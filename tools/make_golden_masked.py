# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/masked.json: what the task `masked` shall say of the tiny RoFormer, by transformers.

  python3 tools/make_golden_masked.py        (needs torch and transformers)

The masked places are drawn here once more, from what docs/judging.md says of them.
"""
import hashlib
import json
import pathlib
import struct

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden"
CLS, SEP, MASK = 1, 2, 3


def mt19937_64(seed):
    """Matsumoto and Nishimura's generator, as C++ has it."""
    full = (1 << 64) - 1
    state = [seed & full]
    for i in range(1, 312):
        state.append((6364136223846793005 * (state[-1] ^ (state[-1] >> 62)) + i) & full)
    while True:
        for i in range(312):
            x = (state[i] & 0xFFFFFFFF80000000) | (state[(i + 1) % 312] & 0x7FFFFFFF)
            state[i] = state[(i + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
        for x in state:
            x ^= (x >> 29) & 0x5555555555555555
            x ^= (x << 17) & 0x71D67FFFEDA60000
            x ^= (x << 37) & 0xFFF7EEE000000000
            yield x ^ (x >> 43)


def masked_places(tokens, tail):
    """Places in the text, rising."""
    packed = [struct.pack(f"<{len(part)}i", *part) for part in ([CLS], tokens)]
    seed = int(hashlib.sha256(b"|".join(packed)).hexdigest()[:6], 16) + 1
    places = [i for i in range(len(tokens) - tail, len(tokens)) if tokens[i] > MASK]
    random = mt19937_64(seed)
    n = max(1, int(0.15 * tail + 0.5))
    for i in range(n):
        j = i + next(random) % (len(places) - i)
        places[i], places[j] = places[j], places[i]
    return sorted(places[:n])


def main():
    model = transformers.RoFormerForMaskedLM.from_pretrained(
        ROOT / "tiny/roformer", attn_implementation="eager", dtype=torch.float32).eval()
    documents = []
    for number, tail in enumerate((20, 64)):
        tokens = torch.randint(0, 128, (200,), generator=torch.Generator().manual_seed(number)).tolist()
        places = masked_places(tokens, tail)
        runs = []
        for length in (tail + 2, 90, 128):
            shown = [MASK if i in places else token for i, token in enumerate(tokens)][202 - length:]
            with torch.no_grad():
                logits = model(torch.tensor([[CLS, *shown, SEP]])).logits[0]
            rows = [place - (202 - length) + 1 for place in places]
            loss = torch.nn.functional.cross_entropy(logits[rows].double(), torch.tensor([tokens[p] for p in places]))
            runs.append({"length": length, "loss": round(loss.item(), 6)})
        documents.append({"tokens": tokens, "tail": tail, "places": places, "runs": runs})
    (ROOT / "masked.json").write_text(json.dumps(
        {"torch": torch.__version__, "transformers": transformers.__version__, "cls": CLS, "sep": SEP, "mask": MASK,
         "documents": documents}) + "\n")


if __name__ == "__main__":
    main()
