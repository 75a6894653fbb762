# SPDX-License-Identifier: Apache-2.0
"""What the server refuses, and how; who may ask; connections. Parts of serve_test.py."""
import base64
import os
import signal
import socket
import subprocess
import time

from answers import PROMPT, Asked
from served import SLOW, Failed, Server, beside, request_bytes

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
TALK = [{"role": "user", "content": "Well?"}]
TYPES = {401: "authentication_error", 404: "not_found_error", 429: "overloaded_error"}
# Shortest bodies that are right, for every route that takes one.
BODIES = {COMPLETIONS: {"prompt": "a", "max_tokens": 1}, CHAT: {"messages": TALK, "max_tokens": 1},
          "/chat/completions": {"messages": TALK, "max_tokens": 1}, "/completion": {"prompt": "a", "n_predict": 1},
          "/completions": {"prompt": "a", "n_predict": 1}, "/tokenize": {"content": "a"}, "/detokenize": {"tokens": [1]},
          "/apply-template": {"messages": TALK}, "/choose": {"n": 10}, "/check": {"text": "a b", "seconds": 5}}
ROUTES = {"/v1/models": "GET", "/models": "GET", "/props": "GET", "/slots": "GET", "/metrics": "GET", "/": "GET",
          "/page.js": "GET", "/page.css": "GET", **{path: "POST" for path in BODIES}}


def refused(check, answer, status, param, what):
    """An error by the contract: its status, type, code and the field that it names. `param` "": any."""
    error = answer.error
    held = check(answer.status == status and error.get("code") == status and isinstance(error.get("message"), str) and error["message"] and
                 answer.headers.get("content-type", "").startswith("application/json"), f"{what}: expected {status}; found {answer}")
    if not held:
        return
    expected = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    check(error["type"] == expected, f"{what}: type {error['type']}, not {expected}")
    check("param" in error and (param == "" or error["param"] == param), f"{what}: names {error.get('param')!r}, not {param!r}")


def unsupported_fields(a: Asked):
    post = a.server.post
    fields = {
        COMPLETIONS: {"suffix": "x", "best_of": 3, "grammar": "root ::= x", "json_schema": {}, "no_such_field": 1, "n": 9, "logprobs": 21,
                      "prompt_logprobs": 21, "stop": ["x"] * 17, "temperature": -1, "top_p": 1.5, "max_tokens": -2, "seed": "a",
                      "stream": 1, "echo": "yes", "method": "yran", "logit_bias": {"5000": 1}, "stream_options": {"no": 1},
                      "messages": TALK, "n_predict": 4, "mirostat": 2, "dry_multiplier": 1, "samplers": ["top_k"], "lora": [],
                      "response_format": {"type": "json_object"}, "min_p": 2, "top_k": -5, "repeat_penalty": -1, "cache_prompt": 3,
                      "presence_penalty": "a", "frequency_penalty": [], "id_slot": 0, "ignore_eos": 5},
        CHAT: {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto", "functions": [], "function_call": "auto",
               "response_format": {"type": "json_object"}, "audio": {"voice": "a"}, "modalities": ["audio"], "top_logprobs": 21,
               "logprobs": 3, "reasoning_effort": "low", "chat_template_kwargs": {"tokenize": True}, "chat_template": "x", "prompt": "a",
               "parallel_tool_calls": True, "prediction": {}, "web_search_options": {}, "max_completion_tokens": "a", "Temperature": 1,
               "store": True, "echo": True, "messages": "hello", "add_generation_prompt": 7},
        "/completion": {"grammar": "root ::= x", "json_schema": {}, "n_keep": "a", "dry_base": 1, "max_tokens": 4, "image_data": [],
                        "n_probs": 1000, "input_prefix": "a"},
        "/tokenize": {"no_such_field": 1}, "/detokenize": {"no_such_field": 1}, "/apply-template": {"tools": [{"type": "function"}]},
        "/choose": {"no_such_field": 1}, "/check": {"no_such_field": 1}}
    for path, wrong in fields.items():
        for name, value in wrong.items():
            answer = post(path, {"model": "talker", **BODIES[path], name: value})
            param = answer.error.get("param")
            named = param if param and str(param).startswith(name) else name  # messages[0].role names messages
            refused(a.check, answer, 400, named, f"{path} with {name}: {str(value)[:40]}")
    for message in ({"role": "user"}, {"content": "a"}, {"role": "wizard", "content": "a"}, {"role": "user", "content": [{"type": "image_url"}]},
                    {"role": "user", "content": 5}, "a", {"role": "user", "content": "a", "no_such": 1}):
        answer = post(CHAT, {"model": "talker", "messages": [message]})
        a.check(answer.status == 400 and str(answer.error.get("param")).startswith("messages"), f"message {message}: {answer}")
    a.check(post(CHAT, {"model": "talker", "messages": []}).status == 400, "no messages")
    for path in (COMPLETIONS, CHAT, "/completion", "/tokenize"):
        answer = post(path, {**BODIES[path], "model": "none"})
        a.check(answer.status in (400, 404) and answer.error.get("param") == "model", f"{path}: a model that is not there: {answer}")
    for name, value in (("stop", None), ("stop", "x"), ("seed", None), ("logprobs", None), ("user", "x"), ("tool_choice", "none"), ("n", None)):
        path = CHAT if name == "tool_choice" else COMPLETIONS
        a.check(post(path, {"model": "talker", **BODIES[path], name: value}).status == 200, f"{path} takes {name}: {value}")


