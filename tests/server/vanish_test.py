#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that vanish at random moments, are slow, do not read, or come by the hundred; a server that is killed. Afterwards all
places are free, descriptors and memory are what they were, and every stream had the bits of its single run.

    tests/server/vanish_test.py ROPEWALK models/short-256.gguf [sanitized] [--clients 300] [--seconds 8] [--slow-sockets 500]
                                [--streams 64] [--seed 1] [--only PART...]
    as measured: --clients 10000 --slow-sockets 900 --streams 256 --seconds 600"""
import argparse
import os
import random
import resource
import signal
import socket
import sys
import threading
import time

import served
from served import END, Failed, Server, request_bytes
from slow_sockets import SlowSockets

COMPLETIONS = "/v1/completions"
MIB = 1 << 20
parser = argparse.ArgumentParser()
parser.add_argument("binary", type=os.path.abspath)
parser.add_argument("model", type=os.path.abspath)
parser.add_argument("sanitized", nargs="?")
parser.add_argument("--clients", type=int, default=300)
parser.add_argument("--at-once", type=int, default=24, help="of the clients that vanish")
parser.add_argument("--seconds", type=float, default=8)
parser.add_argument("--slow-sockets", type=int, default=500)
parser.add_argument("--streams", type=int, default=64)
parser.add_argument("--unread", type=int, default=20, help="streams that nobody reads")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", nargs="+", default=[], help="names of parts")
args = parser.parse_args()
if args.sanitized:
    served.SLOW = 20
check = served.Checks("vanish")
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16) if hard > 0 else 1 << 16, hard))


def body_of(draw, n_prompt=None, n=None):
    """A request whose answer is long enough to be left."""
    n_prompt = n_prompt or draw.choice((3, 60, 600, 3000))
    return {"prompt": [draw.randrange(1, 2000) for _ in range(n_prompt)], "max_tokens": n or draw.choice((1, 20, 400)),
            "method": draw.choice(("none", "rerope:window=64", "yarn:factor=4")), "stream": draw.random() < 0.7,
            "temperature": draw.choice((0, 1)), "seed": draw.randrange(1000), "logprobs": draw.choice((0, 5))}


def vanish(server, draw, counts):
    """One client that leaves at one moment."""
    moment = draw.choice(("connect", "header", "body", "queue", "reading", "first bytes", "stream", "last", "whole"))
    with counts["lock"]:
        counts[moment] = counts.get(moment, 0) + 1
    value = body_of(draw)
    data = request_bytes("POST", COMPLETIONS, served.as_body(value), close=draw.random() < 0.5)
    head = data.index(b"\r\n\r\n") + 4
    with server.connect(timeout=60) as connection:
        if moment == "connect":
            time.sleep(draw.random() * 0.01)
        elif moment == "header":
            connection.send(data[:draw.randrange(1, head)])
        elif moment == "body":
            connection.send(data[:draw.randrange(head, len(data))])
        else:
            connection.send(data)
            if moment == "reading":
                time.sleep(draw.random() * 0.05)
            elif moment == "first bytes":
                connection.socket.recv(draw.randrange(1, 400))
            elif moment == "stream":
                connection.socket.settimeout(3 * served.SLOW)  # it may wait behind a whole answer
                try:
                    for _ in range(draw.randrange(1, 30)):
                        if not connection.socket.recv(draw.randrange(1, 5000)):
                            break
                except TimeoutError:
                    pass
            elif moment == "last":  # all of it but the end
                read = 0
                while value["stream"] and read < 200_000 and b"[DONE]" not in connection.pending[-200:] and connection.more():
                    read += 1
            elif moment == "whole":
                check(connection.answer().status in (200, 429), "who stays is answered")
        if draw.random() < 0.3:
            connection.close(reset=True)
        elif draw.random() < 0.2:
            connection.socket.shutdown(socket.SHUT_WR)


def many_vanish(server, n, seed):
    """n of them, some at once."""
    counts, left, lock = {"lock": threading.Lock()}, iter(range(n)), threading.Lock()

    def work():
        while True:
            with lock:
                i = next(left, None)
            if i is None or not server.alive():
                return
            draw = random.Random(seed * 1_000_003 + i)
            try:
                vanish(server, draw, counts)
            except (ConnectionError, BrokenPipeError):
                pass  # the server closed first: a refusal of half a request
            except (OSError, Failed) as error:
                check(False, f"client {i}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=work) for _ in range(args.at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts.pop("lock")
    return counts


def free_again(server, descriptors, what):
    start = time.monotonic()
    if not check(server.alive(), f"{what}: alive; {server.stderr()[-2000:] if not server.alive() else ''}"):
        return
    check(server.idle(2), f"{what}: no request is left after 2 s")
    now = server.settled_descriptors(descriptors, 12)
    check(now <= descriptors, f"{what}: {now} descriptors, {descriptors} before")
    print(f"  {what}: free after {time.monotonic() - start:.2f} s, {now} descriptors, {server.memory() / MIB:.1f} MiB")


def vanishing(server):
    """In rounds: how many run at once, and how long each is, is drawn, so that pools may reach their height in a later one. What leaks
    grows in every round."""
    descriptors = server.descriptors()
    many_vanish(server, args.clients if args.sanitized else max(300, args.clients // 3), args.seed)  # fills caches and pools
    free_again(server, descriptors, "the first ones")
    grown = []
    for i in range(4):
        memory, metrics = server.memory(), server.metrics()
        counts = many_vanish(server, args.clients, args.seed + 1 + i)
        free_again(server, descriptors, "all")
        grown.append(server.memory() - memory)
        cancelled = server.metrics()["ropewalk_cancelled_total"] - metrics["ropewalk_cancelled_total"]
        print(f"  {counts}; {cancelled:.0f} cancelled; memory {grown[-1] / MIB:+.1f} MiB")
        check(cancelled > 0, "some were cancelled while they were at work")
        if args.sanitized or grown[-1] <= 8 * MIB:
            break
    else:
        check(False, f"memory grew by {', '.join(f'{each / MIB:.1f}' for each in grown)} MiB")


def health_times(server, seconds, pause=0.02):
    """Seconds that /health took, again and again."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        check(server.get("/health").status == 200, "/health")
        times.append(time.monotonic() - start)
        time.sleep(pause)
    return sorted(times)


