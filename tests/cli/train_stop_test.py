#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk train, stopped: by a spike, from which --resume goes on with a smaller rate; by another run in its folder; by
data and methods that can teach nothing. And what it says of the method it trained under.

    tests/cli/train_stop_test.py ROPEWALK SOURCE_DIR
"""
import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ropewalk, source = sys.argv[1:3]
folder = tempfile.mkdtemp()
GOOD = f"""seed = 3
[model]
tokenizer = "{source}/models/short-256.gguf"
d_model = 32
n_layers = 1
n_heads = 2
d_ff = 48
n_ctx = 32
[[data.text]]
file = "{source}/data/devil.txt"
hold_out = 1000
[optimizer]
save_every = 5
[eval]
every = 0
pieces = 2
[[stage]]
steps = 11
tokens = 128
rate = 3e-3
[[stage]]
steps = 9
tokens = 128
rate = 10
"""


def write(text, name="stop.toml"):
    path = f"{folder}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def train(config, out, *options):
    return subprocess.run([ropewalk, "train", config, "--out", f"{folder}/{out}", *options], capture_output=True,
                          text=True, check=False)


def said(run):
    return " ".join(run.stderr.split())


def log(out):
    with open(f"{folder}/{out}/log.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tree(out):
    """Every file by its bytes."""
    found = {}
    for here, _, files in os.walk(f"{folder}/{out}"):
        for name in files:
            with open(f"{here}/{name}", "rb") as file:
                found[f"{here}/{name}"] = file.read()
    return found


def steps(out):
    return sorted(int(name[5:]) for name in os.listdir(f"{folder}/{out}") if name.startswith("step-") and name[5:].isdigit())


def check(what, true):
    if not true:
        raise SystemExit(f"train_stop: {what}")


def expect(run, code, *words):
    check(f"{words} and {code}: {run.returncode}, {run.stderr}",
          run.returncode == code and all(word in said(run) for word in words))


def check_spike():
    """The rate of the second stage breaks the model in step 12: seen in step 13, before ten losses of its own."""
    stop = write(GOOD)
    for options, words in ([], []), (["--resume"], ["goes back to step 10 of 20: 2 steps are taken again"]):
        run = train(stop, "spike", *options)
        expect(run, 1, "step 13 (2): expected a loss below 4 times", "--resume goes back to step 10",
               "step-000010 away, and --resume goes back to step 5", *words)
        check(f"no broken state is kept: {steps('spike')}", steps("spike") == [5, 10])
        check("the log ends with the last step that was taken", [line["step"] for line in log("spike")] ==
              list(range(1, 13)))
        page = tree("spike")[f"{folder}/spike/curve.html"].decode()
        check("the curve up to there, and why it stopped", "step 13 (2): expected a loss below 4 times" in page)
    shutil.copytree(f"{folder}/spike", f"{folder}/away")
    run = train(write(GOOD.replace("rate = 10", "rate = 1e-3")), "spike", "--resume")
    expect(run, 0, "goes back to step 10 of 20: 2 steps are taken again", "with other settings")
    check("the page is of the whole run", b"expected a loss" not in tree("spike")[f"{folder}/spike/curve.html"])
    lines = log("spike")
    check("every step once", [line["step"] for line in lines] == list(range(1, 21)))
    check("the smaller rate is in force", lines[-1]["rate"] == 1e-3 and lines[-1]["loss"] < lines[0]["loss"] - 0.2)
    check("the model is written", os.path.exists(f"{folder}/spike/model.gguf"))


def check_taken_away():
    """A checkpoint that is taken away by another name stays there, and nobody gives it its own again."""
    smaller = write(GOOD.replace("rate = 10", "rate = 1e-3"))
    os.rename(f"{folder}/away/step-000010", f"{folder}/away/step-000010.old")
    before = tree("away")
    expect(train(smaller, "away", "--resume", "--dry-run"), 0)
    check("a dry run writes nothing", tree("away") == before)
    expect(train(smaller, "away", "--resume"), 0, "goes back to step 5 of 20: 7 steps are taken again")
    after = tree("away")
    check("what was taken away stays as it is", all(after.get(path) == of for path, of in before.items() if ".old/" in path))


def check_broken_checkpoint():
    every = GOOD.replace("save_every = 5", "save_every = 1")
    run = train(write(every), "broken")
    behind = ["step 13 (2)", "the step right behind the checkpoint of step 12 stops", "step-000012 away",
              "--resume goes back to step 11", "a larger spike in [optimizer] (0: none stops)"]
    expect(run, 1, *behind)
    smaller = write(every.replace("rate = 10", "rate = 1e-3"))
    run = train(smaller, "broken", "--resume")
    expect(run, 1, *behind)
    check("a loss that is a number breaks nothing", "broken already" not in said(run))
    shutil.copytree(f"{folder}/broken", f"{folder}/passed")
    shutil.rmtree(f"{folder}/broken/step-000012")
    expect(train(smaller, "broken", "--resume"), 0, "goes back to step 11 of 20: 1 step is taken again")
    passing = write(every.replace("rate = 10", "rate = 1e-3").replace("[optimizer]", "[optimizer]\nspike = 0"))
    expect(train(passing, "passed", "--resume"), 0, "goes on behind step 12 of 20", "now: spike = 0")
    run = train(write(every.replace("rate = 10", "rate = 1000").replace("[optimizer]", "[optimizer]\nspike = 0")), "none")
    last = steps("none")[-1]  # its weights grow a hundredfold at each step
    expect(run, 1, f"step {last + 1} (2): expected a loss and a gradient that are numbers",
           f"the checkpoint of step {last} is broken already: take", f"and --resume goes back to step {last - 1}")


def check_stop_before_a_checkpoint():
    first = GOOD.replace("rate = 3e-3", "rate = 10")
    run = train(write(first), "first")
    expect(run, 1, "step 2 (1): expected a loss below 4 times", "there is no checkpoint yet: --resume begins anew")
    check("nothing was saved", steps("first") == [])
    run = train(write(GOOD.replace("rate = 10", "rate = 1e-3")), "first", "--resume")
    expect(run, 0, "it begins anew")


@contextlib.contextmanager
def held_lock(out):
    with open(f"{folder}/{out}/.lock", "w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def check_lock():
    long = write(GOOD.replace("steps = 11", "steps = 100000"), "long.toml")
    process = subprocess.Popen([ropewalk, "train", long, "--out", f"{folder}/lock"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not (os.path.exists(f"{folder}/lock/log.jsonl") and len(log("lock")) > 5):
        check("the run goes on", process.poll() is None)
        time.sleep(0.05)
    expect(train(long, "lock", "--resume"), 1, "in use by another run")
    check("the first is not hindered", process.poll() is None)
    process.kill()
    process.wait()
    expect(train(long, "lock", "--resume", "--steps", "8"), 0)
    check("nothing is left of it", not os.path.exists(f"{folder}/lock/.lock"))
    os.mkdir(f"{folder}/new")  # one that has just begun
    with held_lock("new"):
        expect(train(long, "new"), 1, "in use by another run")
        check("nothing is written before the lock is held", os.listdir(f"{folder}/new") == [".lock"])


def npy(name, kind, rows):
    header = f"{{'descr': '{'<i4' if kind == 'i' else '<f4'}', 'fortran_order': False, 'shape': ({len(rows)}, " \
             f"{len(rows[0])}), }}".ljust(117) + "\n"
    with open(f"{folder}/{name}", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for row in rows:
            file.write(struct.pack(f"<{len(row)}{kind}", *row))
    return name


def check_data_and_methods():
    tokens = npy("t.npy", "i", [list(range(33)), list(range(40, 73))])
    none = npy("none.npy", "f", [[5] + [0] * 32] * 2)
    some = npy("some.npy", "f", [[0] * 30 + [9, 1, 1], [1] * 33])
    asked = npy("asked.npy", "f", [[0] * 30 + [9, 1, 1], [1] * 32 + [9]])
    fine = GOOD.replace("rate = 10", "rate = 1e-3")

    def samples(section, weights, name="keys", more=""):
        return f'[[{section}.samples]]\nname = "{name}"\ntokens = "{tokens}"\nweights = "{weights}"\n{more}'

    for text, words in [
            (samples("data", none), ["none.npy", "a weight above 0"]),
            (samples("eval", none), ["none.npy", "a weight above 0"]),
            (samples("eval", some, more="found_weight = 9\n"), ["some.npy", "sample 2", "9"]),
            (samples("eval", asked, more="found_weight = 9\n"), []),
            (samples("data", some) + samples("data", some), ["[[data.samples]] name", "'keys' twice"]),
            (samples("eval", some) + samples("eval", some), ["[[eval.samples]] name", "'keys' twice"])]:
        run = train(write(fine + text, "data.toml"), "data", "--dry-run")
        expect(run, 1 if words else 0, *words)
    for method, words in [
            ("dynamic-ntk:grow=1", ["grow=1", "leave"]), ("dope", []), ("longrope", ["longrope"]),
            ("base", ["base", "value"]), ("pi:factor={0..4}", ["pi", "factor"]), ("base:value={1e6..1e7}", None)]:
        run = train(write(fine + f'methods = [{{ method = "{method}" }}]\n', "method.toml"), "method", "--dry-run")
        if words is None:
            expect(run, 0)
        else:
            check(f"{method}: {run.stderr}", run.returncode == 2 and all(word in said(run) for word in words))
    for key, line, words in [("d_ff = 48", "d_ff = 48\nhead_dim = 4096", ["[model] head_dim", "from 2 to 256", "4096"]),
                             ("n_ctx = 32", "n_ctx = 2147483648", ["[model] n_ctx", "from 2 to 1073741824"]),
                             ("save_every = 5", "beta2 = 1", ["[optimizer] beta2", "from 0 to 0.9999999", "found 1;"])]:
        expect(train(write(fine.replace(key, line, 1), "key.toml"), "key", "--dry-run"), 1, *words)


def check_method_is_said():
    longer = GOOD.replace(GOOD[GOOD.index("[model]"):GOOD.index("[[data.text]]")],
                          f'[model]\nfrom = "{folder}/spike/model.gguf"\n')
    longer = longer[:longer.index("[[stage]]")] + "[[stage]]\nsteps = 3\nn_ctx = 64\ntokens = 128\nrate = 1e-3\n"

    def inspected(out):
        return [json.loads(subprocess.run([ropewalk, "inspect", f"{folder}/{out}/{path}", "--json"], capture_output=True,
                                          text=True, check=True).stdout) for path in ("model.gguf", "model")]

    run = train(write(longer + 'methods = [{ method = "pi" }]\n', "pi.toml"), "pi")
    expect(run, 0, "the written model says pi:factor=2,replace=0, for 64 tokens")
    for model in inspected("pi"):
        check(f"the model says its method: {model}", model["n_ctx_train"] == 64 and "pi:factor=2" in json.dumps(model))
    run = train(write(longer, "plain.toml"), "plain")
    expect(run, 0, "the written model says its length of 64 tokens")
    for model in inspected("plain"):
        check(f"the model says its length: {model}", model["n_ctx_train"] == 64)
    run = train(write(longer + 'methods = [{ method = "rerope:window=16" }]\n', "rerope.toml"), "rerope")
    expect(run, 0, "model.gguf does not say rerope:window=16", "--method rerope:window=16")
    check("at the start and at the end", said(run).count("model.gguf does not say rerope:window=16") == 2)
    run = train(write(longer + 'methods = [{ method = "none" }, { method = "pi" }]\n', "two.toml"), "two")
    expect(run, 0, "the written model says no method: the batches of stage 1 have several")


def check_finetune():
    """A start that stops ends: its last checkpoint stays."""
    expect(train(write(GOOD.replace("n_ctx = 32", "n_ctx = 128")), "short", "--steps", "2"), 0)
    base = [ropewalk, "finetune", f"{folder}/short/model.gguf", "--length", "256", "--text", f"{source}/data/devil.txt",
            "--held-out", f"{source}/data/persuasion.txt", "--documents", "2", "--tasks", "tail", "--tail", "16", "--against",
            "window", "--batch", "256", "--looks", "1", "--full", "--compare", "pi", "none", "--out"]

    def finetune(out, rate, *more, steps=()):
        return subprocess.run([*base, f"{folder}/{out}", "--rate", rate, *(steps or ["--steps", "8"]), *more],
                              capture_output=True, text=True, check=False)

    run = finetune("ended", "1")
    check(f"a start that explodes is seen: {run.stderr}", "expected a loss below 4 times" in said(run)
          and f"{folder}/ended/1-pi/checkpoints keeps step 1; another rate begins in another --out" in said(run))
    check("its checkpoint stays", os.listdir(f"{folder}/ended/1-pi/checkpoints") == ["step-000001"])
    check("no model of it is written", not os.path.exists(f"{folder}/ended/1-pi/model.gguf"))
    expect(finetune("fine", "1e-3"), 0)
    before = tree("fine")
    with held_lock("fine"):
        for further in [], ["--steps", "12"]:
            expect(finetune("fine", "1e-3", "--resume", steps=further), 1, "in use by another run")
        os.remove(f"{folder}/fine/.lock")
        check("a run that is refused changes nothing, nor one of more steps", tree("fine") == before)
    expect(finetune("fine", "1e-3", "--resume"), 0)
    os.mkdir(f"{folder}/begun")
    with held_lock("begun"):
        expect(finetune("begun", "1e-3"), 1, "in use by another run")
        check("nothing is written before the lock is held", os.listdir(f"{folder}/begun") == [".lock"])
    expect(finetune("begun", "1e-3"), 0)  # the lock alone, as a killed run leaves it
    os.mkdir(f"{folder}/own")
    with open(f"{folder}/own/notes", "w", encoding="utf-8") as notes:
        notes.write("mine")
    expect(finetune("own", "1e-3"), 2, "a folder that is new or empty")
    check("a folder of somebody's own stays as it is", os.listdir(f"{folder}/own") == ["notes"])


check_spike()
check_taken_away()
check_broken_checkpoint()
check_stop_before_a_checkpoint()
check_lock()
check_data_and_methods()
check_method_is_said()
check_finetune()
shutil.rmtree(folder)
print("train_stop: spikes, a second run, data and methods that teach nothing, the method in the file")