def wrong_bodies(a: Asked):
    post = a.server.post
    for body in (b"", b"{", b"[]", b"5", b"null", b'"a"', b'{"prompt": NaN}', b'{"prompt": "a",}', b"{'prompt': 'a'}", b'{"prompt": "\xff"}',
                 b'{"prompt": "a"} x', b'{"prompt": "a"}{"prompt": "a"}', b'{"prompt": 01}', b'{"prompt": "a\nb"}', b"\xef\xbb\xbf{",
                 b'{"prompt": ' + b"[" * 65 + b"]" * 65 + b"}", b"[" * 1_000_000, b'{"a":' * 500_000):
        for path in (COMPLETIONS, "/tokenize") if len(body) < 1000 else (COMPLETIONS,):
            start = time.monotonic()
            refused(a.check, post(path, body), 400, "", f"{path} {body[:40]}")
            a.check(time.monotonic() - start < 1 * SLOW, f"{body[:20]}: refused at once, not after {time.monotonic() - start:.1f} s")
    deep = {"model": "talker", "prompt": "a", "max_tokens": 1, "logit_bias": {"1": 1}}
    a.check(post(COMPLETIONS, deep).status == 200, "some depth is no matter")


def wrong_routes(a: Asked):
    request, check = a.server.request, a.check
    for path in ("/nope", "/v1", "/v1/", "/v1/nope", "/v1/completions/", "//health", "/v2/models", "/slots/0", "/v1/embeddings", "/page", "/page.js/",
                 "/../etc/passwd", "/%2e%2e/etc/passwd", "/page.js%00", "/tokenizer_info"):
        refused(check, request("GET", path), 404, None, f"GET {path}")
        refused(check, request("POST", path, b"{}"), 404, None, f"POST {path}")
    for path, right in ROUTES.items():
        for verb in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if verb != right:
                answer = request(verb, path, None if verb in ("GET", "DELETE") else b"{}")
                refused(check, answer, 405, None, f"{verb} {path}")
                check(right in answer.headers.get("allow", ""), f"{verb} {path}: Allow: {answer.headers.get('allow')}")
    check(request("OPTIONS", COMPLETIONS).status == 405, "OPTIONS")
    check(a.server.get("/health?x=1").status == 200, "a query")


def wrong_requests(a: Asked):
    check, body = a.check, b'{"model": "talker", "prompt": "a", "max_tokens": 1}'
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "json", ""):
        refused(check, a.server.post(COMPLETIONS, body, [("Content-Type", kind)]), 415, None, f"Content-Type: {kind}")
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"):
        check(a.server.post(COMPLETIONS, body, [("Content-Type", kind)]).status == 200, f"Content-Type: {kind}")
    with a.server.connect() as connection:  # before it is sent
        connection.send(request_bytes("POST", COMPLETIONS, b"", [("Content-Length", str(9 << 20))]))
        refused(check, connection.answer(), 413, None, "a body of 9 MiB")
        check(connection.ended(), "a body that is not read ends the connection")
    with a.server.connect() as connection:
        connection.send(request_bytes("POST", COMPLETIONS, b"", [("Content-Length", None), ("Transfer-Encoding", "chunked")]))
        try:
            for _ in range(140):
                connection.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            pass  # refused while it is sent
        try:
            refused(check, connection.answer(), 413, None, "chunks of 9 MiB")
        except (Failed, ConnectionError):
            check(True, "reset with unread data: the answer may be lost")
    large = a.server.post(COMPLETIONS, b'{"model": "talker", "max_tokens": 1, "prompt": ' + b" " * (7 << 20) + b'"a"}')
    check(large.status == 200, f"7 MiB of spaces: {large}")
    for lines in ([("X-Long", "a" * 17000)], [(f"X-{i}", "a" * 100) for i in range(200)]):
        with a.server.connect() as connection:
            connection.send(request_bytes("GET", "/health", headers=lines))
            answer = connection.answer()
            check(answer.status in (400, 431) and connection.ended(), f"headers of more than 16 KiB: {answer}")
    check(a.server.get("/health", [(f"X-{i}", "a") for i in range(20)]).status == 200, "twenty headers")


