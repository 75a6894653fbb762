#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that no careful client writes: every field of every route with every odd value, mutated JSON, mutated HTTP and what is
known to smuggle requests. Only 4xx comes back, or a right 200 where a mutation does no harm; 5xx never, but for 501, 503 and 505.

    tests/server/malformed_test.py ROPEWALK models/short-256.gguf [sanitized] [--requests 3000] [--seed 1]

A third of the requests each; of fields and values at most all, the rest is mutated JSON."""
import argparse
import concurrent.futures
import json
import os
import random
import re
import sys
import time

import http_cases
import json_fields
import served

parser = argparse.ArgumentParser()
parser.add_argument("binary", type=os.path.abspath)
parser.add_argument("model", type=os.path.abspath)
parser.add_argument("sanitized", nargs="?")
parser.add_argument("--requests", type=int, default=3000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--batch", type=int, default=200, help="requests between two looks at /health")
parser.add_argument("--workers", type=int, default=12)
args = parser.parse_args()
if args.sanitized:
    served.SLOW = 20
check = served.Checks("malformed")
LEAKS = re.compile(r"0x[0-9a-f]{6,}|std::|\.cpp|basic_string|bad_alloc|terminate|Traceback")


def allowed(status):
    return status in (200, 501, 503, 505) or 400 <= status < 500


def body_holds(answer, what):
    """An answer's body is what its status says: JSON, or a stream that ends; an error has its shape and tells nothing inner."""
    if answer.status == 200:
        try:
            if answer.headers.get("content-type", "").startswith("text/event-stream"):
                list(served.events([answer.body]))
            elif answer.body:
                answer.body.decode("utf-8")
        except (ValueError, served.Failed) as error:
            check(False, f"{what}: {error} in {answer}")
        return
    error = answer.error
    check({"message", "type", "param", "code"} <= set(error) and error["code"] == answer.status, f"{what}: no error object: {answer}")
    check(not LEAKS.search(error.get("message", "")), f"{what}: tells of the inside: {answer}")


def field_case(server, path, name, text):
    """One field with a value, given as JSON text."""
    body = json_fields.body_with(path, name, text)
    what = f"{path} with {name}: {text[:40]!r}"
    answer = server.post(path, body, timeout=120)
    if not check(allowed(answer.status) and answer.status < 500, f"{what}: {answer}"):
        return
    body_holds(answer, what)
    if path.endswith("/chat/completions") and answer.status == 400 and answer.error.get("param") == "messages":
        return  # the model has no chat template: that is said where nothing else is wrong, or before what only its prompt tells
    expected = json_fields.expected(path, name, text)
    if expected == 400 and answer.status != 429:
        param = answer.error.get("param")
        check(answer.status in (400, 413), f"{what}: expected 400; found {answer}")
        named = param is None if not json_fields.is_json(text) else str(param).startswith(name)
        check(answer.status != 400 or named or not json_fields.clear(text), f"{what}: names {param!r}")
    elif expected == 200:
        check(answer.status in (200, 429), f"{what}: expected 200; found {answer}")


def json_case(server, path, body):
    answer = server.post(path, body, timeout=120)
    what = f"{path} {body[:200]!r}"
    if check(allowed(answer.status) and answer.status < 500, f"{what}: {answer}"):
        body_holds(answer, what)
        if not json_fields.is_json(body):
            check(answer.status == 400, f"{what}: is no JSON, and {answer.status}")


def exchange(server, data, patience):
    """What comes back for these bytes: answers, and whether the server closed the connection. Silence of `patience` ends it."""
    answers, closed = [], False
    connection = server.connect(timeout=20)
    try:
        try:
            connection.send(data)
        except OSError:
            pass  # it has answered and closed; the answer may still be read
        connection.socket.settimeout(patience * served.SLOW)
        while True:
            if not connection.pending and not connection.more():
                closed = True
                break
            connection.socket.settimeout(5 * min(served.SLOW, 4))  # under the minute that a body may take
            answers.append(connection.answer())
            connection.socket.settimeout(patience * served.SLOW)
    except TimeoutError:
        if connection.pending:
            raise served.Failed(f"half an answer: {connection.pending[:100]!r}") from None
    except ConnectionError:
        closed = True
    finally:
        connection.close()
    return answers, closed


