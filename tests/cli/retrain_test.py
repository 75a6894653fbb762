#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The first hundredth (39 steps) of the training that made models/short-256.gguf, taken again by its own configuration: losses
and norms of the gradient are those of its log, to the last bit (models/short-256/first/log.jsonl: the run's own lines).

    retrain_test.py ROPEWALK SOURCE_DIR

Bits are of an instruction set: AVX2's are AVX-512's here. Where the processor has no AVX2 it ends with 77 (skipped).
The samples are the first of WORK/find.*.npy, by tools/make_small_model/samples_for_ropewalk.py."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ropewalk, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
first = source / "models/short-256/first"
if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text().split():
    print("skipped: no AVX2 here")
    sys.exit(77)


def sections(text):
    """The configuration by its sections: [(header, lines)]."""
    parts = re.split(r"^(\[.*\])\n", text, flags=re.M)
    return [("", parts[0]), *zip(parts[1::2], parts[2::2])]


def configuration(steps):
    """train.toml with the first stage alone, and nothing held out: neither has a part in a step."""
    kept, stages = [], 0
    for header, lines in sections((source / "models/short-256/train.toml").read_text()):
        if header == "[data]":
            lines = f'samples = [{{ name = "find", tokens = "{first}/find.tokens.npy", weights = "{first}/find.weights.npy" }}]\n'
        if header == "[eval]":
            continue
        if header == "[[stage]]":
            stages += 1
            if stages > 1:
                continue
            lines, n = re.subn(r"^steps = 150$", f"steps = {steps}", lines, flags=re.M)
            if n != 1:
                sys.exit("expected a first stage of 150 steps at one rate")
        kept.append(f"{header}\n{lines}" if header else lines)
    return "".join(kept).replace('tokenizer = "tokenizer"', f'tokenizer = "{source}/models/short-256.gguf"')


def log(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


expected = log(first / "log.jsonl")
if len(expected) != 39:
    sys.exit(f"{first}/log.jsonl: expected 39 steps; found {len(expected)}")
with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder, "first.toml")
    config.write_text(configuration(len(expected)))
    run = subprocess.run([ropewalk, "train", config, "--out", f"{folder}/run"], capture_output=True, text=True,
                         env={**os.environ, "ROPEWALK_ISA": "avx2"})
    if run.returncode != 0:
        sys.exit(run.stderr)
    found = [line for line in log(pathlib.Path(folder, "run/log.jsonl")) if "loss" in line]
    if len(found) != len(expected):
        sys.exit(f"expected {len(expected)} steps; found {len(found)}")
    for want, got in zip(expected, found):
        for field in ("step", "loss", "rate", "norm"):
            if want[field] != got[field]:
                sys.exit(f"step {want['step']}: expected {field} {want[field]!r}; found {got[field]!r}")
print(f"{len(expected)} steps with the bits of the run that made the model")
