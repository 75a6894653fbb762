#!/usr/bin/env python3
"""ropewalk finetune on the small model, 256 -> 1k: before training its numbers are eval's, and behind it those of the file
that it writes; a run that is killed goes on to the same weights and looks; it takes the memory that it tells; what cannot
be done says what to do instead.

    tests/cli/finetune_test.py ROPEWALK MODEL REPOSITORY
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ropewalk, model, repository = sys.argv[1:4]
random.seed(1)
data = pathlib.Path(repository) / "data"
folder = pathlib.Path(tempfile.mkdtemp())
TRAIN = [str(data / "opticks.txt"), str(data / "northangerabbey.txt")]
JUDGE = [str(data / "persuasion.txt"), str(data / "devil.txt")]
SETTINGS = ["--length", "1k", "--text", *TRAIN, "--held-out", *JUDGE, "--documents", "3", "--tasks", "tail", "--against",
            "window", "--batch", "2048", "--steps", "4", "--looks", "2", "--rate", "1e-3"]


def run(*arguments, fails=False):
    done = subprocess.run([ropewalk, *arguments], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def lines(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def losses(path):
    return {(r["document"], r["method"], r["length"]): r["loss"] for r in lines(path)}


def results(out):
    """All that a run leaves but for time."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.suffix == ".jsonl":
            found[name] = losses(path)
        elif path.suffix == ".gguf" or path.suffix == ".safetensors":
            found[name] = path.read_bytes()
    return found


def check_step_0():
    out = folder / "compare"
    done = run("finetune", model, "--compare", "pi", "yarn", "none", *SETTINGS, "--out", str(out), "--json")
    result = json.loads(done.stdout)
    looks = result["starts"][0]["looks"]
    assert [look["step"] for look in looks] == [0, 2, 4], looks
    judged = folder / "eval.jsonl"
    run("eval", model, "--text", *JUDGE, "--documents", "3", "--lengths", "256", "1k", "--tail", "128", "--methods",
        "pi:factor=4", "yarn:factor=4", "window", "--out", str(judged))
    by_eval, before = losses(judged), losses(out / "looks" / "untrained.jsonl")
    n = 0
    for (document, method, length), loss in by_eval.items():
        same = [m for (d, m, n_tokens) in before if (d, n_tokens) == (document, length) and
                (m == method or (":" in method and m.startswith(method.split(":")[0] + ":")))]
        assert same and before[document, same[0], length] == loss, (document, method, length, loss)
        n += 1
    mean = sum(by_eval[d, "pi:factor=4", n_tokens] for d, m, n_tokens in by_eval if m == "pi:factor=4" and
               n_tokens == 1024) / 6
    assert abs(looks[0]["loss"]["mean"] - mean) < 1e-12, (looks[0]["loss"], mean)
    assert looks[2]["loss"]["mean"] < looks[0]["loss"]["mean"], "four steps taught nothing"
    page = (out / "recovery.html").read_text()
    assert "which start recovers first at 1k?" in page and "<script" not in page
    assert json.loads((out / "recovery.json").read_text())["fastest_by_step"] == result["fastest_by_step"]
    print(f"before training: {n} losses are those of eval")
    return out


def loss_of_file(written, length):
    """By eval, under the method that the file says; the mean over six stretches."""
    judged = folder / "written.jsonl"
    judged.unlink(missing_ok=True)
    run("eval", str(written), "--text", *JUDGE, "--documents", "3", "--lengths", str(length), "--tail", "128", "--methods",
        "none", "--out", str(judged))
    own = [r["loss"] for r in lines(judged) if r["method"] == "none" and r["length"] == length]
    assert len(own) == 6, own
    return sum(own) / 6


def check_written(out):
    """The merged model is what was looked at last; its file says the method."""
    said = json.loads((out / "recovery.json").read_text())
    loss = loss_of_file(out / "1-pi" / "model.gguf", 1024)
    last = said["starts"][0]["looks"][-1]["loss"]["mean"]
    assert abs(loss - last) < 1e-9 and said["written_losses"] == [], (loss, last)
    print(f"the merged file reads the text with {loss:.4f} nats, the last look had {last:.4f}")