def http_case(server, case):
    answers, closed = exchange(server, case.data(server.port), case.patience)
    what = f"{case.name}: {[a.status for a in answers]}, {'closed' if closed else 'open'}"
    check(all(allowed(a.status) for a in answers), f"{what}: {answers[:2]}")
    for answer in answers:
        body_holds(answer, what)
    if case.statuses:
        check(answers[0].status in case.statuses if answers else closed or case.may_wait, f"{what}: expected one of {case.statuses}")
    if case.ends and (answers or not case.may_wait):
        check(closed, f"{what}: the connection goes on")
        check(len(answers) <= 1, f"{what}: what stood behind it was answered: {answers[1:]}")
    check(not any(b'"owned_by"' in a.body for a in answers) or not case.hides, f"{what}: a request was smuggled")


def mutated_http_case(server, data):
    try:
        answers, _ = exchange(server, data, 0.15)
    except served.Failed as error:
        check(False, f"{data[:200]!r}: {error}")
        return
    for answer in answers:
        if check(allowed(answer.status), f"{data[:200]!r}: {answer}"):
            body_holds(answer, repr(data[:200]))


def healthy(server, when):
    start = time.monotonic()
    try:
        answer = server.get("/health")
        check(answer.status == 200 and time.monotonic() - start < 1 * served.SLOW, f"/health {when}: {answer}, {time.monotonic() - start:.2f} s")
    except (OSError, served.Failed) as error:
        check(False, f"/health {when}: {error}, exit code {server.process.poll()}, {server.stderr()[-500:]}")


def in_batches(server, name, function, cases):
    """Each case by one of some workers, with a look at /health between batches. Stops where the server is dead."""
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        for i in range(0, len(cases), args.batch):
            jobs = [pool.submit(function, server, *case) for case in cases[i:i + args.batch]]
            for job, case in zip(jobs, cases[i:]):
                try:
                    job.result()
                except (OSError, served.Failed, ValueError) as error:
                    check(False, f"{name}: {str(case)[:300]}: {type(error).__name__}: {error}")
                if not server.alive():
                    check(False, f"{name}: the server died: {server.process.poll()}, near {str(case)[:300]}: {server.stderr()[-2000:]}")
                    sys.exit(check.end())
            healthy(server, f"after {name} {i}")
    print(f"{name}: {len(cases)} requests, {time.monotonic() - start:.1f} s", flush=True)


def split_anywhere(server, draw):
    """However a right request is cut, it is the same request."""
    data = http_cases.post("/tokenize", b'{"content": "a night"}')(server.port)
    whole = server.post("/tokenize", {"content": "a night"}).json
    for _ in range(40):
        cuts = sorted(draw.sample(range(1, len(data)), draw.randrange(1, 6)))
        with server.connect() as connection:
            for begin, end in zip([0, *cuts], [*cuts, len(data)]):
                connection.send(data[begin:end])
                time.sleep(draw.choice((0, 0, 0.001)))
            check(connection.answer().json == whole, f"cut at {cuts}")


def main():
    draw = random.Random(args.seed)
    share = args.requests // 3
    with served.Server(args.binary, args.model, "-c", "512", "--time-limit", "60s", "--cache-memory", "16M") as server:
        server.post("/v1/completions", {"prompt": "a", "max_tokens": 4})
        memory = None
        fields = json_fields.cases()
        draw.shuffle(fields)
        in_batches(server, "fields", field_case, fields[:share])
        memory, descriptors = server.memory(), server.descriptors()
        mutated = []
        for _ in range(share + max(0, share - len(fields))):
            path = draw.choice(list(json_fields.BODIES))
            mutated.append((path, json_fields.mutated(draw, json.dumps(json_fields.BODIES[path]).encode())))
        in_batches(server, "mutated JSON", json_case, mutated)
        named = http_cases.named()
        in_batches(server, "HTTP by name", http_case, [(case,) for case in named])
        base = http_cases.right(server.port)
        in_batches(server, "mutated HTTP", mutated_http_case, [(http_cases.mutated(draw, draw.choice(base)),) for _ in range(share)])
        check.part(split_anywhere, server, draw)
        check(server.idle(12), "nothing is left at work")
        left = server.settled_descriptors(descriptors)
        check(left <= descriptors, f"{left} descriptors, before {descriptors}")
        grown = server.memory() - memory
        print(f"memory grew by {grown / 1048576:.1f} MiB after the first third; descriptors {descriptors} to {left}")
        check(args.sanitized or grown < 32 << 20, f"memory grew by {grown / 1048576:.1f} MiB")
        check(server.stop() == 0, f"it ends well: {server.process.poll()}, {server.stderr()[-500:]}")
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
