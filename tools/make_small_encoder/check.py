# SPDX-License-Identifier: Apache-2.0
"""Compares ropewalk's masked loss of a text with transformers' on the written folder. Ends with 1 where they differ.

  check.py FOLDER ROPEWALK TEXT

Every 20th word of 20 stretches of the text is a gap; `ropewalk fill --json` gives its likeliest tokens.
"""
import json
import subprocess
import sys

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import RoFormerForMaskedLM


def main(folder, ropewalk, text):
    tokenizer = BertWordPieceTokenizer(folder + "/vocab.txt", lowercase=True)
    model = RoFormerForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    words, apart, n = open(text).read().split(), 0.0, 0
    for start in range(0, 20 * 500, 500):
        stretch = words[start : start + 60]
        stretch[10::20] = ["[MASK]"] * len(stretch[10::20])
        run = subprocess.run([ropewalk, "fill", folder, "-p", " ".join(stretch), "--top", "5", "--precision", "f32",
                              "--json"], check=True, capture_output=True, text=True)
        ids = tokenizer.encode(" ".join(stretch)).ids
        with torch.no_grad():
            shares = model(torch.tensor([ids])).logits[0].softmax(-1)
        for mask in json.loads(run.stdout)["masks"]:
            for choice in mask["top"]:
                apart = max(apart, abs(shares[mask["position"], choice["id"]].item() - choice["probability"]))
                n += 1
    print(f"{n} probabilities of gaps: at most {apart:.1e} from transformers'")
    return 1 if n == 0 or apart > 1e-4 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