def check_type():
    """All weights of a source of 8 bits, at the default rate: the file holds what was learned, or says that it does not."""
    full = ["finetune", model, "--method", "yarn", "--length", "512", "--full", "--steps", "6", "--batch", "1024", "--text",
            *TRAIN, "--held-out", *JUDGE, "--documents", "3", "--tasks", "tail", "--against", "window", "--json", "--out"]
    own = json.loads(run(*full, str(folder / "full")).stdout)
    first, last = (own["starts"][0]["looks"][i]["loss"]["mean"] for i in (0, -1))
    loss = loss_of_file(folder / "full" / "1-yarn" / "model.gguf", 512)
    assert last < first and abs(loss - last) < 1e-9 and own["written_losses"] == [], (first, last, loss)
    said = json.loads(run(*full, str(folder / "q8"), "--type", "q8_0").stdout)
    rounded, = said["written_losses"]
    q8 = loss_of_file(folder / "q8" / "1-yarn" / "model.gguf", 512)
    assert rounded["type"] == "Q8_0" and rounded["judged"] == last, rounded
    assert abs(rounded["written"] - q8) < 1e-9 and q8 != last, (rounded, q8)
    words = next(line for line in said["written"] if "as Q8_0" in line)
    assert f"{q8:.3f}" in words and f"{last:.3f}" in words, words
    print(f"{first:.4f} nats before training, {last:.4f} behind it; in the file {loss:.4f}, as Q8_0 {q8:.4f}, which is said")


def peak_mib(*arguments):
    """The most memory of one run, and what it wrote to standard error."""
    with open(folder / "stderr", "w+b") as stderr:
        process = subprocess.Popen([ropewalk, *arguments], stdout=subprocess.DEVNULL, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        said = stderr.read().decode()
    assert process.returncode == 0, (arguments, said)
    return usage.ru_maxrss / 1024, " ".join(said.split())


def check_memory():
    def told(said):
        return sum(int(n) for n in re.search(r"(\d+) MiB beside the model to train, (\d+) MiB to look", said).groups())

    for method, length, more in [("pi", "1k", ["--batch", "16384"]), ("rerope", "4k", ["--full", "--batch", "4096"])]:
        some = ["finetune", model, "--method", method, "--text", *TRAIN, "--held-out", *JUDGE, "--documents", "1",
                "--tasks", "tail", "--against", "window"]
        small, said = peak_mib(*some, "--length", "512", "--batch", "512", "--dry-run")
        small_told = told(said)  # the dry run takes a part of it, for a step on a short text
        peak, said = peak_mib(*some, "--length", length, *more, "--steps", "1", "--out", str(folder / f"memory-{method}"))
        assert peak - small <= told(said), (method, peak, small, said)
        assert peak - small + small_told >= told(said) / 2, (method, peak, small, said)
        print(f"{method} at {length}: {told(said)} MiB told, {peak - small:.0f} to {peak - small + small_told:.0f} taken")


def check_times(out):
    """A damaged file of times is named; one that is missing makes times unknown, and no start the fastest by them."""
    damaged = folder / "damaged"
    shutil.copytree(out, damaged)
    again = ["finetune", model, "--compare", "pi", "yarn", "none", *SETTINGS, "--out", str(damaged), "--resume", "--json"]
    times = damaged / "1-pi" / "seconds.json"
    for text in ['{"2": "x"}', '{"2": -1}', '[1]', '{"2": null}', "{"]:
        times.write_text(text)
        refused = run(*again, fails=True).stderr
        assert "seconds.json" in refused and "bug" not in refused, refused
    times.unlink()
    looks = json.loads(run(*again).stdout)["starts"][0]["looks"]
    assert looks[0]["seconds"] == 0 and looks[1]["seconds"] is None, looks


def check_ended():
    """A rate that destroys: each start is named where it ended, and what was seen before is reported."""
    out = folder / "ended"
    wild = ["finetune", model, "--compare", "pi", "none", "--length", "512", "--batch", "512", "--text", TRAIN[0], "--held-out",
            *JUDGE, "--documents", "3", "--tasks", "tail", "--against", "window", "--rate", "1", "--alpha", "65536", "--rank",
            "1", "--steps", "4", "--json", "--out", str(out)]
    for resume in [], ["--resume"]:
        done = subprocess.run([ropewalk, *wild, *resume], capture_output=True, text=True)
        assert done.returncode == 1, done.stderr  # nothing was made
        said = json.loads(done.stdout)
        assert [one["start"] for one in said["ended"]] == ["pi", "none"], said["ended"]
        assert "each ended early, pi at step" in said["answer"][0], said["answer"]
        assert (out / "recovery.html").exists() and said["starts"][1]["looks"][0]["loss"]["mean"] > 0
    assert not list(out.rglob("model.gguf"))


def check_numbers():
    """Every numeric option refuses what it cannot be, by its name, and no number stands for "the default" unsaid."""
    n = 0
    for command, rest in [("finetune", [model, "--method", "pi", "--length", "1k", "--text", *TRAIN]), ("train", ["x.toml"])]:
        for line in run(command, "--help").stdout.splitlines():
            option = re.match(r"  (?:-\w,)?(--[\w-]+) (?:INT|FLOAT)", line)
            if not option:
                continue
            for value in ["nan", "inf", "-7", "1e39", "many"]:
                refused = run(command, *rest, option[1], value, fails=True).stderr
                assert option[1] in refused and value in refused, (option[1], value, refused)
            n += 1
    for option, value in [("--rate", "0"), ("--alpha", "0"), ("--batch", "0"), ("--documents", "0"), ("--rate", "2")]:
        refused = run("finetune", model, "--method", "pi", *SETTINGS[:10], option, value, fails=True).stderr
        assert option in refused, refused
    assert n >= 12, n
    print(f"{n} numeric options refuse what is none of their numbers")


def check_kills(n_kills):
    base = ["finetune", model, "--compare", "pi", "none", *SETTINGS, "-t", "1", "--out"]
    whole, killed = folder / "whole", folder / "killed"
    start = time.time()
    run(*base, str(whole))
    seconds = time.time() - start
    done = 0
    for _ in range(n_kills):
        resume = ["--resume"] if (killed / "finetune.json").exists() else []
        process = subprocess.Popen([ropewalk, *base, str(killed), *resume], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.3, 0.6 * seconds))
        process.kill()
        done += process.wait() == -9
    resume = ["--resume"] if (killed / "finetune.json").exists() else []
    run(*base, str(killed), *resume)
    first, second = results(whole), results(killed)
    assert first.keys() == second.keys(), first.keys() ^ second.keys()
    for name in first:
        assert first[name] == second[name], f"{name} differs from that of a run that was not killed"
    again = run(*base, str(killed), "--resume", "--json")  # all is there: nothing is trained
    assert json.loads(again.stdout)["starts"][0]["looks"][-1]["step"] == 4
    print(f"{done} kills in runs of {seconds:.1f} s: {len(first)} results are those of a run that was not killed")
    refused = run(*base, str(killed), fails=True).stderr
    assert "--resume" in refused, refused
    other = run(*base[:-1], "--rate", "2e-3", "--out", str(killed), "--resume", fails=True).stderr
    assert "rate" in other, other


