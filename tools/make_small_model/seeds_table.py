# SPDX-License-Identifier: Apache-2.0
"""What seeds.sh has run, as a table: mean and standard deviation over the seeds, by step: seeds_table.py FOLDER"""
import json
import pathlib
import re
import statistics
import sys

WHAT = {"held-out text": "text", "few": "few", "copies": "copies"}


def of_ropewalk(run: pathlib.Path):
    """{step: {what: loss}}"""
    lines = map(json.loads, (run / "run" / "log.jsonl").read_text().splitlines())
    return {line["step"]: {name: line["held_out"][key] for key, name in WHAT.items()}
            for line in lines if "held_out" in line and "loss" in line}


def of_torch(run: pathlib.Path):
    """The same of train.py's log."""
    rows = {}
    for line in (run / "train.log").read_text().splitlines():
        if found := re.match(r" *(\d+) .*\|(.*)\|", line):
            words = found[2].split()
            rows[int(found[1])] = {k: float(v) for k, v in zip(words[::2], words[1::2]) if k in WHAT.values()}
    return rows


def main(folder: pathlib.Path):
    runs = {"PyTorch": [of_torch(f) for f in sorted(folder.glob("torch-*"))],
            "ropewalk": [of_ropewalk(f) for f in sorted(folder.glob("ropewalk-*"))]}
    print("| step | " + " | ".join(f"{name}, {by}" for name in WHAT for by in runs) + " |")
    print("|---|" + "---|" * (len(WHAT) * len(runs)))
    for step in sorted(set.intersection(*(set(run) for all in runs.values() for run in all))):
        cells = []
        for name in WHAT.values():
            for each in runs.values():
                values = [run[step][name] for run in each]
                cells.append(f"{statistics.mean(values):.3f} ({statistics.stdev(values):.3f})")
        print(f"| {step} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
