# SPDX-License-Identifier: Apache-2.0
"""At the edges of `ropewalk serve`: answers larger than a socket takes, work of clients that have gone, lists, lengths that fit no
memory, files beside a model that are damaged, models that take turns. Called by serve_test.py."""
import json
import os
import pathlib
import shutil
import signal
import time

import served
from answers import Asked, merged
from served import Server, as_body, request_bytes

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
MIB = 1 << 20


def refused(check, answer, status, param, what):
    check(answer.status == status and answer.error.get("param") == param, f"{what}: expected {status} of {param}; found {answer}")
    message = answer.error.get("message", "")
    check(message.count("; hint: ") <= 1 and message.count(" expected ") <= 1, f"{what}: said once: {message}")


def echo_of_many(a: Asked):
    """A long prompt's logprobs come in parts, all of them, to who reads."""
    ids = [(7 * i) % 2000 + 1 for i in range(3000)]
    asked = {"model": "short", "prompt": ids, "echo": True, "logprobs": 20, "max_tokens": 4, "temperature": 0, "n": 2, "method": "none"}
    whole = a.server.post(COMPLETIONS, asked, timeout=120)
    a.check(whole.status == 200 and len(whole.body) > 2 * MIB, f"a whole answer of {len(whole.body) / MIB:.1f} MiB")
    largest, events = 0, []
    for event in a.server.stream(COMPLETIONS, {**asked, "stream": True}, timeout=120):
        largest = max(largest, len(json.dumps(event)))
        events.append(event)
    a.check(events[-1] == "[DONE]" and largest < 1.5 * MIB, f"a streamed one ends, its largest event has {largest / MIB:.1f} MiB")
    choices = merged(events[:-1])
    for choice, expected in zip(choices, whole.json["choices"]):
        for key in ("text", "logprobs", "finish_reason"):
            a.check(choice[key] == expected[key], f"streamed as whole: {key} of choice {expected['index']}")


def gone_with_bodies(a: Asked):
    """Nothing is done for who has gone, and what waits has a bound."""
    text = a.text * 640
    body = as_body({"model": "short", "content": text[:7_900_000]})
    before, start = a.server.memory(), time.monotonic()
    for _ in range(40):
        with a.server.connect() as connection:
            connection.send(request_bytes("POST", "/tokenize", body))
    slowest = 0.0
    while time.monotonic() - start < 3 * min(served.SLOW, 3):
        asked = time.monotonic()
        a.check(a.server.get("/health").status == 200, "/health")
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.02)
    a.check(slowest < 0.1 * served.SLOW, f"/health beside the bodies of 40 who have gone: {1e3 * slowest:.0f} ms")
    a.check(a.server.post("/tokenize", {"model": "short", "content": "a"}, timeout=60).status == 200, "others are answered")
    if served.SLOW == 1:
        more = a.server.memory() - before
        a.check(more < 320 * MIB, f"their bodies take {more / MIB:.0f} MiB")


def many_prompts(a: Asked):
    """However many are read at once, a step is as long as it may be."""
    for n in (8, 12, 15):
        steps = a.server.metrics()["ropewalk_n_decode_total"]
        prompts = [[(7 * i + 31 * each) % 2000 + 1 for i in range(220)] for each in range(n)]
        answer = a.server.post(COMPLETIONS, {"model": "short", "prompt": prompts, "max_tokens": 1, "cache_prompt": False}, timeout=120)
        a.check(answer.status == 200 and len(answer.json["choices"]) == n, f"{n} prompts: {answer}")
        steps = a.server.metrics()["ropewalk_n_decode_total"] - steps
        a.check(served.SLOW > 1 or steps < 110, f"{n} prompts of 220 tokens are read in {steps:.0f} steps")