def check_errors():
    some = ["--length", "1k", "--text", *TRAIN]
    for arguments, words in [
            (["--method", "dynamic-ntk:grow=1", *some], ["grow=1", "leave"]),
            (["--method", "pi", "--length", "512k", "--text", *TRAIN], ["--text", "tokens", "--held-out"]),
            (["--method", "pi", *some, "--targets", "attn_x"], ["attn_x", "attn_q"]),
            (["--method", "pi", "--length", "256", "--text", *TRAIN], ["--length", "256"]),
            (["--method", "pii", *some], ["pii"]),
            (["--compare", "pi", "pi:factor=4", *some], ["starts that differ"]),
            (some, ["--method", "--compare"]),
            (["--method", "pi", *some, "--held-out", TRAIN[0]], ["--held-out", "not trained on"]),
            (["--method", "pi", *some, "--batch", "512"], ["--batch", "1024"]),
            (["--method", "pi", *some, "--looks", "ten"], ["--looks", "ten"]),
            (["--method", "pi", *some, "--budget", "1s"], ["--budget"]),
            (["--method", "pi", *some, "--budget", "nan"], ["--budget", "nan"]),
            (["--method", "pi", *some, "--budget=-5m"], ["--budget", "-5m"]),
            (["--method", "pi", "--length", "nan", "--text", *TRAIN], ["nan"]),
            (["--method", "pi", *some, "--budget", "1m", "--steps", "5"], ["--budget", "--steps"]),
            (["--method", "pi", *some, "--type", "Q4_1", "--out", str(folder / "none")], ["Q4_1", "Q8_0"]),
            (["--method", "pi", *some, "--full", "--rank", "4"], ["--rank"])]:
        said = run("finetune", model, *arguments, fails=True).stderr
        assert all(word in said for word in words), (arguments, said)
    dry = folder / "dry"
    kept = run("finetune", model, "--method", "pi", *some, "--dry-run", "--out", str(dry)).stderr
    run("finetune", model, "--method", "pi", *some, "--dry-run", "--out", str(dry), "--targets", "attn_x", fails=True)
    assert not dry.exists(), "a dry run left something"
    assert "are kept back" in " ".join(kept.split()), kept
    for line in run("finetune", "--help").stdout.splitlines():
        assert len(line) <= 80, line


check_errors()
check_numbers()
compared = check_step_0()
check_written(compared)
check_times(compared)
check_type()
check_ended()
check_memory()
check_kills(6)
