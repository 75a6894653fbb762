#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk behind mpirun: one context over 2 and 4 ranks, under every method; training shared out; items of eval and tune
shared out; a rank that is killed or stopped; what several ranks are refused. Ranks of one machine, and hosts that are
network namespaces.

    tests/cli/mpi_test.py ROPEWALK SOURCE_DIR        # 77: no mpirun, or a ropewalk without Open MPI
"""
import array
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ropewalk, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
model = f"{source}/models/short-256.gguf"
if shutil.which("mpirun") is None or b"libmpi" not in subprocess.run(["ldd", ropewalk], capture_output=True).stdout:
    print("no mpirun, or a ropewalk without Open MPI")
    sys.exit(77)
folder = tempfile.mkdtemp()
os.chdir(folder)
env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", TMPDIR=folder)
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]


def run(*words, ranks=1, expect=0, hosts=0, more=None):
    command = [ropewalk, *words, *(["-t", "1"] if words[0] not in ("methods", "report") else [])]
    if hosts:
        command = [f"{source}/tools/network_hosts.sh", str(hosts), *command]
    elif ranks > 1:
        command = [*MPIRUN, "-n", str(ranks), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**env, **(more or {})}, check=False)
    assert (done.returncode == 0) == (expect == 0) and (expect != 2 or done.returncode == 2), (
        command, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def matrix(path):
    with open(path, "rb") as file:
        bytes_ = file.read()
    numbers = array.array("f")
    numbers.frombytes(bytes_[10 + int.from_bytes(bytes_[8:10], "little"):])
    return numbers


def logits(method, tokens, *words, **how):
    if os.path.exists("out.npy"):
        os.remove("out.npy")
    run("logits", model, "--tokens", tokens, "--method", method, "--last", "--out", "out.npy", *words, **how)
    return matrix("out.npy")


def difference(a, b):
    """Root mean square of it, of the numbers of b."""
    assert len(a) == len(b) > 0
    return (sum((x - y) ** 2 for x, y in zip(a, b)) / sum(y * y for y in b)) ** 0.5


words = subprocess.run([ropewalk, "tokenize", model, "--ids", f"{source}/data/persuasion.txt"], capture_output=True,
                       text=True, check=True).stdout.split()
for name, n in (("short", 2600), ("long", 5000), ("all", 150000)):
    with open(name, "w", encoding="utf-8") as file:
        file.write(" ".join(words[:n]))

# Every method on 4 ranks: no rank holds more than a unit of 1,024 keys, and the bits are those of one process.
methods = [m["name"] for m in json.loads(run("methods", "--json").stdout)["methods"]]
spelled = {"base": "base:value=50000", "dope": "dope:heads=0.0", "temperature": "temperature:value=1.2"}
for method in methods:
    if method == "longrope":
        continue  # of models that bring its lists
    method = spelled.get(method, method)
    alone = logits(method, "short")
    assert logits(method, "short", "--context-parallel", ranks=4) == alone, method
# More than that: within 1e-5 in float32, on one machine and on hosts that share no memory.
for method in ("none", "rerope:window=1500"):
    alone = logits(method, "long", "--precision", "f32")
    for ranks in (2, 4):
        assert difference(logits(method, "long", "--precision", "f32", "--context-parallel", ranks=ranks), alone) < 1e-5
can_split = os.geteuid() == 0 and subprocess.run(["ip", "netns", "add", f"rwtry{os.getpid()}"], capture_output=True,
                                                 check=False).returncode == 0
if can_split:
    subprocess.run(["ip", "netns", "del", f"rwtry{os.getpid()}"], check=True)
    assert difference(logits("none", "long", "--precision", "f32", "--context-parallel", hosts=2),
                      logits("none", "long", "--precision", "f32")) < 1e-5
else:
    print("network namespaces cannot be made here: not tried")

# Written tokens are the same; the first rank alone speaks.
question = ["generate", model, "-f", f"{source}/README.md", "-p", "The key is", "--raw", "-n", "12", "--method", "rerope",
            "--temp", "0.7"]
alone, shared = run(*question, "-s", "3"), run(*question, "-s", "3", "--context-parallel", ranks=2)
assert alone.stdout == shared.stdout and alone.stdout.strip(), (alone.stdout, shared.stdout)
drawn = run(*question, "--context-parallel", ranks=2)  # a seed of its own, the same on both
assert drawn.stderr.count("drawn with --seed") == 1

# Training: the same losses to 1e-3 (1e-6 were measured), models from the first rank alone, and on from a checkpoint.
with open("good.toml", "w", encoding="utf-8") as file:
    file.write(f"""seed = 3