def host_and_origin(a: Asked):
    check, get, port = a.check, a.server.get, a.server.port
    for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", f"localhost:{port}", f"LocalHost:{port}", "[::1]", f"[::1]:{port}", "192.168.1.7"):
        check(get("/v1/models", [("Host", host)]).status == 200, f"Host: {host}")
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "0x7f000001", "localhost.",
                 "[::1].evil.example", "user@127.0.0.1", "127.0.0.1:80:80", ""):
        answer = get("/v1/models", [("Host", host)])
        check(answer.status in (400, 403) and answer.error, f"Host: {host!r}: {answer}")
        check(answer.status == 403 or "example" not in host or "[" in host, f"Host: {host!r} is 403: {answer}")
    check(get("/v1/models", [("Host", None)]).status == 400, "HTTP/1.1 without Host")
    own = f"http://127.0.0.1:{port}"
    for origin, right in ((own, True), (None, True), ("http://evil.example", False), ("null", False), (f"{own}.evil.example", False),
                          (f"https://127.0.0.1:{port}", True), (f"http://127.0.0.1:{port % 60000 + 1}", False), ("", False)):
        answer = a.server.post("/tokenize", {"content": "a"}, [("Host", f"127.0.0.1:{port}"), ("Origin", origin)])
        check(answer.status == (200 if right else 403), f"Origin: {origin}: {answer}")
        check("access-control-allow-origin" not in answer.headers, "no leave for other sites")


