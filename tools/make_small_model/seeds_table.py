# SPDX-License-Identifier: Apache-2.0
"""What seeds.sh has run, as a table: mean and standard deviation over the seeds, by step: seeds_table.py FOLDER"""
import json
import pathlib
import re
import statistics
import sys

FIRST_STAGE = 150  # steps
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
    steps = sorted(set.intersection(*(set(run) for all in runs.values() for run in all)))
    # train.py examines at the length of the stage, `ropewalk train` at one length for the whole run.
    steps = [step for step in steps if steps[-1] <= FIRST_STAGE or step > FIRST_STAGE]
    print("| step | " + " | ".join(f"{name}, {by}" for name in WHAT for by in runs) + " |")
    print("|---|" + "---|" * (len(WHAT) * len(runs)))
    means = {name: [] for name in WHAT}  # of each look: (mean, standard deviation) of PyTorch, of ropewalk
    for step in steps:
        cells = []
        for name, key in WHAT.items():
            both = [[run[step][key] for run in each] for each in runs.values()]
            means[name].append([(statistics.mean(values), statistics.stdev(values)) for values in both])
            cells += [f"{mean:.3f} ({deviation:.3f})" for mean, deviation in means[name][-1]]
        print(f"| {step} | " + " | ".join(cells) + " |")
    print("\n| of these looks | ropewalk less PyTorch, mean | farthest | ropewalk above | within one standard deviation of PyTorch's | "
          "standard deviation, PyTorch; ropewalk |\n|---|---|---|---|---|---|")
    for name, looks in means.items():
        differences = [ours[0] - theirs[0] for theirs, ours in looks]
        within = sum(abs(d) <= theirs[1] for d, (theirs, _) in zip(differences, looks))
        deviations = [statistics.mean(each[i][1] for each in looks) for i in (0, 1)]
        print(f"| {name} | {statistics.mean(differences):+.3f} | {max(differences, key=abs):+.3f} | {sum(d > 0 for d in differences)} of {len(looks)} | "
              f"{within} of {len(looks)} | {deviations[0]:.3f}; {deviations[1]:.3f} |")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
