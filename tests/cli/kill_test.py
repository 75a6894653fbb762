#!/usr/bin/env python3
"""A run killed at random moments loses and repeats nothing: its results are those of one whole run. Of eval, and of
questions.

    tests/cli/kill_test.py ROPEWALK MODEL TEXT [KILLS]        # 12 in ./check; 200 once, see docs/judging.md
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

ropewalk, model, text = sys.argv[1:4]
kills = int(sys.argv[4]) if len(sys.argv) > 4 else 12
random.seed(1)
folder = tempfile.mkdtemp()


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def without_run(path):
    return sorted(json.dumps({k: v for k, v in line.items() if k != "run"}) for line in lines(path))


def check(name, base, n_kills):
    """`base`: the command, up to the name of its file of results."""
    whole = f"{folder}/{name}_whole.jsonl"
    start = time.time()
    subprocess.run(base + [whole], check=True, capture_output=True)
    seconds = time.time() - start

    killed, done = f"{folder}/{name}_killed.jsonl", 0
    while done < n_kills:
        if os.path.exists(killed) and os.path.getsize(killed) > 0.98 * os.path.getsize(whole):
            size = random.randrange(os.path.getsize(killed))
            os.truncate(killed, size if size > 30 else 0)  # all measured: begin again somewhere
        process = subprocess.Popen(base + [killed], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.02, min(seconds, 1.0)))
        process.kill()
        if process.wait() == -9:
            done += 1
    subprocess.run(base + [killed], check=True, capture_output=True, text=True)
    keys = [(line["key"], line["index"]) for line in lines(killed)]
    assert len(keys) == len(set(keys)), "an item was measured twice"
    assert without_run(killed) == without_run(whole), "results differ from those of a run that was not killed"
    again = subprocess.run(base + [f"{folder}/{name}_again.jsonl"], check=True, capture_output=True, text=True)
    first, second = lines(whole), lines(f"{folder}/{name}_again.jsonl")
    for line in first + second:
        del line["run"]
    assert first == second, "the same command gave something else"
    jobs = subprocess.run(base + [f"{folder}/{name}_jobs.jsonl", "--jobs", "2"], check=True, capture_output=True,
                          text=True)
    assert without_run(f"{folder}/{name}_jobs.jsonl") == without_run(whole), "--jobs 2 gave something else"
    assert jobs.stdout == again.stdout, "--jobs 2 printed something else"
    print(f"{name}: {n_kills} kills in a run of {seconds:.1f} s, {len(keys)} lines: nothing lost, nothing twice; "
          "--jobs 2 the same")


check("eval", [ropewalk, "eval", model, "--text", text, "--documents", str(max(3, kills // 4)), "--methods",
               "pi:factor=2", "rerope:window=32", "lambda:window=64", "--lengths", "150", "200", "260", "--tail", "32",
               "--out"], kills)

with open(text, encoding="utf-8") as file:
    words = file.read().split()
with open(f"{folder}/asked.jsonl", "w", encoding="utf-8") as file:
    for i in range(max(3, kills // 4)):
        body = " ".join(words[100 * i:100 * i + 60])
        file.write(json.dumps({"index": i, "input": f"{body} The key is {1000 + i}. What is the key?",
                               "outputs": [str(1000 + i)], "answer_prefix": " The key is"}) + "\n")
check("questions", [ropewalk, "questions", model, f"{folder}/asked.jsonl", "--format", "ruler", "-n", "4", "--methods",
                    "pi:factor=2", "rerope:window=32", "--out"], max(4, kills // 3))


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def soon(what, seconds=20):
    """Whether it becomes true."""
    end = time.time() + seconds
    while not what() and time.time() < end:
        time.sleep(0.05)
    return what()


# Whoever kills a run has ended its jobs: nothing goes on working, and writing, for nobody.
for signal in (9, 15):
    process = subprocess.Popen([ropewalk, "eval", model, "--text", text, "--documents", "200", "--methods", "none",
                                "rerope:window=32", "--lengths", "2k", "--jobs", "2", "--out",
                                f"{folder}/orphans{signal}.jsonl"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)

    def jobs():
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
            return file.read().split()

    assert soon(lambda: len(jobs()) == 2), "no jobs were started"
    started = jobs()
    process.send_signal(signal)
    process.wait()
    assert soon(lambda: not any(running(pid) for pid in started)), f"jobs go on after signal {signal}"
print("--jobs: none goes on when the run is killed")
subprocess.run(["rm", "-r", folder], check=True)