def methods_of_a_list(a: Asked):
    """Each answer says its own method, and why."""
    long_one = [(7 * i) % 2000 + 1 for i in range(700)]
    for prompts in ([[5, 6, 7], long_one], [long_one, [5, 6, 7]]):
        fields = {"model": "short", "prompt": prompts, "max_tokens": 2, "temperature": 0, "method": "auto"}
        value = a.server.post(COMPLETIONS, fields).json
        for prompt, choice in zip(prompts, value["choices"]):
            short = len(prompt) < 256
            a.check((choice["method"] == "none") == short and str(len(prompt) + 2) in choice["method_why"].replace(",", ""),
                    f"method of {len(prompt)} tokens: {choice.get('method')}, {choice.get('method_why')}")
        a.check("method" not in value, "none stands for both")
        said = {}
        for event in a.server.stream(COMPLETIONS, {**fields, "stream": True}):
            if event != "[DONE]" and "method" in event:
                said[event["choices"][0]["index"]] = event["method"]
        a.check(said == {i: choice["method"] for i, choice in enumerate(value["choices"])}, f"streamed: {said}")
    value = a.server.post(COMPLETIONS, {"model": "short", "prompt": [[5], [6]], "max_tokens": 1}).json
    a.check(value["method"] == "none" and "method" not in value["choices"][0], "where they agree it is said once")


