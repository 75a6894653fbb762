# SPDX-License-Identifier: Apache-2.0
"""Parts of serve_test.py: several models that share a budget, and a model's files that are written to."""
import os
import shutil
import subprocess
import threading
import time

import served
from served import Server, beside
from split_set import split_set

COMPLETIONS = "/v1/completions"
MIB = 1 << 20
LARGE = "word " * 1_400_000  # takes longer to read than a model to load


def turns(check, binary, model):
    """Of several models, of which one fits, each is had in its turn, from several clients without a pause too."""
    size = os.path.getsize(model)
    with Server(binary, f"a={model}", f"b={model}", f"c={model}", "--memory", f"{1.9 * size / MIB:.3f}M") as server:
        for name in "abcabcbcbc":
            answer = server.post(COMPLETIONS, {"model": name, "prompt": "a", "max_tokens": 1}, timeout=60)
            check(answer.status == 200 and answer.json["model"] == name, f"{name} in its turn: {answer}")
        over, served_of = threading.Event(), []

        def greedy():
            while not over.is_set():
                server.post("/tokenize", {"model": "a", "content": "a"}, timeout=60)
        threads = [threading.Thread(target=greedy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            served_of.append(server.post("/tokenize", {"model": "b", "content": "a"}, timeout=60).status)
        over.set()
        for thread in threads:
            thread.join()
        check(served_of == [200] * 5, f"b beside clients of a: {served_of}")
        # Large bodies alone, and beside small ones without a pause: a load serves its own request.
        for small in ((), ("a", "b") * 2):
            over, stop = threading.Event(), time.monotonic() + 40 * served.SLOW

            def ask(name, text):
                start = time.monotonic()
                status, took = server.post("/tokenize", {"model": name, "content": text}, timeout=120).status, time.monotonic() - start
                check((status == 200 or (status == 429 and served.SLOW > 1)) and took < 8 * served.SLOW, f"{name}, {len(text)} bytes, beside {len(small)} small: {status} after {took:.1f} s")

            def greedy(name, over=over, stop=stop):
                while not over.is_set() and time.monotonic() < stop:
                    server.post("/tokenize", {"model": name, "content": "a"}, timeout=120)
            threads = [threading.Thread(target=greedy, args=(name,)) for name in small]
            for thread in threads:
                thread.start()
            beside(*(lambda name=name: [ask(name, LARGE) for _ in range(2)] for name in "aabb"))
            over.set()
            for thread in threads:
                thread.join()


def waits(check, binary, model):
    """Who waits for room does so once, whoever stands before; a model in use goes on."""
    size = os.path.getsize(model)
    with Server(binary, f"a={model}", f"b={model}", "--memory", f"{1.5 * size / MIB:.3f}M", "-c", "200000") as server:
        stream = server.stream(COMPLETIONS, {"model": "a", "prompt": "a", "max_tokens": 190000, "stream": True, "logit_bias": {"0": -100}})
        next(stream)
        start, took = time.monotonic(), {}

        def ask(i, name, text="a"):
            time.sleep(0.5 * (name == "a"))
            answer = server.post("/tokenize", {"model": name, "content": text}, timeout=200)
            took[i] = (name, answer.status, time.monotonic() - start)
        beside(*(lambda i=i, name=name: ask(i, name) for i, name in enumerate("bbbba")), lambda: ask(5, "a", LARGE))
        for name, status, seconds in took.values():
            check(status == (200 if name == "a" else 429) and seconds < 8 * min(served.SLOW, 3), f"{name}: {status} after {seconds:.1f} s")
        stream.close()


def written_to(check, binary, model):
    """A model one of whose files is written to is loaded anew: a file, and a set of two."""
    one = {"prompt": "some other words", "max_tokens": 8, "temperature": 0}
    shutil.copy(model, "written.gguf")
    first_of_set = split_set(model, os.getcwd())
    for name, file in (("written.gguf", "written.gguf"), (first_of_set, first_of_set.replace("00001-of", "00002-of"))):
        with Server(binary, os.path.abspath(name)) as server:
            def same(what, server=server, name=name):
                answer = server.post(COMPLETIONS, one)
                check(answer.status == 200 and answer.json["choices"] == first.json["choices"], f"{name}, {what}: {answer}")
            first = server.post(COMPLETIONS, one)
            with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
                n_maps = sum(line.rstrip().endswith(os.path.basename(file)) for line in maps)
            os.utime(file)
            same("touched")
            check(server.stderr().count("loaded anew") == 1, f"it is said once: {server.stderr()[-300:]}")
            whole = open(file, "rb").read()
            os.truncate(file, 4096)
            answer = server.post(COMPLETIONS, one)
            check(answer.status == 500 and "expected" in server.stderr(), f"cut between two requests: {answer}, {server.stderr()[-300:]}")
            with open(file, "r+b") as again:
                again.write(whole)
            same("whole again")
            texts = []
            for _ in range(4):  # while a text of it runs: once that has ended it is forgotten
                texts.append(server.stream(COMPLETIONS, {"prompt": "a", "max_tokens": 4000, "stream": True, "logit_bias": {"0": -100}}))
                next(texts[-1])
                os.utime(file)
                same("touched while a text runs")
                texts[-1].close()
            check(server.idle(3), f"{name}: all have ended")
            same("at last")
            with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
                n = sum(line.rstrip().endswith(os.path.basename(file)) for line in maps)
            check(n == n_maps, f"{name}: {n} mappings of a file that was mapped {n_maps} times")


def written_while_waiting(check, binary, model):
    """A file that is cut and made whole again while its load waits for room: it is read as it is then."""
    other = os.path.abspath("waits.gguf")
    shutil.copy(model, other)
    size = os.path.getsize(model)
    for whole in (False, True):
        with Server(binary, f"a={model}", f"b={other}", "--memory", f"{1.5 * size / MIB:.3f}M", "-c", "200000") as server:
            stream = server.stream(COMPLETIONS, {"model": "a", "prompt": "a", "max_tokens": 190000, "stream": True, "logit_bias": {"0": -100}})
            next(stream)
            got = []
            asking = threading.Thread(target=lambda server=server, got=got: got.append(
                server.post(COMPLETIONS, {"model": "b", "prompt": "a", "max_tokens": 3, "temperature": 0}, timeout=60)))
            asking.start()
            time.sleep(0.5)
            os.truncate(other, 4096)
            if whole:
                shutil.copyfile(model, other)
            stream.close()
            asking.join()
            check(server.alive() and got[0].status == (200 if whole else 500), f"whole again: {whole}: {got[0]}, {server.stderr()[-300:]}")
        shutil.copyfile(model, other)


def never_fits(check, binary, model):
    """A model that no budget holds is refused at once, and nobody goes for it; with a room for weights it holds that much of it."""
    with Server(binary, f"a={model}", "b=talker", "--memory", f"{1.2 * os.path.getsize(model) / MIB:.3f}M") as server:
        for asked, status in (("a", 200), ("b", 500), ("a", 200)):
            start = time.monotonic()
            answer = server.post("/tokenize", {"model": asked, "content": "a"}, timeout=60)
            check(answer.status == status and time.monotonic() - start < 3 * served.SLOW, f"{asked}: {answer}")
            check(status == 200 or "--weight-memory" in answer.error.get("message", ""), f"{asked}: who asks hears why: {answer}")
        check("b: expected weights of" in server.stderr(), f"the log says it at the start: {server.stderr()[-300:]}")
    with Server(binary, f"a={model}", "b=talker", "--memory", f"{1.2 * os.path.getsize(model) / MIB:.3f}M",
                "--weight-memory", f"{0.5 * os.path.getsize(model) / MIB:.3f}M") as server:
        sizes = [each["meta"]["size"] for each in server.get("/v1/models").json["data"]]
        check(min(sizes) > os.path.getsize(model) / 2, f"sizes are those of the models, not of the room: {sizes}")
        for asked in ("a", "b", "a"):
            answer = server.post("/tokenize", {"model": asked, "content": "a"}, timeout=60)
            check(answer.status == 200, f"{asked}, read from the disk: {answer}")


def cut_file(check, binary, model):
    """A file that is cut short while it is read ends the server with a word."""
    copy = os.path.abspath("cut.gguf")
    shutil.copy(model, copy)
    with Server(binary, copy, "-c", "100000") as server:
        stream = server.stream(COMPLETIONS, {"prompt": "a", "max_tokens": 90000, "stream": True, "logit_bias": {"0": -100}})
        next(stream)
        os.truncate(copy, 4096)
        try:
            code = server.process.wait(3 * served.SLOW)
            check(code == 1 and "cut short" in server.stderr(), f"cut in the middle of an answer: {code}, {server.stderr()[-300:]}")
        except subprocess.TimeoutExpired:
            check(next(stream)["choices"], "what was read of it is in memory: it goes on")
    shutil.copy(model, copy)
    with Server(binary, copy) as server:
        shutil.copy(model, "other.gguf")
        os.replace("other.gguf", copy)
        check(server.post(COMPLETIONS, {"prompt": "a", "max_tokens": 1}).status == 200, "another that is put in its place by mv")
    os.remove(copy)
