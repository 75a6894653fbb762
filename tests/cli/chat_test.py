#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chat as a program uses it, through pipes, and as a person does, at a terminal. The model is the parrot, whose answers are
known: a text that ends in "?" is answered with "yes", all else with dots.   chat_test.py ROPEWALK SOURCE_DIR"""
import json
import os
import pathlib
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time

ropewalk, source = sys.argv[1], pathlib.Path(sys.argv[2])
failed = []


def check(holds, what):
    if not holds:
        failed.append(what)
        print("FAILED:", what)


def make_talker():
    subprocess.run([source / "tests/cli/make_parrot.py", "talker", "128"], check=True)
    path = pathlib.Path("talker/tokenizer_config.json")
    config = json.loads(path.read_text())
    config["chat_template"] = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    path.write_text(json.dumps(config))


def piped(lines, *options):
    """Exit code, what each answer says of itself, and stderr."""
    run = subprocess.run([ropewalk, "chat", "talker", "--json", *options], input="\n".join(lines) + "\n", text=True,
                         capture_output=True, timeout=120)
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()], run.stderr


def through_pipes():
    code, answers, _ = piped(["Well?", "Is it?", "Dot"], "-n", "8")
    check(code == 0 and [a["text"] for a in answers] == ["yes", "yes", "........"], f"three answers: {answers}")
    check([a["reason"] for a in answers] == ["stop", "stop", "length"], "reasons")
    check(answers[0]["n_cached"] == 0, "the first question is read whole")
    # What was read and written is not read again: the prompt less what is new in it.
    check(answers[1]["n_prompt"] - answers[1]["n_cached"] <= len("[assistant]yes[user]Is it?"), f"cached: {answers[1]}")
    check(all(a["method"] == "none" and a["length"] == 128 for a in answers), "plain RoPE in the trained length")

    # Past it: another method, all read again, once; then there is room.
    code, answers, said = piped(["Well?", "x" * 200 + "?", "And?"], "-n", "8")
    check(code == 0 and [a["text"] for a in answers] == ["yes"] * 3, f"past the trained length: {answers}")
    check(answers[1]["method"] != "none" and answers[1]["n_cached"] == 0, "read anew under another method")
    check(answers[2]["length"] == answers[1]["length"] and answers[2]["n_cached"] > 200, f"and once: {answers[2]}")
    check("is read again, once" in " ".join(said.split()), "it is said that all is read again")

    # Documents, a conversation that is kept, and one that goes on.
    pathlib.Path("note.txt").write_text("a note")
    code, answers, said = piped(["/file note.txt", "Well?", "/save kept.json", "/method", "/length"], "-n", "8")
    check(code == 0 and answers[0]["n_prompt"] > len("File: note.txt a note"), "a document stands before the question")
    kept = json.loads(pathlib.Path("kept.json").read_text())
    check([m["role"] for m in kept["messages"]] == ["user", "assistant"] and "a note" in kept["messages"][0]["content"],
          f"kept: {kept}")
    code, answers, _ = piped(["/load kept.json", "Well?"], "-n", "8")
    check(code == 0 and answers[0]["n_prompt"] > len(kept["messages"][0]["content"]), "a kept conversation goes on")
    code, answers, _ = piped(["Well?", "/clear", "Well?"], "-n", "8")
    check(answers[0]["n_prompt"] == answers[1]["n_prompt"], "/clear begins anew")
    code, answers, _ = piped(["/method rerope", "/length 300", "Well?"], "-n", "8")
    check(answers[0]["method"].startswith("rerope") and answers[0]["length"] == 300, f"what was asked for: {answers}")

    # Without a person the first error ends it, in one line.
    for lines, code_expected, words in (
            (["/nope"], 2, "/help lists"), (["/method yran"], 2, "did you mean yarn"), (["/file none.txt"], 1, "No such file"),
            (["/load note.txt"], 1, "note.txt"), (["/load talker/config.json"], 1, "'format'"), (["/save note.txt"], 1, "nothing was changed"),
            (["/length 20", "a longer question than that?"], 1, "/length"), (["/check"], 2, "/file"), (["/file"], 2, "/file PATH")):
        code, _, said = piped(lines, "-n", "8")
        check(code == code_expected and words in said and sum(l.startswith("ropewalk: ") for l in said.splitlines()) == 1,
              f"{lines}: {code}, {said}")
    check(pathlib.Path("note.txt").read_text() == "a note", "/save replaced another's file")
    check(piped(["/quit", "Well?"])[:2] == (0, []), "/quit ends it")
    check(piped([""])[0] == 0, "an empty line is none")


class Terminal:
    """A person at a terminal of 80 columns."""

    def __init__(self, *options):
        self.shown, self.seen = "", 0  # all of it; as far as it was waited for
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", COLUMNS="80", XDG_STATE_HOME=os.path.abspath("state"))
            os.execv(ropewalk, [ropewalk, "chat", "talker", *options])

    def until(self, pattern, seconds=30):
        limit = time.time() + seconds
        while not (found := re.search(pattern, self.shown[self.seen:])):
            if time.time() > limit:
                raise TimeoutError(f"expected {pattern!r}; found {self.shown[self.seen:][-600:]!r}")
            if select.select([self.end], [], [], 1)[0]:
                self.shown += os.read(self.end, 65536).decode(errors="replace")
        self.seen += found.end()

    def type(self, text):
        os.write(self.end, text.encode())

    def code(self):
        for _ in range(100):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    os.read(self.end, 65536)
                except OSError:  # it has closed the terminal
                    time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        return None


def at_a_terminal():
    person = Terminal("-n", "100000", "--length", "200000")
    try:
        for typed, expected in (
                ("", "> "), ("Well?\r", r"yes\r?\n"), ("", "> "),
                ("\x03", "ctrl-D or /quit"),  # at the prompt: it stays
                ("", "> "), ("/save kept-here.json\r", "2 messages"),  # a file's handlers leave ctrl-C as it is
                ("", "> "), ("Dot\r", r"\.{200}"),
                ("\x03", "stopped"),  # the answer ends, the conversation goes on
                ("", "> "), ("/nope\r", "/help lists"), ("", "> "), ("Really?\r", r"yes\r?\n"), ("", "> "), ("\x04", "")):
            person.type(typed)
            person.until(expected)
    except (TimeoutError, OSError) as error:
        check(False, f"at a terminal: {error}")
    check(person.code() == 0, "ctrl-D ends it with exit code 0")
    history = pathlib.Path("state/ropewalk/chat_history")
    check(history.exists() and "Really" in history.read_text(), "lines are remembered")
    check(history.exists() and stat.S_IMODE(history.stat().st_mode) == 0o600, "for nobody else")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    make_talker()
    through_pipes()
    at_a_terminal()
    os.chdir("/")
print(f"chat: {len(failed)} failed")
sys.exit(bool(failed))