def stream_seconds(server, n=600):
    """What a token of one stream takes."""
    start, count = time.monotonic(), 0
    for event in server.stream(COMPLETIONS, {"prompt": "It was", "max_tokens": n, "temperature": 0, "stream": True, "cache_prompt": False,
                                             "logit_bias": {"0": -100}, "method": "rerope:window=64"}, timeout=120):
        count += event != END
    return (time.monotonic() - start) / max(1, count)


def slow_clients(server):
    descriptors, alone = server.descriptors(), min(stream_seconds(server) for _ in range(2))
    slow = SlowSockets(server, args.slow_sockets)
    slow.start()
    beside = min(stream_seconds(server) for _ in range(2))
    times = health_times(server, 4 * min(served.SLOW, 3))
    waited = time.monotonic() + 9 * served.SLOW
    while slow.sockets and time.monotonic() < waited:
        time.sleep(0.1)
    left = len(slow.sockets)
    slow.stop()
    p99 = times[int(0.99 * (len(times) - 1))]
    print(f"  {args.slow_sockets} slow sockets ({slow.refused} refused), open for {min(slow.closed, default=0):.1f} to {max(slow.closed, default=0):.1f} s, "
          f"{left} left; /health: 99 % under {1e3 * p99:.1f} ms; a stream: {1e3 * alone:.2f} ms a token alone, {1e3 * beside:.2f} beside")
    check(p99 < 0.1 * served.SLOW, f"/health beside slow sockets: {1e3 * p99:.0f} ms")
    check(left == 0, f"{left} slow sockets are open after 10 s for a header")
    check(beside < 1.5 * alone + 0.0005, f"a stream beside slow sockets: {1e3 * beside:.2f} ms a token, alone {1e3 * alone:.2f}")
    free_again(server, descriptors, "slow sockets")


def never_reading(server):
    """Streams of large events that nobody reads: the server keeps a bounded part of each, and others are served."""
    descriptors, memory = server.descriptors(), server.memory()
    connections = []
    for i in range(args.unread):
        connection = server.connect(receive_buffer=2048)
        connection.send(request_bytes("POST", COMPLETIONS, served.as_body(
            {"prompt": [7 + i, 8, 9], "max_tokens": 4000, "stream": True, "logprobs": 20, "method": "rerope:window=64", "logit_bias": {"0": -100}})))
        connections.append(connection)
    times = health_times(server, 3)
    start = time.monotonic()
    answer = server.post(COMPLETIONS, {"prompt": "It was", "max_tokens": 5}, timeout=50)
    waited, most = time.monotonic() - start, server.memory() - memory
    p99 = times[int(0.99 * (len(times) - 1))]
    print(f"  {args.unread} streams unread: memory {most / MIB:+.1f} MiB, /health: 99 % under {1e3 * p99:.1f} ms; another request: "
          f"{answer.status} after {waited:.2f} s")
    check(p99 < 0.1 * served.SLOW, f"/health beside unread streams: {1e3 * p99:.0f} ms")
    check(answer.status in (200, 429), f"another request beside unread streams: {answer}")
    # 16 of them run: 14 MiB of keys and values each, and their logprobs.
    check(args.sanitized or most < (args.unread * 5 + 16 * 14) * MIB, f"unread streams take {most / MIB:.0f} MiB")
    for i, connection in enumerate(connections):
        connection.close(reset=i % 2 == 0)
    free_again(server, descriptors, "unread streams")


def essence(events):
    """What must be equal to the bit: texts, logprobs, reasons; not ids and times."""
    pieces = []
    for event in events:
        if event != END:
            pieces += [(c["index"], c["text"], c.get("logprobs"), c.get("finish_reason")) for c in event["choices"]]
    text, logprobs, reasons = {}, {}, {}
    for index, piece, given, reason in pieces:
        text[index] = text.get(index, "") + piece
        for name, values in (given or {}).items():
            logprobs.setdefault((index, name), []).extend(values or [])
        reasons[index] = reason or reasons.get(index)
    return text, logprobs, reasons


