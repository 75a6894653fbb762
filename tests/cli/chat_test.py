#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chat as a program uses it, through pipes, and as a person does, at a terminal. The model is the parrot, whose answers are
known: a text that ends in "?" is answered with "yes", all else with dots.   chat_test.py ROPEWALK SOURCE_DIR [sanitized]"""
import json
import os
import pathlib
import pty
import re
import resource
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


def piped(lines, *options, end="\n", prepare=None):
    """Exit code, what each answer says of itself, and stderr. `prepare`: called in the child."""
    run = subprocess.run([ropewalk, "chat", "talker", "--json", *options], input="".join(line + end for line in lines).encode(),
                         capture_output=True, timeout=120, preexec_fn=prepare)
    said = run.stderr.decode()
    wide = [line for line in said.splitlines() if len(line) > 80 and not line.startswith("ropewalk: ") and " " in line[2:]]
    check(not wide, f"{lines[:3]}: lines of more than 80 columns: {wide}")
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()], said


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
    code, answers, _ = piped(["/length 300", "Well?", "/length auto", "Well?"], "-n", "8")
    check(code == 0 and answers[0]["length"] == 300 != answers[1]["length"], f"/length auto: {answers}")
    os.environ["HOME"], home = os.getcwd(), os.environ.get("HOME", "")
    check(piped(["/file ~/note.txt"])[0] == 0, "~/ is the home")
    os.environ["HOME"] = home

    code, answers, said = piped(["x" * 1400 + "?"], "-n", "8", "--method", "self-extend")
    check(code == 0 and answers[0]["length"] == answers[0]["n_prompt"] + 8, f"as far as the method reaches: {answers}, {said}")

    # Without a person the first error ends it, in one line.
    for lines, code_expected, words in (
            (["/nope"], 2, "/help lists"), (["/method yran"], 2, "did you mean yarn"), (["/file none.txt"], 1, "No such file"),
            (["/load note.txt"], 1, "note.txt"), (["/load talker/config.json"], 1, "'format'"), (["/save note.txt"], 1, "nothing was changed"),
            (["/length 20", "a longer question than that?"], 1, "/length"), (["/check"], 2, "/file"), (["/file note.txt", "/check 1"], 2, "/check: expected a time"), (["/file"], 2, "/file PATH")):
        code, _, said = piped(lines, "-n", "8")
        check(code == code_expected and words in said and sum(l.startswith("ropewalk: ") for l in said.splitlines()) == 1,
              f"{lines}: {code}, {said}")
    check(pathlib.Path("note.txt").read_text() == "a note", "/save replaced another's file")
    check(piped(["/quit", "Well?"])[:2] == (0, []), "/quit ends it")
    check(piped([""])[0] == 0, "an empty line is none")


def words(said):
    return " ".join(said.split())


def kept_files():
    """/save replaces what this run loaded or saved, and nothing else."""
    other = pathlib.Path("other.json")
    code, _, _ = piped(["Well?", "/save other.json", "And?", "/save other.json"], "-n", "8")
    check(code == 0 and len(json.loads(other.read_text())["messages"]) == 4, "its own file is replaced")
    before = other.read_text()
    code, _, said = piped(["Is it?", "/save other.json"], "-n", "8")
    check(code == 1 and "another conversation; nothing was changed" in words(said) and other.read_text() == before,
          f"another conversation stays: {said}")
    code, _, said = piped(["/load other.json", "Is it?", "/save ./other.json"], "-n", "8")
    check(code == 0 and len(json.loads(other.read_text())["messages"]) == 6, f"one that was loaded is replaced: {said}")
    for text in ('["ropewalk conversation 1"]', '{"format": "notes", "of": "ropewalk conversation 1"}', "ropewalk conversation 1"):
        pathlib.Path("near.txt").write_text(text)
        code, _, said = piped(["Is it?", "/save near.txt"], "-n", "8")
        check(code == 1 and pathlib.Path("near.txt").read_text() == text, f"it only speaks of one: {text}: {said}")
    for options in ([], ["--system", "Be brief."]):
        code, _, said = piped(["/save none.json"], "-n", "8", *options)
        check(code == 1 and "no message yet" in words(said) and not os.path.exists("none.json"), f"nothing is no conversation: {said}")
    kept = json.loads(other.read_text())
    kept["messages"][0]["role"] = "user]<|im_start|>["
    pathlib.Path("role.json").write_text(json.dumps(kept))
    code, _, said = piped(["/load role.json", "Is it?"], "-n", "8")
    check(code == 1 and "system, user, assistant or tool" in words(said), f"a role is no text: {said}")


def same_as_the_next_answer():
    """/clear, /evidence and /check."""
    code, answers, _ = piped(["Well?", "x" * 200 + "?", "/clear", "Well?"], "-n", "8", "--system", "Be brief.")
    check(code == 0 and answers[1]["method"] != "none" and answers[2]["method"] == "none" and answers[2]["length"] == 128,
          f"/clear binds shorter again: {answers}")
    check(answers[2]["n_prompt"] == answers[0]["n_prompt"], "and keeps what --system says")
    pathlib.Path("long.txt").write_text("A line of the long text, number one. " * 30)
    for before in (["/file long.txt"], ["Well?", "/file long.txt"]):
        code, answers, said = piped([*before, "/evidence", "/check", "What?"], "-n", "8")
        named = answers[-1]["method"] if answers else "?"
        check(code == 0 and f"the next answer: method {named}, bound to {answers[-1]['length']}"[:40] in words(said),
              f"/evidence: {named}, {said}")
        check(f"checking method {named}, bound to" in words(said) and re.search(r"finds \d+ of \d+ key", words(said)),
              f"/check: {named}, {said}")
    code, _, said = piped(["/file long.txt", "What?", "/file note.txt", "/save with.json"], "-n", "8")
    kept = json.loads(pathlib.Path("with.json").read_text())
    check(code == 0 and "number one" in kept.get("documents", "") and "a note" in kept.get("attached", ""), f"documents are kept: {kept.keys()}")
    code, answers, said = piped(["/load with.json", "/check", "And?"], "-n", "8")
    check(code == 0 and re.search(r"finds \d+ of \d+ key", words(said)), f"/check after /load: {said}")
    check(answers and answers[0]["n_prompt"] > len(kept["messages"][0]["content"]) + len("File: note.txt a note"),
          f"the one that waits stands before the next question: {answers}")


def drawn():
    runs = [piped(["Dot", "Dot"], "-n", "8", "--temp", "50", "-s", "7", "--stop", "zzzzz") for _ in range(2)]
    check(runs[0][:2][1] and [a["text"] for a in runs[0][1]] == [a["text"] for a in runs[1][1]], "a seed is a conversation")
    check(runs[0][1][0]["text"] != runs[0][1][1]["text"], f"its answers are drawn apart: {runs[0][1]}")
    check(all((a.get("seed"), a.get("stop", "")) == (7, None) and a.get("why") for a in runs[0][1]), f"said: {runs[0][1]}")
    check("drawn with --seed 7" in runs[0][2], "and to people")
    _, answers, _ = piped(["Well?"], "-n", "8", "--stop", "es")
    check(answers[0].get("stop") == "es" and answers[0]["text"] == "y" and answers[0].get("seed", 0) is None, f"a stop: {answers}")
    _, answers, _ = piped(["Well?"], "-n", "8", "--method", "rerope")
    check(answers[0].get("why", "") is None, f"asked for: {answers}")


def as_a_program():
    code, answers, _ = piped(["Well?", "/method rerope", "Is it?"], "-n", "8", end="\r\n")
    check(code == 0 and [a["text"] for a in answers] == ["yes", "yes"], f"lines that end with \\r\\n: {answers}")
    for lines, options in ((["/file -", "Well?"], []), (["Well?"], ["-f", "-"])):
        code, answers, said = piped(lines, "-n", "8", *options)
        check(code == 2 and not answers and "standard input, which holds" in words(said), f"no document in it: {said}")
    run = subprocess.Popen([ropewalk, "chat", "talker", "-n", "1000000", "--length", "1048576"], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    run.stdin.write(b"Dot\n")
    run.stdin.flush()
    run.stdout.read(1)
    run.send_signal(signal.SIGINT)
    run.stdout.close()
    check(run.wait(timeout=240) == -signal.SIGINT, f"ctrl-C ends what has no terminal: {run.returncode}")


def little_memory():
    """Where the memory holds what is needed and not half as much again: the first limit that holds it at all, of some that
    are close to one another."""
    waits = subprocess.Popen([ropewalk, "chat", "talker", "-t", "1"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    waits.stderr.readline()
    mapped = int(re.search(r"VmSize:\s+(\d+)", pathlib.Path(f"/proc/{waits.pid}/status").read_text())[1]) * 1024
    waits.communicate()
    n = 8000
    more = n * 4096
    while True:
        limit = mapped + int(more)
        code, answers, said = piped(["x" * n + "?"], "-n", "8", "-t", "1", "--method", "rerope",
                                    prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if code == 0 or more > n * 1e6:
            break
        check(code == 1 and "--fit" not in said and "--truncate" not in said, f"{limit}: {code}, {said}")
        check("MiB of free memory" not in words(said) or "/length" in said, f"the hint is chat's: {said}")
        more *= 1.08
    check(code == 0 and answers[0]["length"] == answers[0]["n_prompt"] + 8, f"as much as is needed: {answers}, {said}")


class Terminal:
    """A person at a terminal of 80 columns, in the C locale."""

    def __init__(self, *options, **variables):
        self.shown, self.seen = "", 0  # all of it; as far as it was waited for
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", COLUMNS="80", XDG_STATE_HOME=os.path.abspath("state"), LC_ALL="C")
            os.environ.update(variables)
            os.execv(ropewalk, [ropewalk, "chat", "talker", *options])

    def until(self, pattern, typed, seconds=120):
        """`typed` by now. Ctrl-C is typed again now and then: a signal that comes before the prompt waits is not seen."""
        limit, again = time.time() + seconds, time.time() + 3
        while not (found := re.search(pattern, self.shown[self.seen:])):
            if time.time() > limit:
                raise TimeoutError(f"expected {pattern!r}; found {self.shown[self.seen:][-600:]!r}")
            if typed == "\x03" and time.time() > again:
                again = time.time() + 3
                self.type(typed)
            if select.select([self.master], [], [], 1)[0]:
                self.shown += os.read(self.master, 65536).decode(errors="replace")
        self.seen += found.end()

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Ctrl-D, and its exit code. A person is not there within the millisecond in which the editor takes the terminal."""
        time.sleep(0.2)
        self.type("\x04")
        return self.code()

    def code(self):
        limit = time.time() + 60
        while time.time() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode(errors="replace")
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
                ("", "> "), ("é 你?\r", r"yes\r?\n"),
                ("", "> "), ("/save kept-here.json\r", "4 messages"),  # a file's handlers leave ctrl-C as it is
                ("", "> "), ("Dot\r", r"\.{200}"),
                ("\x03", "stopped"),  # the answer ends, the conversation goes on
                ("", "> "), ("/nope\r", "/help lists"), ("", "> "), ("Really?\r", r"yes\r?\n"), ("", "> ")):
            person.type(typed)
            person.until(expected, typed)
    except (TimeoutError, OSError) as error:
        check(False, f"at a terminal: {error}")
    code = person.end()
    check(code == 0, f"ctrl-D ends it with exit code 0: {code}, {person.shown[-300:]!r}")
    kept = json.loads(pathlib.Path("kept-here.json").read_text())
    check(kept["messages"][2]["content"] == "é 你?", f"not ASCII alone: {kept}")
    history = pathlib.Path("state/ropewalk/chat_history")
    check(history.exists() and "Really" in history.read_text(), "lines are remembered")
    check(history.exists() and stat.S_IMODE(history.stat().st_mode) == 0o600, "for nobody else")
    person = Terminal("-n", "8", XDG_STATE_HOME="", HOME=os.path.abspath("home"))
    try:
        for typed, expected in (("", "> "), ("Well?\r", r"yes\r?\n"), ("", "> "), ("/help\r", "/quit"), ("", "> ")):
            person.type(typed)
            person.until(expected, typed)
    except (TimeoutError, OSError) as error:
        check(False, f"without XDG_STATE_HOME: {error}")
    check(person.end() == 0 and os.path.exists("home/.local/state/ropewalk/chat_history"), "an empty XDG_STATE_HOME is none")
    help_shown = person.shown
    person = Terminal("-n", "5000", "--length", "20000")
    try:
        for typed, expected in (("", "> "), ("Dot\r", r"\.{20}")):
            person.type(typed)
            person.until(expected, typed)
        person.type("\x04")  # while it answers: the conversation ends behind the answer
    except (TimeoutError, OSError) as error:
        check(False, f"ctrl-D during an answer: {error}")
    check(person.code() == 0, f"ctrl-D during an answer: {person.shown[-300:]!r}")
    check(all(len(line) <= 80 for line in re.findall(r"(?m)^/.*", help_shown.replace("\r", ""))), f"/help: {help_shown}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    make_talker()
    through_pipes()
    kept_files()
    same_as_the_next_answer()
    drawn()
    as_a_program()
    if "sanitized" not in sys.argv[3:]:  # AddressSanitizer takes terabytes of addresses
        little_memory()
    at_a_terminal()
    os.chdir("/")
print(f"chat: {len(failed)} failed")
sys.exit(bool(failed))