def connections(a: Asked):
    check, one = a.check, request_bytes("GET", "/health", close=False)
    post = request_bytes("POST", "/tokenize", b'{"content": "a"}', close=False)
    with a.server.connect() as connection:
        for _ in range(20):
            connection.send(one)
            check(connection.answer().status == 200, "kept alive")
            connection.send(post)
            check(connection.answer().status == 200, "and a POST")
        connection.send(one + post + one)
        answers = [connection.answer() for _ in range(3)]
        check([x.status for x in answers] == [200] * 3 and "tokens" in answers[1].json, f"three at once, in their order: {answers}")
        connection.send(one + request_bytes("GET", "/nope", close=False) + one)
        check([connection.answer().status for _ in range(3)] == [200, 404, 200], "an error by its body leaves the connection")
        connection.send(request_bytes("GET", "/health"))
        check(connection.answer().headers.get("connection", "").lower() == "close" and connection.ended(), "Connection: close")
    with a.server.connect() as connection:
        connection.send(b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        check(connection.answer().status == 200 and connection.ended(), "HTTP/1.0 ends it")
    with a.server.connect() as connection:
        connection.send(request_bytes("POST", "/tokenize", b"", [("Content-Length", None), ("Transfer-Encoding", "chunked")]) +
                        b'5;x=y\r\n{"con\r\n0b\r\ntent": "a"}\r\n0\r\n\r\n')
        check(connection.answer().json.get("tokens") is not None, "a body in chunks")
    with a.server.connect() as connection:  # as curl asks before a large body
        body = b'{"content": "a"}'
        head = request_bytes("POST", "/tokenize", body, [("Expect", "100-continue")])[:-len(body)]
        connection.send(head)
        status = connection.line() if connection.more() else ""
        check(" 100 " in status + " ", f"Expect: 100-continue: {status!r}")
        connection.line()
        connection.send(body)
        check(connection.answer().status == 200, "and then the answer")
    whole = a.server.get("/health")
    with a.server.connect() as connection:
        for byte in request_bytes("GET", "/health"):
            connection.send(bytes([byte]))
        check(connection.answer().body == whole.body, "byte for byte")
    stream = a.server.connect()
    stream.send(request_bytes("POST", COMPLETIONS, b'{"model": "short", "prompt": "a", "max_tokens": 3, "stream": true}', close=False))
    with stream:
        answer = stream.answer()
        check(answer.headers["content-type"].startswith("text/event-stream") and answer.body.endswith(b"data: [DONE]\n\n"), f"{answer.headers}")
        check(answer.headers.get("cache-control", "").startswith("no-"), "no cache keeps a stream")
        if answer.headers.get("transfer-encoding") == "chunked":
            stream.send(one)
            check(stream.answer().status == 200, "after a stream")


def long_request(server, n=3000, **more):
    return server.stream(COMPLETIONS, {"prompt": PROMPT, "max_tokens": n, "temperature": 0, "logit_bias": {"0": -100},
                                       "method": "rerope:window=64", "stream": True, **more})


def cancelled(check, server):
    stream = long_request(server)
    next(stream)
    check(len(server.slots()) == 1, "one is at work")
    stream.close()
    check(server.idle(), "a client that left in the middle of a stream: its place is free")
    with server.connect() as connection:  # while the prompt is read
        ids = [(7 * i) % 2000 + 1 for i in range(3500)]
        connection.send(request_bytes("POST", COMPLETIONS, str({"prompt": ids, "max_tokens": 1, "cache_prompt": False}).replace("'", '"')
                                      .replace("False", "false").encode()))
        time.sleep(0.05)
    check(server.idle(), "one that left while its prompt was read")
    several = [long_request(server) for _ in range(5)]
    for stream in several:
        next(stream)
        if stream is several[1]:
            break
    waiting = [server.connect() for _ in range(3)]
    for connection in waiting:
        connection.send(request_bytes("POST", COMPLETIONS, b'{"prompt": "a", "max_tokens": 2000}'))
    time.sleep(0.1)
    for connection in waiting:
        connection.close()
    for stream in several:
        stream.close()
    check(server.idle(), "some that waited, and left")
    check(server.metrics()["ropewalk_cancelled_total"] >= 3, "they are counted")


def full_queue(check, server):
    """A server with two places and one more in the queue, and most 4,000 tokens."""
    running = [long_request(server) for _ in range(2)]
    for stream in running:
        next(stream)
    waiting = server.connect()
    waiting.send(request_bytes("POST", COMPLETIONS, b'{"prompt": "a", "max_tokens": 1}'))
    time.sleep(0.1)
    check(any(slot["state"] == "queued" for slot in server.slots()), f"one waits: {server.slots()}")
    start = time.monotonic()
    answer = server.post(COMPLETIONS, {"prompt": "a", "max_tokens": 1})
    refused(check, answer, 429, None, "a full queue")
    check(answer.headers.get("retry-after") == "1" and time.monotonic() - start < 0.5 * SLOW, f"at once: {answer.headers}")
    check(server.get("/health").status == 200, "it is well")
    for stream in running:
        stream.close()
    check(waiting.answer().status == 200, "who waited comes next")
    waiting.close()
    check(server.idle(), "and all is done")


def too_long(check, server):
    for fields, param in (({"prompt": list(range(1, 2001)) * 3, "max_tokens": 1}, "prompt"), ({"prompt": "a", "max_tokens": 4001}, "max_tokens"),
                          ({"prompt": "a", "max_tokens": 10 ** 9}, "max_tokens"), ({"prompt": [5] * 3999, "max_tokens": 500}, "max_tokens")):
        answer = server.post(COMPLETIONS, fields)
        refused(check, answer, 400, param, f"more than fits: {str(fields)[-60:]}")
        check(any(c.isdigit() for c in answer.error.get("message", "")), f"it says what would fit: {answer}")


def keys(check, binary, model):
    key = "sk-a-key-of-this-test-0123456789abcdef"
    with open("keys", "w", encoding="ascii") as file:
        file.write(f"{key}\nanother-key-0123456789abcdef\n")
    os.chmod("keys", 0o600)
    with Server(binary, model, "--api-key-file", "keys", "--host", "127.0.0.1", "--allow-host", "model.example") as server:
        check(server.get("/health").status == 200 and server.request("HEAD", "/health").status == 200, "/health needs no key")
        bearer = [("Authorization", f"Bearer {key}")]
        wrong = [[], [("Authorization", "Bearer x")], [("Authorization", f"Bearer {key}x")], [("Authorization", f"Bearer {key[:-1]}")],
                 [("Authorization", key)], [("Authorization", "Bearer ")], [("Authorization", "Basic !!!")],
                 [("Authorization", "Basic " + base64.b64encode(b"user:x").decode())], [("X-Api-Key", "x")]]
        for path, verb in ROUTES.items():
            for headers in wrong:
                body = b"{}" if verb == "POST" else None
                answer = server.request(verb, path, body, headers)
                refused(check, answer, 401, None, f"{verb} {path} with {headers}")
            check("basic" in answer.headers.get("www-authenticate", "").lower(), f"{path}: a browser asks: {answer.headers}")
            check(server.request(verb, path, b"{}" if verb == "POST" else None, bearer).status not in (401, 403), f"{path} with the key")
        for path in ("//v1/models", "/v1/models/", "/%761/models", "/health/../v1/models", "/health%2f..%2fv1/models", "/v1/models?a", "/V1/models",
                     "/health;/v1/models", "/health/v1/models", "/./v1/models", "/nope", "*", "http://127.0.0.1/v1/models", "/health?/../v1/models"):
            answer = server.get(path)
            check(answer.status in (400, 401, 404) or (path.startswith("/health?") and b"object" not in answer.body), f"{path} without a key: {answer}")
        basic = [("Authorization", "Basic " + base64.b64encode(f"any:{key}".encode()).decode())]
        check(server.get("/v1/models", basic).status == 200, "the key as a password")
        check(server.get("/v1/models", [("Authorization", "Bearer another-key-0123456789abcdef")]).status == 200, "the second key")
        check(server.get("/v1/models", [("Authorization", f"bearer {key}")]).status == 200, "schemes are of any case")
        check(server.get("/v1/models", [*bearer, ("Host", "model.example")]).status == 200, "--allow-host")
        check(server.get("/v1/models", [*bearer, ("Host", "other.example")]).status == 403, "others are not allowed")
        check(key not in server.stderr() and key[-8:] not in server.stderr(), "no key is logged")
        check(server.stop() == 0, "SIGTERM while idle")
    for options in (["--port", "0", "--host", "0.0.0.0"], ["--port", "0", "--host", "::"], ["--port", "0", "--api-key-file", "none"],
                    ["--port", "70000"]):
        done = subprocess.run([binary, "serve", model, *options], capture_output=True, text=True, timeout=20 * SLOW, check=False)
        check(done.returncode not in (0, -6, -11) and done.stderr.strip(), f"{options}: {done.returncode}, {done.stderr[-200:]}")
    check("--api-key-file" in subprocess.run([binary, "serve", model, "--port", "0", "--host", "0.0.0.0"], capture_output=True, text=True,
                                             timeout=20 * SLOW, check=False).stderr, "for others than this machine: a key")


def signals(check, binary, model):
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server(binary, model) as server:
            start = time.monotonic()
            check(server.stop(number) == 0 and time.monotonic() - start < 2 * SLOW, f"signal {number} while idle: {server.process.poll()}")
    with Server(binary, model, "-c", "4000") as server:
        stream = long_request(server, 1500)
        text = next(stream)["choices"][0]["text"]
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        try:
            late = server.post(COMPLETIONS, {"prompt": "a", "max_tokens": 1}).status
        except (OSError, Failed):
            late = 503
        check(late == 503, f"no new request: {late}")
        rest = list(stream)
        check(len(rest) > 100 and rest[-1] == "[DONE]" and rest[-2]["choices"][0]["finish_reason"], f"who is at work is finished: {text!r}")
        check(server.process.wait(10 * SLOW) == 0, "and then it ends")
    with Server(binary, model, "-c", "100000") as server:
        stream = long_request(server, 90000)
        next(stream)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        check(server.alive(), "it waits for who is at work")
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        check(server.process.wait(20 * SLOW) is not None and time.monotonic() - start < 2 * SLOW, "a second signal ends it at once")


def taken_port(check, binary, model, server):
    done = subprocess.run([binary, "serve", model, "--port", str(server.port)], capture_output=True, text=True, timeout=20 * SLOW, check=False)
    check(done.returncode not in (0, -6, -11) and str(server.port) in done.stderr, f"a port that is taken: {done.returncode}, {done.stderr[-200:]}")
    with Server(binary, model, "--no-page") as other:
        check(other.get("/").status == 404 and other.get("/page.js").status == 404, "--no-page")
        check(socket.gethostbyname("localhost") == "127.0.0.1" and other.host == "127.0.0.1", f"this machine alone: {other.url}")
        answers = beside(*(lambda: other.post(COMPLETIONS, {"prompt": PROMPT, "max_tokens": 5, "temperature": 0}).json["choices"] for _ in range(8)))
        check(all(x == answers[0] for x in answers), "no model is named: there is one")
