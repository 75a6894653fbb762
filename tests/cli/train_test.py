#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk train: the same bits for any number of threads, and for a run that was killed at random moments; settings that
are wrong are told by line and key; what is written is read again.

    tests/cli/train_test.py ROPEWALK SOURCE_DIR [KILLS]        # 5 in ./check; tools/kill_train.sh takes 100
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

ropewalk, source = sys.argv[1:3]
kills = int(sys.argv[3]) if len(sys.argv) > 3 else 5
random.seed(int(os.environ.get("SEED", "1")))
folder = tempfile.mkdtemp()
GOOD = f"""seed = 3
[model]
tokenizer = "{source}/models/short-256.gguf"
d_model = 48
n_layers = 2
n_heads = 2
n_kv_heads = 1
head_dim = 16
d_ff = 64
n_ctx = 48
[[data.text]]
file = "{source}/data/devil.txt"
hold_out = 1000
[optimizer]
matrices = "muon"
save_every = 2
[eval]
every = 8
pieces = 4
[[stage]]
name = "first"
steps = 10
n_ctx = [24, 48]
tokens = 192
rate = 5e-3
methods = [{{ method = "none" }}, {{ method = "temperature:value={{0.6..1}}" }}]
[[stage]]
name = "second"
steps = 10
tokens = 192
schedule = "wsd"
rate = [5e-3, 1e-3]
"""


def write(text, name="good.toml"):
    path = f"{folder}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def train(config, out, *options):
    return subprocess.run([ropewalk, "train", config, "--out", f"{folder}/{out}", *options], capture_output=True,
                          text=True, check=False)


def contents(path):
    with open(f"{folder}/{path}", "rb") as file:
        return file.read()


def log(out):
    lines = [json.loads(line) for line in contents(f"{out}/log.jsonl").splitlines()]
    for line in lines:
        del line["seconds"]
    return lines


def check(what, true):
    if not true:
        raise SystemExit(f"train: {what}")


good = write(GOOD)
dry = train(good, "dry", "--dry-run")
check("--dry-run says what it takes", dry.returncode == 0 and "20 steps" in dry.stderr and "memory" in dry.stderr)
check("--dry-run leaves nothing behind", not os.path.exists(f"{folder}/dry"))

start = time.time()
whole = train(good, "whole", "-t", "1")
seconds = time.time() - start
check(f"a run ends well: {whole.stderr}", whole.returncode == 0)
check("the curve is of 80 columns", "loss, nats per token" in whole.stdout
      and max(map(len, whole.stdout.splitlines())) <= max(80, len(folder) + 30))
lines = log("whole")
check("a line for each step", [line["step"] for line in lines] == list(range(1, 21)))
held = [line["held_out"]["text"] for line in lines if "held_out" in line]
check(f"the held-out loss falls: {held}", len(held) == 3 and held[-1] < held[0] - 0.2)
check("both methods are drawn", {line["method"].split(":")[0] for line in lines} == {"none", "temperature"})
page = contents("whole/curve.html").decode()
check("the page stands by itself", "<script" not in page and "http://" not in page and "https://" not in page
      and page.count("<svg") > 3 and page.endswith("</html>\n"))

other = train(good, "threads", "--json")
check("two threads, the same bits", contents("threads/model.gguf") == contents("whole/model.gguf")
      and log("threads") == lines)
check("--json is one object", json.loads(other.stdout)["held_out"]["text"] == held[-1])
nll = [subprocess.run([ropewalk, "logits", f"{folder}/whole/{path}", "--tokens", "-", "--nll"], input="0 100 200 300",
                      capture_output=True, text=True, check=True).stdout for path in ("model.gguf", "model")]
check("file and folder hold the same", json.loads(nll[0]) == json.loads(nll[1]))
os.makedirs(f"{folder}/mine/model")
open(f"{folder}/mine/model/config.json", "w").close()
for more in ([], ["--resume"]):
    over = train(good, "mine", *more)
    check("a model that is no run's is not written over", over.returncode == 2 and "mine/model" in over.stderr
          and os.path.exists(f"{folder}/mine/model/config.json"))
again = train(good, "whole")
check("a run is not begun over another", again.returncode == 2 and "--resume" in again.stderr)

