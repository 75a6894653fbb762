#!/usr/bin/env python3
"""What ropewalk finetune says: the time left of all of it, doubts before it starts, texts that are none, going on.

    tests/cli/finetune_told_test.py ROPEWALK MODEL REPOSITORY
"""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time

ropewalk, model, repository = sys.argv[1:4]
data = pathlib.Path(repository) / "data"
folder = pathlib.Path(tempfile.mkdtemp())
TRAIN, JUDGE = str(data / "northangerabbey.txt"), str(data / "persuasion.txt")
SETTINGS = ["--length", "512", "--text", TRAIN, "--held-out", JUDGE, "--documents", "5", "--tasks", "tail", "--against",
            "window", "--batch", "512", "--rate", "1e-3"]


def run(*arguments, fails=False):
    done = subprocess.run([ropewalk, "finetune", model, *arguments], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout, " ".join(done.stderr.split())


def check_time_left():
    """Percents are of the whole command: they never fall, and end near 100 once, at the last look of the last start."""
    reader, writer = pty.openpty()
    process = subprocess.Popen([ropewalk, "finetune", model, "--compare", "pi", "yarn", "none", *SETTINGS, "--steps", "12",
                                "--looks", "4", "8"], stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    said = b""
    while True:
        try:
            piece = os.read(reader, 65536)
        except OSError:
            break
        if not piece:
            break
        said += piece
    assert process.wait() == 0, said
    text = said.decode()
    percents = [int(p) for p in re.findall(r"\] +(\d+) %", text)]
    assert len(percents) >= 5 and percents == sorted(percents), percents
    begun = re.search(r"\] +(\d+) %[^\r]*none \d+/12", text)
    assert begun and 25 <= int(begun[1]) < 100, text[-2000:]
    print(f"{len(percents)} percents from {percents[0]} to {percents[-1]}, never back")


def check_texts():
    rows = [{"id": n, "text": "It was a dark and stormy night. " * 40} for n in range(9)]
    bad = {"lines.jsonl": "\n".join(map(json.dumps, rows)), "named.txt": "\n\n" + "\n".join(map(json.dumps, rows)) + "\n",
           "whole.json": json.dumps(rows, indent=1)}
    for name, text in bad.items():
        (folder / name).write_text(text)
        for place in (["--text", str(folder / name)], ["--text", TRAIN, "--held-out", str(folder / name)]):
            said = run("--method", "pi", "--length", "512", *place, fails=True)[1]
            assert name in said and "plain text" in said and "JSON" in said, said
            assert "whole" in name or "jq -r .text" in said, said
    braces = folder / "braces.txt"  # a text may begin as JSON does
    braces.write_text("{a story}\n[of brackets]\n" + pathlib.Path(TRAIN).read_text())
    run("--method", "pi", "--length", "512", "--text", str(braces), "--dry-run")


def check_doubts():
    out, said = run("--method", "pi", *SETTINGS[:6], "--documents", "2", "--steps", "9", "--dry-run")
    assert "this can show nothing: 5 or more are needed; --documents 5 takes enough" in said, said
    short = folder / "short.txt"
    short.write_text(pathlib.Path(TRAIN).read_text()[:60000])
    out, said = run("--method", "pi", "--length", "4k", "--text", str(short), "--steps", "90", "--dry-run", "--json")
    plan = json.loads(out)
    assert plan["passes"] > 4 and len(plan["doubts"]) == 2 and plan["seconds"] > 0, plan
    assert plan["settings"]["steps"] == 90 and plan["settings"]["length"] == 4096, plan
    assert "more than the longest has" in said and "learnt by heart" in said, said
    out, said = run("--method", "pi", *SETTINGS, "--steps", "9", "--dry-run", "--json")
    assert json.loads(out)["doubts"] == [] and "note:" not in said and "1 text of 512 tokens" in said, said
    said = run("--method", "pi", *SETTINGS, "--steps", "9", "--looks", "10", "25", fails=True)[1]
    assert "--looks" in said and "--steps" in said, said


def check_going_further():
    """Steps are added to a finished run as if it had been one."""
    base = ["--method", "pi", *SETTINGS, "--warm-up", "1", "--looks", "3"]
    whole, parts = folder / "whole", folder / "parts"
    run(*base, "--steps", "6", "--out", str(whole))
    run(*base, "--steps", "3", "--out", str(parts))
    said = run(*base, "--steps", "3", "--out", str(parts), "--resume")[1]
    assert "was finished before" in said, said
    assert json.loads((parts / "1-pi/written.json").read_text()) == {"step": 3}
    (parts / "1-pi/model.gguf.part").write_text("half of one that was killed")
    said = run(*base, "--steps", "6", "--out", str(parts), "--resume")[1]
    assert "goes on to 6 steps" in said and "was finished before" not in said, said
    assert json.loads((parts / "1-pi/written.json").read_text()) == {"step": 6} and not list(parts.rglob("*.part"))
    for note in "", '{"step": 3}', "{}":  # torn by a power failure, of another step, of none: written again
        (parts / "1-pi/written.json").write_text(note)
        (parts / "1-pi/model.gguf").write_text("torn")
        run(*base, "--steps", "6", "--out", str(parts), "--resume")
        assert (whole / "1-pi/model.gguf").read_bytes() == (parts / "1-pi/model.gguf").read_bytes(), note
    for name in ["1-pi/model.gguf", "1-pi/adapter/adapter_model.safetensors"]:
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name
    found = [[look["loss"]["mean"] for look in json.loads((o / "recovery.json").read_text())["starts"][0]["looks"]]
             for o in (whole, parts)]
    assert found[0] == found[1] and len(found[0]) == 3, found
    for steps, look, rate in [("5", "3", "1e-3"), ("9", "4", "1e-3"), ("9", "3", "1e-4")]:
        said = run("--method", "pi", *SETTINGS[:-1], rate, "--warm-up", "1", "--looks", look, "--steps", steps, "--out",
                   str(parts), "--resume", fails=True)[1]
        assert "finetune.json" in said, said
    print("3 steps and 3 more are 6 steps: the same bits")


def check_further_that_ends():
    """More steps end by a spike: the model that was finished stays, and it is said of which step it is."""
    base = ["--method", "pi", *SETTINGS[:-1], "1", "--tail", "16", "--full", "--warm-up", "100", "--looks", "2"]
    out = folder / "further"
    assert "--warm-up 100 is longer than the 2 steps" in run(*base, "--steps", "2", "--out", str(out))[1]
    finished = (out / "1-pi/model.gguf").read_bytes()
    for _ in range(2):
        shown, said = run(*base, "--steps", "60", "--out", str(out), "--resume", fails=True)
        assert "expected a loss below 4 times" in said, said
        assert "from before there is still" in shown and "of step 2" in " ".join(shown.split()), shown
        assert (out / "1-pi/model.gguf").read_bytes() == finished
    assert "of step 2" in json.loads((out / "recovery.json").read_text())["written"][0]


def check_harmed():
    """What training has made worse is written, and said to be so where it is named."""
    out = folder / "harmed"
    shown = run("--method", "none", *SETTINGS[:-1], "0.003", "--full", "--warm-up", "0", "--steps", "3", "--looks", "3",
                "--out", str(out))[0]
    written = json.loads((out / "recovery.json").read_text())["written"]
    assert written[0] == "none: training made it worse, and what follows of it is not to be used:", (written, shown)
    assert "model.gguf" in written[1] and written[0] in " ".join(shown.split()), shown


def check_stop():
    """Begun, and gone on with, when files were written before and behind the word's handler was set."""
    out = folder / "stopped"
    for resume in [], ["--resume"]:
        process = subprocess.Popen([ropewalk, "finetune", model, "--method", "pi", *SETTINGS, "--steps", "5000", "--out",
                                    str(out), *resume], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        begin = time.time()
        while not ((out / "1-pi").exists() and (out / "recovery.html").stat().st_mtime > begin):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        assert process.returncode == -signal.SIGINT and "the same command with --resume goes on" in said, (resume, said)
        assert not list(out.rglob("*.part")), list(out.rglob("*.part"))


check_texts()
check_doubts()
check_time_left()
check_going_further()
check_further_that_ends()
check_harmed()
check_stop()
