#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk train keeps what it was given: what is no run's is never written over, a dry run writes nothing, checkpoints and
lines of the log stay, changed data are noticed, and memory is told before it is taken.

    tests/cli/train_keeps_test.py ROPEWALK SOURCE_DIR
"""
import hashlib
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

ropewalk, source = sys.argv[1:3]
folder = tempfile.mkdtemp()
MODEL = f"{source}/models/short-256.gguf"
GOOD = f"""[model]
tokenizer = "{MODEL}"
d_model = 48
n_layers = 2
n_heads = 2
head_dim = 16
d_ff = 64
n_ctx = 48
[[data.text]]
file = "text.txt"
hold_out = 1000
[optimizer]
save_every = 2
[eval]
every = 2
pieces = 4
[[stage]]
name = "only"
steps = 14
tokens = 192
rate = 5e-3
"""


def put(path, text):
    os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
    with open(f"{folder}/{path}", "w", encoding="utf-8") as file:
        file.write(text)
    return f"{folder}/{path}"


def contents(path):
    with open(f"{folder}/{path}", encoding="utf-8") as file:
        return file.read()


def train(config, out, *options, **how):
    return subprocess.run([ropewalk, "train", config, "--out", f"{folder}/{out}", *options], capture_output=True, text=True,
                          check=False, **how)


def tree(path):
    """Every file of a folder by its hash, and every folder."""
    found = {}
    for here, _, files in os.walk(f"{folder}/{path}"):
        found[here] = None
        for name in files:
            with open(f"{here}/{name}", "rb") as file:
                found[f"{here}/{name}"] = hashlib.sha256(file.read()).hexdigest()
    return found


def check(what, true):
    if not true:
        raise SystemExit(f"train keeps: {what}")


def refused(what, run, *words):
    check(f"{what}: {run.stderr}", run.returncode in (1, 2) and run.stdout == "" and all(w in " ".join(run.stderr.split()) for w in words))


book = open(f"{source}/data/devil.txt", encoding="utf-8").read()[:60000]
put("text.txt", book)
good = put("good.toml", GOOD)

# ---- a folder in which something stands that is of no run
for name in ("start/tokenizer.json", "start.gguf", "model/config.json", "model.gguf", "curve.html", "log.jsonl",
             "step-000004/manifest.json"):
    put(f"mine/{name}", "mine")
    before = tree("mine")
    for options in ([], ["--resume"], ["--dry-run"]):
        refused(name, train(good, "mine", *options), f"mine/{name.split('/')[0]}")
        check(f"{name} stays as it is", tree("mine") == before)
    shutil.rmtree(f"{folder}/mine")
put("mine/start/tokenizer.json", "no tokenizer")
own = put("own.toml", GOOD.replace(MODEL, "mine/start"))
for options in ([], ["--dry-run"]):
    refused("a tokenizer in its own folder", train(own, "mine", *options), "mine/start")
    check("the tokenizer stays", contents("mine/start/tokenizer.json") == "no tokenizer")

# ---- a dry run
bad = put("bad.toml", GOOD.replace(MODEL, "text.txt"))
for config, code in ((good, 0), (bad, 1)):
    run = train(config, "dry", "--dry-run")
    check(f"--dry-run: {run.stderr}", run.returncode == code and not os.path.exists(f"{folder}/dry"))
check("--dry is no option", train(good, "dry", "--dry").returncode == 2)

# ---- a stop behind a step that is saved already, and a run that goes on
stops = put("stops.toml", GOOD.replace("[optimizer]", "[optimizer]\nspike = 4"))
check("ten steps", train(stops, "stops", "--steps", "10").returncode == 0)
manifest = f"{folder}/stops/step-000010/manifest.json"
saved = os.stat(manifest).st_ino
put("stops.toml", GOOD.replace("[optimizer]", "[optimizer]\nspike = 0.001"))
refused("a spike", train(stops, "stops", "--resume"), "step 11 (only)")
refused("the same spike", train(stops, "stops", "--resume"), "step 11 (only)", "goes on behind step 10")
check("a saved step is not saved again", os.stat(manifest).st_ino == saved)
before = tree("stops")
check("--dry-run beside a run", train(stops, "stops", "--dry-run", "--resume").returncode == 0 and tree("stops") == before)

# ---- its log
log = contents("stops/log.jsonl").splitlines(keepends=True)
check("ten lines", len(log) == 10)
put("stops/log.jsonl", "".join(log[:3] + [re.sub(r'"loss":[^,]*', '"loss":null', log[3])] + log[4:]))
nulls = contents("stops/log.jsonl")
refused("null is a loss", train(stops, "stops", "--resume"), "step 11")
check("a line with null stays, and those behind it", contents("stops/log.jsonl") == nulls)
put("stops/log.jsonl", "".join(log[:3] + [re.sub(r'"loss":[^,]*', '"loss":1e999', log[3])] + log[4:]))
before = tree("stops")
refused("a number that is none", train(stops, "stops", "--resume"), "log.jsonl:4", "hint:")
check("and nothing is dropped", tree("stops") == before)
put("stops/log.jsonl", "".join(log[:3] + log[4:]) + '{"step":11,"sta')
run = train(stops, "stops", "--resume")
check(f"a missing line is told: {run.stderr}", "log.jsonl: 1 of the first 10 steps has no line" in run.stderr)
check("the others stay", contents("stops/log.jsonl") == "".join(log[:3] + log[4:]))
put("stops/log.jsonl", "".join(log))

# ---- its data and its settings
put("text.txt", book.replace("e", "E", 1))
refused("a changed text", train(stops, "stops", "--resume"), "text.txt", "SHA-256")
put("text.txt", book)
more = put("more.toml", GOOD.replace("[[stage]]", '[[data.text]]\nfile = "good.toml"\n[[stage]]'))
refused("another text", train(more, "stops", "--resume"), "1 file", "found 2")
put("stops/model.gguf.part", "half of one that was killed")
run = train(put("stops.toml", GOOD.replace("5e-3", "4e-3")), "stops", "--resume")
check(f"other settings are told: {run.stderr}", run.returncode == 0 and "before: spike = 4" in run.stderr
      and "before: rate = 5e-3" in run.stderr and "now: rate = 4e-3" in run.stderr)
check("its model is written, what it started from is gone", os.path.exists(f"{folder}/stops/model/config.json")
      and not os.path.exists(f"{folder}/stops/start.gguf"))
check("and what a killed run left of it", not os.path.exists(f"{folder}/stops/model.gguf.part"))
records = [json.loads(line) for line in contents("stops/log.jsonl").splitlines()]
check("all lines", [line["step"] for line in records] == list(range(1, 15)))
check("a folder of a model is replaced", train(f"{folder}/stops.toml", "stops", "--resume").returncode == 0)

# ---- its samples, its tokenizer, and the model that it went on from


def npy(path, word):
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': (2, 49), }}".ljust(117) + "\n"
    with open(f"{folder}/{path}", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<98i", word, *range(97)))


def swap(path):
    """Two tokens of a tokenizer change places."""
    with open(f"{folder}/{path}", encoding="utf-8") as file:
        tokenizer = json.load(file)
    words = tokenizer["model"]["vocab"]
    one, other = sorted(words, key=words.get)[300:302]
    words[one], words[other] = words[other], words[one]
    with open(f"{folder}/{path}", "w", encoding="utf-8") as file:
        json.dump(tokenizer, file)


def flip(path):
    """The last byte of a file: of a weight."""
    with open(f"{folder}/{path}", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


shutil.copytree(f"{folder}/stops/model", f"{folder}/tok")
shutil.copy(f"{folder}/stops/model.gguf", f"{folder}/base.gguf")
npy("keys.npy", 5)
keys = '[[data.samples]]\nname = "keys"\ntokens = "keys.npy"\n[optimizer]'
for name, text, change, undo, words in [
        ("samples", GOOD.replace("[optimizer]", keys), lambda: npy("keys.npy", 6), lambda: npy("keys.npy", 5), ["keys.npy"]),
        ("tokenizer", GOOD.replace(MODEL, "tok"), lambda: swap("tok/tokenizer.json"),
         lambda: shutil.copy(f"{folder}/stops/model/tokenizer.json", f"{folder}/tok/tokenizer.json"), ["/tok: expected the tokenizer that the run was begun with"]),
        ("from", '[model]\nfrom = "base.gguf"\n' + GOOD[GOOD.index("[[data.text]]"):], lambda: flip("base.gguf"),
         lambda: flip("base.gguf"), ["base.gguf: expected the model that the run was begun with"])]:
    path = put(f"of-{name}.toml", text)
    run = train(path, f"of-{name}", "--steps", "2")
    check(f"{name}: {run.stderr}", run.returncode == 0)
    change()
    refused(f"a changed {name}", train(path, f"of-{name}", "--resume", "--steps", "4"), "SHA-256", *words)
    undo()
    run = train(path, f"of-{name}", "--resume", "--steps", "4")
    check(f"{name} as before: {run.stderr}", run.returncode == 0 and "goes on behind step 2" in run.stderr)

# ---- methods with ranges of whole numbers
STAGE = "rate = 5e-3\nmethods = [{{ method = \"{}\" }}]"
run = train(put("group.toml", GOOD.replace("rate = 5e-3", STAGE.format("self-extend:group={2..8},window=16"))), "group")
refused("a group that divides no window", run, "a group that divides window", "group 3")
check("before anything is written", not os.path.exists(f"{folder}/group"))
run = train(put("group.toml", GOOD.replace("rate = 5e-3", STAGE.format("self-extend:group={1..2.9},window=16"))), "group")
check(f"whole numbers are drawn: {run.stderr}", run.returncode == 0)
drawn = {json.loads(line)["method"] for line in contents("group/log.jsonl").splitlines()}
check(f"each of them: {drawn}", drawn == {"self-extend:group=1,window=16", "self-extend:group=2,window=16"})

# ---- lengths of the model that a run goes on from; a name that a terminal would obey
path = put("from.toml", '[model]\nfrom = "stops/model.gguf"\nname = "\\u001b[31mred"\n[[data.text]]\nfile = "text.txt"\n'
           'hold_out = 1000\n[[stage]]\nname = "\\u001b[32mgreen"\nsteps = 1\nrate = 1e-3\n')
run = train(path, "from")
check(f"n_ctx is the model's: {run.stderr}", run.returncode == 0
      and json.loads(contents("from/log.jsonl"))["n_ctx"] == 48 and json.loads(contents("from/log.jsonl"))["n_tokens"] == 384)
check("no escape reaches the terminal", "\x1b[3" not in run.stderr + run.stdout)
refused("a model of its own folder", train(path, "stops", "--resume"), "stops/model.gguf")

# ---- memory: told before it is taken, and what is then held
large = put("large.toml", GOOD.replace("d_model = 48", "d_model = 512").replace("d_ff = 64", "d_ff = 2048")
            .replace("n_layers = 2", "n_layers = 4").replace("steps = 14", "steps = 2"))


def peak(*options):
    """Bytes that a run held at most beside what any run holds."""
    process = subprocess.Popen([ropewalk, "train", large, "--out", f"{folder}/large", *options], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    said = " ".join(process.stderr.read().split())
    _, status, usage = os.wait4(process.pid, 0)
    check(f"large: {said}", status == 0)
    return int(re.search(r"up to (\d+) MB of memory", said).group(1)) * 1e6, usage.ru_maxrss * 1024


told, dry = peak("--dry-run")
_, held = peak("--resume")
check(f"a dry run holds none of it: told {told}, held {dry}", dry < 0.5 * told)
check(f"told is what is held: told {told}, held {held} of which {dry} by any run", 0.67 < (held - dry) / told < 1.25)
larger = put("larger.toml", contents("large.toml").replace("n_layers = 4", "n_layers = 16"))
limit = 600 << 20  # of addresses; it would take 1.1 GB
run = train(larger, "limited", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
refused("too little memory", run, "MB of memory", "training: expected", "kept_mb")
check("nothing was written", not os.path.exists(f"{folder}/limited"))
shutil.rmtree(folder)
print(f"train keeps: told {told / 1e6:.0f} MB, held {(held - dry) / 1e6:.0f} MB")
