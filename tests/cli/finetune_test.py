#!/usr/bin/env python3
"""ropewalk finetune on the small model, 256 -> 1k: before training its numbers are eval's; a run that is killed goes on
to the same weights and looks; what cannot be done says what to do instead.

    tests/cli/finetune_test.py ROPEWALK MODEL REPOSITORY
"""
import json
import pathlib
import random
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


def check_written(out):
    """The merged model, read by generate and eval, is what was looked at last; its file says the method."""
    said = json.loads((out / "recovery.json").read_text())
    written = out / "1-pi" / "model.gguf"
    judged = folder / "merged.jsonl"
    run("eval", str(written), "--text", *JUDGE, "--documents", "3", "--lengths", "1k", "--tail", "128", "--methods",
        "none", "--out", str(judged))
    own = [r["loss"] for r in lines(judged) if r["method"] == "none" and r["length"] == 1024]
    last = said["starts"][0]["looks"][-1]["loss"]["mean"]
    assert len(own) == 6 and abs(sum(own) / 6 - last) < 0.02, (own, last)
    print(f"the merged file reads the text with {sum(own) / 6:.4f} nats, the last look had {last:.4f}")


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
            (["--method", "pi", *some, "--full", "--rank", "4"], ["--rank"])]:
        said = run("finetune", model, *arguments, fails=True).stderr
        assert all(word in said for word in words), (arguments, said)
    kept = run("finetune", model, "--method", "pi", *some, "--dry-run").stderr
    assert "are kept back" in " ".join(kept.split()), kept
    for line in run("finetune", "--help").stdout.splitlines():
        assert len(line) <= 80, line


check_errors()
check_written(check_step_0())
check_kills(6)