def what_is_written(a: Asked):
    """A field is read where it does something, and else refused."""
    post = a.server.post
    base = {"model": "talker", "max_tokens": 1}
    for path, more, param in (
            (COMPLETIONS, {"return_tokens": True}, "return_tokens"), (COMPLETIONS, {"timings_per_token": True}, "timings_per_token"),
            (COMPLETIONS, {"return_progress": True}, "return_progress"), (COMPLETIONS, {"stream_options": {}}, "stream_options"),
            (CHAT, {"return_tokens": True}, "return_tokens"), (CHAT, {"stream_options": {"include_usage": True}}, "stream_options"),
            (CHAT, {"stream": True, "stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
            ("/completion", {"stream": True, "stream_options": {}}, "stream_options"),
            ("/tokenize", {"max_tokens": None, "add_generation_prompt": False}, "add_generation_prompt"),
            ("/apply-template", {"max_tokens": None, "add_generation_prompt": False}, "add_generation_prompt"),
            ("/choose", {"max_tokens": None, "n": 5, "text": "a"}, "n")):
        talk = [{"role": "user", "content": "a"}]
        rest = {"messages": talk} if path in (CHAT, "/tokenize", "/apply-template") else {} if path == "/choose" else {"prompt": "a"}
        if path == "/completion":
            rest["max_tokens"] = None
        refused(a.check, post(path, {**base, **rest, **more}), 400, param, f"{path} with {more}")
    for name, value in (("name", "Ann"), ("refusal", "no"), ("tool_calls", [{}])):
        answer = post(CHAT, {**base, "messages": [{"role": "user", "content": "a", name: value}]})
        refused(a.check, answer, 400, f"messages[0].{name}", f"a message's {name}")
    for more in ({"tools": []}, {"metadata": {"a": "b"}}, {"add_generation_prompt": True}):
        a.check(post(CHAT, {**base, "messages": [{"role": "user", "content": "a"}], **more}).status == 200, f"{more} is taken")
    timed = [e for e in a.server.stream(COMPLETIONS, {"model": "short", "prompt": "a", "max_tokens": 3, "stream": True, "timings_per_token": True})
             if e != "[DONE]" and "timings" in e]
    a.check(len(timed) == 4, f"timings with each token: {len(timed)}")
    for method in ("rerope:window=0", "yarn:factor=0", "rerop"):
        for path, body in ((COMPLETIONS, {"prompt": "a"}), ("/choose", {"n": 600}), ("/check", {"text": "a b"})):
            refused(a.check, post(path, {"model": "short", "method": method, **body}), 400, "method", f"{path} under {method}")


def what_fits(a: Asked):
    """What the memory does not hold is refused by the field, with what it does hold."""
    for path, more in ((COMPLETIONS, {"prompt": "a"}), (CHAT, {"messages": [{"role": "user", "content": "a"}]})):
        answer = a.server.post(path, {"model": "talker", "max_tokens": 2_000_000_000, "method": "none", **more})
        refused(a.check, answer, 400, "max_tokens", f"{path}: more than any memory holds")
        message = answer.error.get("message", "")
        a.check("2000000000" in message and "tokens at most, prompt and answer" in message, f"it names both numbers: {message}")
    choice = a.server.post("/choose", {"model": "short", "n": 300, "n_predict": 2_000_000_000, "method": "none"}).json
    a.check(choice["fits"] is False and choice["bytes"] > 1 << 40 and choice["most"] > 300, f"an answer counts: {choice}")
    a.check(choice["limit"] == "context" or choice["bytes"] > choice["most"], f"it says what does not hold it: {choice}")
    choice = a.server.post("/choose", {"model": "short", "n": 400_000, "method": "streaming-llm"}).json
    a.check(choice["fits"] is True and choice["bytes"] < 200 * MIB, f"a window keeps what it sees: {choice}")


def parts_of_characters(a: Asked):
    """Tokens that are no whole character are told apart, and every likely one is there."""
    value = a.server.post(COMPLETIONS, {"model": "talker", "prompt": "漢字", "max_tokens": 4, "logprobs": 20, "temperature": 0, "echo": True}).json
    said = value["choices"][0]["logprobs"]
    tops = [top for top in said["top_logprobs"] if top]
    a.check(tops and all(len(top) == 20 for top in tops), f"20 likely ones of each: {[len(top) for top in tops]}")
    a.check(not any("\ufffd" in name for name in said["tokens"]), f"no replacement characters: {said['tokens']}")


def echo_in_parts(check, binary, _):
    """A prompt that is read in parts is echoed in whole characters."""
    with Server(binary, "talker", "--chunk", "16") as server:
        asked = {"prompt": "漢字交じり文🙂naïve " * 9, "max_tokens": 3, "logprobs": 1, "temperature": 0, "echo": True}
        whole = server.post(COMPLETIONS, asked).json["choices"][0]
        choice = merged(server.stream(COMPLETIONS, {**asked, "stream": True}))[0]
        check(choice["text"] == whole["text"] and "\ufffd" not in whole["text"], f"in parts: {choice['text']!r}, at once: {whole['text']!r}")


def bare_names(a: Asked):
    """/choose takes every method that an answer takes."""
    for method in a.server.get("/props?model=short").json["methods"]:
        name = method["name"]
        answer = a.server.post("/completion", {"model": "short", "prompt": [5] * 300, "n_predict": 1, "method": name})
        chosen = a.server.post("/choose", {"model": "short", "n": 301, "method": name})
        a.check(chosen.status == answer.status, f"/choose of {name}: {chosen}, its answer: {answer}")
        if answer.status == 200:
            a.check(chosen.json["fits"] is True and chosen.json["most"] > 300, f"/choose of {name}: {chosen}")


def heads_alone(a: Asked):
    """What one request said of its head does not hold for the next; odd ones are answered by the letter."""
    with a.server.connect() as connection:
        connection.send(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.answer("HEAD")
        connection.send(b"GET nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.answer()
        a.check(answer.status == 400 and answer.error.get("message"), f"a bad request behind HEAD has a body: {answer}")
    with a.server.connect() as connection:
        connection.send(b"\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        a.check(connection.answer().status == 200, "an empty line before a request")
    for lines, status in ((b"Host: localhost\r\nExpect: wonders", 417), (b"Host: localhost:evil", 403), (b"Host: [::1]:80", 200),
                          (b"Host: localhost:80\r\nOrigin: ftp://localhost:80", 403), (b"Host: a\r\nOrigin: http://a", 403)):
        with a.server.connect() as connection:
            connection.send(b"GET /slots HTTP/1.1\r\n" + lines + b"\r\n\r\n")
            a.check(connection.answer().status == status, f"{lines} is {status}")
    refused(a.check, a.server.post("/tokenize", b'{"content": "a"}\0{"b": 1}'), 400, None, "JSON behind a NUL byte")
    with a.server.connect() as connection:
        connection.send(b"GET /tokenize HTTP/1.1\r\nHost: localhost\r\n\r\n")
        a.check(connection.answer().headers.get("allow") == "POST", "Allow")
    with a.server.connect() as connection:
        connection.send(request_bytes("POST", "/health", b"{}"))
        a.check(connection.answer().headers.get("allow") == "GET, HEAD", "Allow: GET, HEAD")


def bound_alike(a: Asked):
    """The room for an answer changes no method up to an eighth of the prompt; /choose and /check are of the same one."""
    ids = a.ids(a.text)[:1100]
    said = {a.server.post("/completion", {"model": "short", "prompt": ids, "n_predict": n}).json["method"] for n in (1, 40, 130)}
    a.check(len(said) == 1, f"one method for all: {said}")
    chosen = a.server.post("/choose", {"model": "short", "n": 1100}).json["method"]
    a.check(said == {chosen}, f"/choose says it: {chosen}")
    text = a.text[:4000]
    n = len(a.ids(text)) + 1
    chosen = a.server.post("/choose", {"model": "short", "text": text}).json
    checked = a.server.post("/check", {"model": "short", "text": text, "seconds": 5}, timeout=120).json
    a.check(chosen["n"] == n and checked["method"] == chosen["method"] and ":" in chosen["method"], f"/check is of it: {checked['method']}")
    for method in ("layer-pi", "ms-poe"):  # no one spec has what its layers or heads are bound to
        n_bound = a.server.post("/choose", {"model": "short", "text": text, "method": method}).json["bound"]
        checks = [a.server.post("/check", {"model": "short", "text": text, "method": each, "seconds": 5}, timeout=120).json
                  for each in (method, f"{method}:factor={n_bound / 256:g}", f"{method}:factor={n / 256:g}")]
        losses = [each["check"]["loss"] for each in checks]
        a.check(losses[0] == losses[1] != losses[2], f"{method} is checked as it is bound to {n_bound}: {losses}, {[each['method'] for each in checks]}")


def ends_a_check(check, binary, model):
    text = (pathlib.Path(__file__).parents[2] / "data/persuasion.txt").read_text(encoding="utf-8")[3000:90000 if served.SLOW == 1 else 33000]
    for stream in (False, True):
        with Server(binary, model) as server, server.connect(timeout=60) as connection:
            connection.send(request_bytes("POST", "/check", as_body({"text": text, "seconds": 600, "stream": stream})))
            time.sleep(1.5 * min(served.SLOW, 3))
            start = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            answer = connection.answer()
            said = answer.body.decode()
            check(answer.status in ((200, 503) if stream else (503,)) and "ending" in said, f"a check is told that the server ends: {said[-200:]}")
            check(server.process.wait(20 * served.SLOW) == 0 and time.monotonic() - start < 4 * served.SLOW, "and it ends")


def damaged_settings(check, binary, model):
    """What tune left matters where auto asks for it, and no path is told."""
    copy = os.path.abspath("damaged.gguf")
    shutil.copy(model, copy)
    pathlib.Path("damaged.gguf.ropewalk.json").write_text("{}", encoding="utf-8")
    with Server(binary, copy) as server:
        ids = list(range(1, 400))
        for fields, status in (({"prompt": "a"}, 200), ({"prompt": ids, "method": "rerope"}, 200), ({"prompt": ids}, 500)):
            answer = server.post(COMPLETIONS, {"max_tokens": 1, **fields})
            check(answer.status == status, f"damaged settings, {str(fields)[-30:]}: {answer}")
        check("/" not in answer.error.get("message", "/"), f"no path: {answer}")
        check("damaged" in server.stderr(), "the log says which")
    os.remove(copy)