done = 0
while done < kills:
    process = subprocess.Popen([ropewalk, "train", good, "--out", f"{folder}/killed", "--resume"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(0.02, 1.1 * seconds))
    process.kill()
    if process.wait() == -9:
        done += 1
    elif os.path.exists(f"{folder}/killed/model.gguf"):
        check("a killed run: the same bits", contents("killed/model.gguf") == contents("whole/model.gguf"))
        shutil.rmtree(f"{folder}/killed")  # all was done: begin again
resumed = train(good, "killed", "--resume")
check(f"a killed run goes on: {resumed.stderr}", resumed.returncode == 0)
check("a killed run: the same bits", contents("killed/model.gguf") == contents("whole/model.gguf"))
check("a killed run: the same log", log("killed") == lines)

steps = train(good, "steps", "--steps", "7")
check("--steps stops there", steps.returncode == 0 and len(log("steps")) == 7)
check("--steps, then the rest", train(good, "steps", "--resume").returncode == 0
      and contents("steps/model.gguf") == contents("whole/model.gguf"))
newest = sorted(name for name in os.listdir(f"{folder}/steps") if name.startswith("step-"))[-1]
with open(f"{folder}/steps/{newest}/values", "r+b") as file:
    file.seek(1000)
    byte = file.read(1)
    file.seek(1000)
    file.write(bytes([byte[0] ^ 4]))
flipped = train(good, "steps", "--resume")
check(f"a flipped byte is named: {flipped.stderr}", flipped.returncode == 1 and f"{newest}/values" in flipped.stderr)

WRONG = [
    ("d_ff = 64", "dff = 64", ["d_ff"]),
    ("d_ff = 64", "d_ff = 64\nd_modle = 3", ["good.toml:10: [model] d_modle", "did you mean d_model?"]),
    ("d_model = 48", "d_model = -3", ["good.toml:4: [model] d_model", "from 1 to"]),
    ("d_model = 48", "d_model = 4.5", ["[model] d_model", "a whole number"]),
    ("d_model = 48", 'd_model = "48"', ["[model] d_model", "a whole number"]),
    ("n_kv_heads = 1", "n_kv_heads = 3", ["[model] n_kv_heads"]),
    ("head_dim = 16", "head_dim = 15", ["[model] head_dim", "an even number"]),
    ('matrices = "muon"', 'matrices = "moun"', ["[optimizer] matrices", "did you mean muon?"]),
    ('schedule = "wsd"', 'schedule = "linear"', ["[[stage]] schedule", "cosine, wsd, line or constant"]),
    ("hold_out = 1000", "hold_out = 10000000", ["devil.txt", "held out"]),
    ("devil.txt", "nothing.txt", ["nothing.txt"]),
    ("n_ctx = [24, 48]", "n_ctx = [24, 1000000]", ["devil.txt", "1000000"]),
    ("seed = 3", "seed = 3\nsede = 4", ["good.toml:2: sede", "did you mean seed?"]),
    ("value={{0.6..1}}".replace("{{", "{").replace("}}", "}"), "value={0.6-1}", ["a range such as {0.6..1}"]),
    ("method = \"none\"", "method = \"nnoe\"", ["did you mean none?"]),
    ("rate = 5e-3", "rate = [1, 2, 3]", ["[[stage]] rate"]),
    ("rate = 5e-3", 'rate = [2e-3, 1e-3]\nschedule = "constant"', ["[[stage]] rate", "one rate", 'schedule = "line"']),
    ("hold_out = 1000", f'share = 0.9\n[[data.text]]\nfile = "{source}/data/persuasion.txt"',
     ["[[data.text]] share", "of every [[data.text]], or of none"]),
    ("hold_out = 1000", f'[[data.text]]\nfile = "{source}/data/persuasion.txt"\nshare = 0.9', ["[[data.text]] share"]),
    ("[optimizer]", "[optimizer", ["good.toml:14", "TOML"]),
    ("steps = 10\nn_ctx", "n_ctx", ["[[stage]] steps", "a value"]),
]
for place, wrong, expected in WRONG:
    assert place in GOOD, place
    run = train(write(GOOD.replace(place, wrong, 1)), "wrong")
    check(f"{wrong!r}: {run.stderr}", run.returncode in (1, 2) and run.stdout == ""
          and all(word in run.stderr for word in expected) and run.stderr.count("hint:") == 1)
    shutil.rmtree(f"{folder}/wrong", ignore_errors=True)
check("neither a configuration nor --demo", train("", "x").returncode == 2)
shutil.rmtree(folder)
print(f"train: {done} kills in a run of {seconds:.1f} s, {len(WRONG)} wrong settings")