[model]
tokenizer = "{model}"
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
pieces = 5
[[stage]]
name = "only"
steps = 14
tokens = 240
rate = 5e-3
""")


def losses(out):
    with open(f"{out}/log.jsonl", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [r["loss"] for r in records] + [v for r in records for v in r.get("held_out", {}).values()]


run("train", "good.toml", "--out", "one")
for ranks in (2, 4):
    run("train", "good.toml", "--out", f"on{ranks}", ranks=ranks)
    a, b = losses("one"), losses(f"on{ranks}")
    assert len(a) == len(b) >= 15 and max(abs(x - y) for x, y in zip(a, b)) < 1e-3, (a, b)
run("train", "good.toml", "--out", "cut", "--steps", "9", ranks=2)
run("train", "good.toml", "--out", "cut", "--resume", ranks=2)
with open("on2/model.gguf", "rb") as a, open("cut/model.gguf", "rb") as b:
    assert a.read() == b.read()
# eval: the same table, one file of results, and a second run that finds all of it done.
judged = ["eval", model, "--text", f"{source}/data/devil.txt", "--methods", "rerope", "--lengths", "512", "--documents", "2",
          "--tasks", "tail"]
alone = run(*judged, "--out", "e1.jsonl")
shared = run(*judged, "--out", "e2.jsonl", "--context-parallel", ranks=2)
assert alone.stdout == shared.stdout and "rerope" in alone.stdout, (alone.stdout, shared.stdout)
again = run(*judged, "--out", "e2.jsonl", "--context-parallel", ranks=2)
assert "were in e2.jsonl already" in again.stderr and again.stdout == alone.stdout, again.stderr
assert "missing" in run("eval", model, "--text", f"{source}/data/devil.txt", "--context-parallel", ranks=2, expect=1).stderr
assert not [name for name in os.listdir(folder) if name.startswith("ropewalk-rank")]  # others' files go with them

few = run("train", "good.toml", "--out", "few", ranks=6, expect=1)  # 5 texts a step
assert "a text for each of 6 ranks" in few.stderr, few.stderr

tune = ["finetune", model, "--method", "pi", "--length", "512", "--text", f"{source}/data/devil.txt", "--steps", "3",
        "--batch", "2048", "--looks", "3", "--documents", "2", "--tasks", "tail", "--against", "yarn", "--json"]
alone, shared = (json.loads(run(*tune, "--out", f"tuned{r}", ranks=r).stdout) for r in (1, 2))


def look_losses(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "loss" and isinstance(inner, (int, float)):
                yield inner
            yield from look_losses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from look_losses(inner)


a, b = list(look_losses(alone)), list(look_losses(shared))
assert len(a) == len(b) and all(abs(x - y) < 1e-3 for x, y in zip(a, b)), (a, b)
assert sorted(os.listdir("tuned1")) == sorted(os.listdir("tuned2"))


def started(*words, ranks=2, recover=False, **more):
    """mpirun with these words, and whom to strike: its process of each rank. Others may run tests beside this one."""
    process = subprocess.Popen([*MPIRUN, *(["--enable-recovery"] if recover else []), "-n", str(ranks), ropewalk, *words, "-t",
                                "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**env, **more})
    pids = {}
    for _ in range(300):
        time.sleep(0.1)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as variables, open(f"/proc/{pid}/status", encoding="utf-8") as status:
                    rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)\0", variables.read())
                    if rank and f"PPid:\t{process.pid}\n" in status.read():
                        pids[int(rank[1])] = int(pid)
            except OSError:
                pass
        if len(pids) == ranks:
            return process, pids
    raise AssertionError(f"{len(pids)} of {ranks} ranks")


# A rank that is lost ends all, in words; one that stands still does after ROPEWALK_RANK_SECONDS.
def strike(sig, **more):
    process, pids = started("logits", model, "--tokens", "all", "--context-parallel", **more)
    time.sleep(1.5)
    os.kill(pids[1], sig)
    said = "".join(process.communicate(timeout=60))
    if sig == signal.SIGSTOP:
        try:
            os.kill(pids[1], signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert process.returncode != 0, said
    return said


assert re.search(r"rank 1 .*exited on signal 9|one of them may have been lost", strike(signal.SIGKILL))
assert "expected an answer of the other ranks within 3 s" in strike(signal.SIGSTOP, ROPEWALK_RANK_SECONDS="3")

# Items of eval and tune are shared out: the same tables, one file of results, and a second run that finds all done.
swept = ["eval", model, "--text", f"{source}/data/persuasion.txt", "--methods", "rerope", "--lengths", "512", "2k",
         "--documents", "3", "--tasks", "tail", "passkey", "--questions", "2", "--depths", "2"]
alone = run(*swept, "--out", "one.jsonl")
for ranks in (2, 4):
    shared = run(*swept, "--budget", "1h", "--out", f"on{ranks}.jsonl", ranks=ranks)
    assert shared.stdout == alone.stdout and "rerope" in alone.stdout, (alone.stdout, shared.stdout)
    assert shared.stderr.count("items are shared out") == 1, shared.stderr


def results(path):
    """Of each line all but what it took."""
    with open(path, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return sorted(json.dumps({key: value for key, value in line.items() if key != "run"}) for line in found)


assert results("one.jsonl") == results("on2.jsonl") == results("on4.jsonl") and len(results("one.jsonl")) > 50
again = run(*swept, "--out", "on2.jsonl", ranks=2)
assert "were in on2.jsonl already" in again.stderr and again.stdout == alone.stdout, again.stderr
plan = run(*swept, "--dry-run", ranks=2)
assert "runs; about" in plan.stdout, plan.stdout
few = run("eval", model, "--text", f"{source}/data/devil.txt", "--budget", "3s", ranks=2)  # the rest is chosen
assert "methods " in few.stderr and "verdict" in few.stdout, (few.stdout, few.stderr)
shutil.copy(model, "own.gguf")
chosen = ["tune", "own.gguf", "--text", f"{source}/data/persuasion.txt", "--length", "1k", "--candidates", "rerope",
          "yarn", "pi", "self-extend", "--documents", "4", "--goal", "both"]
alone_, shared = run(*chosen), run(*chosen, "--out", "tuned.jsonl", ranks=2)
assert alone_.stdout == shared.stdout and "rerope" in alone_.stdout, (alone_.stdout, shared.stdout)
assert run(*chosen, "--out", "tuned.jsonl").stdout == alone_.stdout
assert "plain RoPE" in run("tune", "own.gguf", "--text", f"{source}/data/devil.txt", "--length", "256", ranks=2).stdout


# A rank that is lost: with --enable-recovery its item is measured again; without, the same command goes on. Rank 0 lost:
# the others end.
def struck(rank, out, recover=True, sig=signal.SIGKILL):
    process, pids = started(*swept, "--out", out, ranks=3, recover=recover, ROPEWALK_RANK_SECONDS="2")
    for _ in range(600):
        if os.path.exists(out) and os.path.getsize(out) > 0:
            break
        time.sleep(0.05)
    os.kill(pids[rank], sig)
    answer = process.communicate(timeout=100)
    for _ in range(100):  # all end soon
        if not any(os.path.exists(f"/proc/{pid}") for pid in pids.values()):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("a rank that did not end")
    return (process.returncode, *answer)


code, out, err = struck(1, "lost.jsonl")
assert code == 0 and out == alone.stdout and "--enable-recovery" not in err, (code, out, err)
assert "rank 1 was not heard for 2 s, and is taken as lost; what it was measuring is measured again" in " ".join(err.split()), err
assert results("lost.jsonl") == results("one.jsonl")
code, out, err = struck(1, "stopped.jsonl", recover=False, sig=signal.SIGSTOP)
assert code == 0 and out == alone.stdout and "taken as lost" in " ".join(err.split()), (code, out, err)
code, out, err = struck(2, "ended.jsonl", recover=False)
assert code != 0 and "exited on signal 9" in err and "--enable-recovery" in err and "the same command goes on" in err, (code, out, err)
n = len(results("ended.jsonl"))
assert 0 < n < len(results("one.jsonl")), n
again = run(*swept, "--out", "ended.jsonl", ranks=2)
assert again.stdout == alone.stdout and "were in ended.jsonl already" in again.stderr, again.stderr
assert results("ended.jsonl") == results("one.jsonl")
code, out, err = struck(0, "first.jsonl")
assert out == "" and "a word of it within 2 s; found none" in " ".join(err.split()), (code, out, err)
again = run(*swept, "--out", "first.jsonl")
assert again.stdout == alone.stdout and results("first.jsonl") == results("one.jsonl")
# An error before the work ends all, also where mpirun would let the others wait; so does a rank that never comes.
for words_, said in ((["eval", model, "--text", "none.txt", "--methods", "rerope"], "none.txt: expected"),
                     (["tune", model, "--text", "none.txt", "--length", "512"], "none.txt: expected")):
    done = subprocess.run([*MPIRUN, "--enable-recovery", "-n", "2", ropewalk, *words_], capture_output=True, text=True, timeout=60, env=env)
    assert said in done.stderr, done.stderr
with open("absent.sh", "w") as file:
    file.write(f'#!/bin/sh\n[ "$OMPI_COMM_WORLD_RANK" = 1 ] || exec {ropewalk} eval {model} --text none.txt --lengths 512\n')
os.chmod("absent.sh", 0o700)
done = subprocess.run([*MPIRUN, "--enable-recovery", "-n", "2", "./absent.sh"], capture_output=True, text=True, timeout=60,
                      env={**env, "ROPEWALK_RANK_SECONDS": "2"})
assert "one did not come" in done.stderr, done.stderr
assert "ranks, which share the items already" in run(*swept, "--out", "j.jsonl", "--jobs", "2", ranks=2, expect=1).stderr
assert "without mpirun" in run("eval", "--engine", "plain=http://127.0.0.1:1/v1", "--text", f"{source}/data/devil.txt",
                               "--lengths", "512", ranks=2, expect=1).stderr
if can_split:
    assert run(*swept, hosts=2).stdout == alone.stdout

# What is refused.
assert "ROPEWALK_RANK_SECONDS: expected seconds" in run("logits", model, "--tokens", "short", "--context-parallel", ranks=2, expect=1,
                                                        more={"ROPEWALK_RANK_SECONDS": "abc"}).stderr
assert "several ranks; found one process" in run("logits", model, "--tokens", "short", "--context-parallel", expect=2).stderr
for words_, said in ((["logits", model, "--tokens", "short"], "--context-parallel"),
                     (["bench", "prefill", model], "a command for several ranks")):
    assert said in run(*words_, ranks=2, expect=1).stderr
assert "--cache" in run("generate", model, "-p", "x", "--cache", "c", "--context-parallel", expect=2).stderr
array_ = {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_MIN": "2", "SLURM_ARRAY_TASK_MAX": "6",
          "SLURM_ARRAY_TASK_COUNT": "3"}
judged = ["eval", model, "--text", f"{source}/data/devil.txt", "--methods", "pi", "--lengths", "512", "--documents", "3",
          "--out", "s.jsonl"]
assert "shard 2/3" in run(*judged, "--shard", "auto", more=array_).stderr
for other in ("--tail", "32"), ("--precision", "f32"):  # tune and eval of one file are one kind of results
    assert "give another --out" in run("tune", model, "--text", f"{source}/data/devil.txt", "--length", "512", "--candidates", "pi",
                                       "--documents", "2", "--out", "s.jsonl", *other, expect=1).stderr
# The lost task alone, as SLURM counts it: another share, which is refused; the whole array again goes on.
alone = {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_MIN": "4", "SLURM_ARRAY_TASK_MAX": "4", "SLURM_ARRAY_TASK_COUNT": "1"}
assert "start the whole array again" in run(*judged, "--shard", "auto", expect=2, more=alone).stderr
assert "were in s.jsonl already" in run(*judged, "--shard", "auto", more=array_).stderr
assert "1 of 3 shards" in " ".join(run("report", "s.jsonl", "--format", "text").stdout.split())
many = ["eval", model, "--text", f"{source}/data/devil.txt", "--methods", "none", "--lengths", "256", "--documents", "1", "--jobs", "4"]
assert "Only a part" not in run(*many, "--out", "few.jsonl").stdout
assert "Only a part" not in run("report", "few.jsonl", "--format", "text").stdout
assert "SLURM_ARRAY_TASK_ID" in run(*judged, "--shard", "auto", expect=2).stderr
assert "evenly spaced" in run(*judged, "--shard", "auto", expect=2, more={**array_, "SLURM_ARRAY_TASK_ID": "3"}).stderr
os.chdir("/")
shutil.rmtree(folder)
print("mpi: all good")
