#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk generate --unbounded: it writes on in constant memory, says that it forgets, ends by ctrl-C, by a stop string and
where nobody reads any more, and refuses methods that keep the whole text.

    tests/cli/unbounded_test.py ROPEWALK MODEL [sanitized]
"""
import signal
import subprocess
import sys
import time

ropewalk, model = sys.argv[1:3]
sanitized = len(sys.argv) > 3
FIRST, MORE = (4_000, 12_000) if sanitized else (20_000, 120_000)  # bytes; a token has about four
failures = 0


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print("FAILED:", what)


def start(*more):
    return subprocess.Popen([ropewalk, "generate", model, "-p", "It was a dark night", "--unbounded", "--temp", "1", "--seed", "3", *more],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def resident(process):
    for line in open(f"/proc/{process.pid}/status", encoding="ascii"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10


def read(process, n):
    got = b""
    while len(got) < n:
        part = process.stdout.read1(min(1 << 14, n - len(got)))
        if not part:
            break
        got += part
    return got


def writes_on():
    process = start("--method", "streaming-llm:window=128")
    check(len(read(process, FIRST)) == FIRST, "it begins to write")
    before = resident(process)
    check(len(read(process, MORE)) == MORE, "it writes on")
    grown = resident(process) - before
    check(sanitized or grown < 4 << 20, f"its memory grew by {grown} bytes")
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    rest, said = process.communicate(timeout=60)
    print(f"{FIRST + MORE + len(rest)} bytes, memory grew by {grown / 2**20:.2f} MiB", flush=True)
    check(process.returncode == 0 and time.monotonic() - began < 20, f"ctrl-C ends it: {process.returncode}")
    said = " ".join(said.decode().split())
    check("forgets the rest" in said and "the last 128 tokens" in said, f"it says that it forgets: {said}")
    check("tokens/s" in said, f"and its speed: {said}")


def ends():
    process = start("--method", "streaming-llm:window=128", "--stop", " the")
    text, said = process.communicate(timeout=120)
    check(process.returncode == 0 and b" the" not in text, f"a stop string ends it: {said[-300:]}")
    process = start("--method", "lm-infinite:window=128")
    read(process, 500)
    process.stdout.close()
    check(process.wait(60) != 0, "where nobody reads it ends, and says so by its exit code")
    process.stderr.close()


def refuses():
    for method in ("auto", "none", "rerope:window=64", "yarn:factor=4", "self-extend:window=64,group=4"):
        process = start("--method", method)
        text, said = process.communicate(timeout=60)
        check(process.returncode != 0 and not text and b"--unbounded: expected a method" in said and b"streaming-llm" in said,
              f"{method}: {process.returncode}, {said.decode()}")


writes_on()
ends()
refuses()
print(f"unbounded: {failures} failed")
sys.exit(failures > 0)
