#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tasks stored when tests/golden/recorded_results.jsonl was made: a change that moves or redesigns code changes no
stored result on the portable instruction set, and the keys by which a file goes on stay too. Fields that are newer
than the record are no difference; what a run costs is left out.

    recorded_results_test.py ROPEWALK SOURCE_DIR            compares
    recorded_results_test.py ROPEWALK SOURCE_DIR --record   makes the record again, where results are meant to change
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ropewalk, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
golden = source / "tests/golden/recorded_results.jsonl"
LEFT_OUT = {"run", "version", "model_id", "text_sha256", "perplexity"}  # the key hashes what was read
# All but common-words and variable-tracking, which need more than 512 tokens.
TASKS = "continuation far-use frequent-words llama needle passkey positions sliding tail".split()


def measured():
    """The lines of a small run: part of a text, the model trained on 256 tokens, read past them."""
    with tempfile.TemporaryDirectory() as folder:
        text = (source / "data/persuasion.txt").read_bytes()
        for k in (1, 2):  # far-use swaps one for the other
            pathlib.Path(folder, f"part{k}.txt").write_bytes(text[8000 * k:8000 * k + 2400])
        subprocess.run([ropewalk, "eval", source / "models/short-256.gguf", "--text", "part1.txt", "part2.txt",
                        "--documents", "1", "--methods", "self-extend", "--lengths", "512", "--tail", "64",
                        "--questions", "1", "--depths", "1", "-n", "8", "--budget", "0", "--out", "out.jsonl", "--tasks", *TASKS],
                       cwd=folder, env={**os.environ, "ROPEWALK_ISA": "portable"}, check=True, capture_output=True)
        lines = [json.loads(line) for line in pathlib.Path(folder, "out.jsonl").read_text().splitlines()]
    return [{field: value for field, value in line.items() if field not in LEFT_OUT} for line in lines]


now = measured()
if "--record" in sys.argv:
    golden.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in now))
    sys.exit()
before = [json.loads(line) for line in golden.read_text().splitlines()]
if {line["task"] for line in before} != set(TASKS):
    sys.exit(f"{golden}: expected every task; found {sorted({line['task'] for line in before})}")
if len(now) != len(before):
    sys.exit(f"expected {len(before)} lines; found {len(now)}")
for at, (old, new) in enumerate(zip(before, now), 1):
    for field, value in old.items():
        if new.get(field) != value:
            sys.exit(f"line {at} ({old['task']}, {old['method']}): expected {field} = {value!r}; found {new.get(field)!r}")
print(f"{len(before)} lines as they were")