def streams_at_once(server):
    """Streams side by side for some seconds; each has the bits of its single run."""
    draw = random.Random(args.seed)
    requests = []
    for _ in range(12):
        body = {**body_of(draw, draw.choice((3, 60, 300)), draw.choice((10, 60))), "stream": True, "logprobs": 2}
        requests.append({**body, "n": draw.choice((1, 1, 2))})
    alone = [essence(server.stream(COMPLETIONS, {**r, "cache_prompt": False})) for r in requests]
    end, done, lock = time.monotonic() + args.seconds * min(served.SLOW, 3), [0, 0], threading.Lock()

    def client(number):
        own = random.Random(args.seed * 1000 + number)
        while time.monotonic() < end and server.alive():
            i = own.randrange(len(requests))
            try:
                got = list(server.stream(COMPLETIONS, {**requests[i], "cache_prompt": own.random() < 0.5}, timeout=300))
            except (OSError, Failed) as error:
                check(False, f"stream {number}: {type(error).__name__}: {error}")
                return
            if essence(got) != alone[i]:
                check(False, f"stream {number}, request {i}: {essence(got)} is not {alone[i]}")
            with lock:
                done[0] += 1
                done[1] += len(got)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(args.streams)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    check(done[0] >= args.streams, f"only {done[0]} streams came to their end")
    print(f"  {args.streams} at once: {done[0]} streams, {done[1]} events in {seconds:.1f} s, each as alone")


def crowd(server):
    descriptors = server.descriptors()
    streams_at_once(server)
    memory = server.memory()
    streams_at_once(server)
    grown = server.memory() - memory
    print(f"  memory after a second round: {grown / MIB:+.1f} MiB")
    check(args.sanitized or grown <= 8 * MIB, f"memory grew by {grown / MIB:.1f} MiB in a second round")
    free_again(server, descriptors, "streams at once")


def killed():
    """SIGKILL under load; a start on the same port at once; clients see an end."""
    port = 0
    for _ in range(3):
        with Server(args.binary, args.model, "-c", "8192", port=port) as server:
            check(port in (0, server.port), f"the same port: {server.port}, {port}")
            port = server.port
            ends, ready = [], threading.Barrier(9)

            def client(i, server=server, ends=ends, ready=ready):
                stream = server.stream(COMPLETIONS, {"prompt": [i + 5] * 20, "max_tokens": 6000, "stream": True, "method": "rerope:window=64",
                                                     "logit_bias": {"0": -100}})
                try:
                    next(stream)
                    ready.wait(30 * served.SLOW)
                    ends.append(sum(1 for _ in stream))
                except (OSError, Failed) as error:
                    ends.append(type(error).__name__)

            threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
            for thread in threads:
                thread.start()
            ready.wait(30 * served.SLOW)
            server.process.send_signal(signal.SIGKILL)
            check(server.process.wait(5) == -9, "it was killed under load")
            for thread in threads:
                thread.join(10 * served.SLOW)
            check(len(ends) == 8, f"every client sees an end: {ends}")
    with Server(args.binary, args.model, port=port) as server:
        check(server.post(COMPLETIONS, {"prompt": "It was", "max_tokens": 3}).status == 200, "and it serves again")
        check(server.stop() == 0, "SIGTERM while idle")


def processor_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def few_descriptors():
    """Where the system gives no more sockets, those that there are go on, and later ones come in."""
    with Server(args.binary, args.model, prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))) as server:
        first = server.connect()
        many = []
        for _ in range(100):
            connection = socket.socket()
            connection.settimeout(1)
            try:
                connection.connect((server.host, server.port))
            except OSError:
                pass
            many.append(connection)
        first.send(request_bytes("GET", "/health"))
        check(first.answer().status == 200, "who is connected is served")
        time.sleep(0.2)
        before = processor_seconds(server)
        time.sleep(1)
        spun = processor_seconds(server) - before
        check(spun < 0.5, f"it does not spin while there is none: {spun:.2f} s of 1 s")
        for connection in many:
            connection.close()
        first.close()
        check(server.get("/health").status == 200, "and others come in again")
        check(server.stop() == 0, "SIGTERM while idle")


def main():
    own = (vanishing, crowd, never_reading, slow_clients)
    if any(not args.only or part.__name__ in args.only for part in own):
        with Server(args.binary, args.model, "-c", "8192", "--cache-memory", "64M") as server:
            server.post(COMPLETIONS, {"prompt": "It was", "max_tokens": 3})
            for part in own:
                if (not args.only or part.__name__ in args.only) and server.alive():
                    check.part(part, server)
            check(server.stop() == 0, f"it ends well: {server.process.poll()}, {server.stderr()[-2000:]}")
    for part in (killed, few_descriptors):
        if not args.only or part.__name__ in args.only:
            check.part(part)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
