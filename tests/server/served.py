# SPDX-License-Identifier: Apache-2.0
"""A `ropewalk serve` of a test's own, and a client that hides nothing: answers as they came over the socket.

    with Server(binary, model, "-c", "512") as server:
        answer = server.post("/v1/completions", {"prompt": "Once", "max_tokens": 4})
        answer.status, answer.json["choices"][0]["text"]
        for event in server.stream("/v1/completions", {"prompt": "Once", "stream": True}):
            ...
Standard library only."""
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

SLOW = 1  # what limits of time are multiplied by: a sanitized build sets it
END = "[DONE]"


class Failed(Exception):
    """The server did what no client can read."""


class Answer:
    def __init__(self, status, headers, body, raw_headers):
        self.status, self.headers, self.body, self.raw_headers = status, headers, body, raw_headers

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))  # strictly: an answer is valid UTF-8

    @property
    def error(self):
        """The error object, or {} where the answer is none."""
        try:
            value = self.json
        except ValueError:
            return {}
        return value.get("error", {}) if isinstance(value, dict) else {}

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Connection:
    """One socket; bytes in both directions, and answers read by the letter of HTTP/1.1."""

    def __init__(self, server, timeout=60.0, receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout * SLOW)
        self.socket.connect((server.host, server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self, reset=False):
        """`reset`: by RST, as a program that was killed with unread data."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.pending += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.pending:
            if not self.more():
                raise Failed(f"the connection ended in a line: {self.pending[:200]!r}")
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line.decode("latin-1")

    def exactly(self, n):
        while len(self.pending) < n:
            if not self.more():
                raise Failed(f"the connection ended {n - len(self.pending)} bytes early")
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def head(self):
        """Status and headers (names in lower case). 100 Continue is passed over."""
        status = 100
        while status == 100:
            first = self.line().split(" ", 2)
            if len(first) < 2 or not first[0].startswith("HTTP/1.") or not first[1].isdigit():
                raise Failed(f"no status line: {first}")
            status, raw = int(first[1]), []
            while line := self.line():
                name, colon, value = line.partition(":")
                if not colon or name != name.strip() or not name:
                    raise Failed(f"no header: {line!r}")
                raw.append((name.lower(), value.strip()))
        return status, dict(raw), raw

    def chunks(self, headers):
        """The body piece by piece, as it comes."""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.line(), 16):
                yield self.exactly(size)
                if self.line():
                    raise Failed("a chunk is longer than it says")
            while self.line():
                pass
        elif "content-length" in headers:
            yield self.exactly(int(headers["content-length"]))
        else:
            while self.pending or self.more():
                data, self.pending = self.pending, b""
                yield data

    def answer(self, method="GET"):
        status, headers, raw = self.head()
        empty = method == "HEAD" or status in (204, 304)
        return Answer(status, headers, b"" if empty else b"".join(self.chunks(headers)), raw)

    def ended(self, seconds=2.0):
        """Whether the server closes the connection, with nothing more to say, within this time."""
        end = time.monotonic() + seconds * SLOW
        while (left := end - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                try:
                    if not self.socket.recv(65536):
                        return True
                except ConnectionError:
                    return True
        return False


def events(pieces):
    """Server-sent events out of pieces of a body: JSON values, and END."""
    text = b""
    for piece in pieces:
        text += piece
        while b"\n\n" in text:
            event, text = text.split(b"\n\n", 1)
            for line in event.split(b"\n"):
                if line.startswith(b"data: "):
                    data = line[6:].decode("utf-8")
                    yield END if data == END else json.loads(data)
                elif line and not line.startswith(b":"):
                    raise Failed(f"no line of an event stream: {line[:200]!r}")
    if text:
        raise Failed(f"the stream ended inside of an event: {text[:200]!r}")


def as_body(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def request_bytes(method, path, body=None, headers=(), host="127.0.0.1", close=True):
    """A request as a careful client writes it. `headers`: pairs, which replace those of the same name; (name, None): without."""
    given = {"Host": host}
    if body is not None:
        given["Content-Type"] = "application/json"
        given["Content-Length"] = str(len(body))
    if close:
        given["Connection"] = "close"
    for name, value in headers:
        given.pop(next((known for known in given if known.lower() == name.lower()), None), None)
        if value is not None:
            given[name] = value
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


class Server:
    def __init__(self, binary, *arguments, port=0, seconds=60, prepare=None, environment=None):
        """`arguments`: models and options; `prepare`: called in the child."""
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [binary, "serve", *map(str, arguments), "--port", str(port), "--json"], stdout=subprocess.PIPE,
            stderr=self.said, preexec_fn=prepare, env={**os.environ, **(environment or {})})
        line = self.first_line(seconds * SLOW)
        if not line:
            self.process.kill()
            raise Failed(f"serve did not start: exit code {self.process.wait()}: {self.stderr()}")
        self.started = json.loads(line)
        self.url = self.started["url"]
        host, self.port = self.url.split("//")[1].rstrip("/").rsplit(":", 1)
        self.host, self.port = host.strip("[]"), int(self.port)

    def first_line(self, seconds):
        got = []
        reader = threading.Thread(target=lambda: got.append(self.process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(seconds)
        return got[0] if got else b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.said.close()

    def stderr(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def connect(self, timeout=60.0, receive_buffer=0):
        return Connection(self, timeout, receive_buffer)

    def request(self, method, path, body=None, headers=(), timeout=60.0):
        with self.connect(timeout) as connection:
            connection.send(request_bytes(method, path, body, headers))
            return connection.answer(method)

    def get(self, path, headers=()):
        return self.request("GET", path, headers=headers)

    def post(self, path, value, headers=(), timeout=60.0):
        return self.request("POST", path, as_body(value), headers, timeout)

    def stream(self, path, value, timeout=60.0):
        """Events of an answer that is streamed. Left early, the client has vanished."""
        with self.connect(timeout) as connection:
            connection.send(request_bytes("POST", path, as_body(value)))
            status, headers, _ = connection.head()
            if status != 200 or not headers.get("content-type", "").startswith("text/event-stream"):
                raise Failed(f"no stream: {status} {b''.join(connection.chunks(headers))[:300]!r}")
            yield from events(connection.chunks(headers))

    def slots(self):
        return self.get("/slots").json

    def idle(self, seconds=2.0):
        """Whether no request is left, within this time."""
        end = time.monotonic() + seconds * SLOW
        while slots := self.slots():
            if time.monotonic() > end:
                print("left:", slots)
                return False
            time.sleep(0.02)
        return True

    def metrics(self):
        """{name, with its labels: value}"""
        lines = self.get("/metrics").body.decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")}

    def memory(self):
        """Bytes that lie in memory (VmRSS)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return 1024 * int(next(line.split()[1] for line in status if line.startswith("VmRSS")))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def settled_descriptors(self, most, seconds=3.0):
        """Their number, once it is at most `most`, or after this time."""
        end = time.monotonic() + seconds * SLOW
        while (n := self.descriptors()) > most and time.monotonic() < end:
            time.sleep(0.05)
        return n

    def stop(self, number=signal.SIGTERM, seconds=40.0):
        """Exit code after a signal; None: it did not end."""
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            return None


class Checks:
    """What holds and what does not. A check that fails is printed, and the test goes on."""

    def __init__(self, name):
        self.name, self.failed, self.count, self.lock = name, 0, 0, threading.Lock()
        self.start = time.monotonic()

    def __call__(self, holds, what):
        with self.lock:
            self.count += 1
            if not holds:
                self.failed += 1
                if self.failed <= 60:
                    print("FAILED:", what, flush=True)
        return bool(holds)

    def part(self, function, *arguments):
        """A part of the test that raises has failed; the next one runs all the same."""
        start = time.monotonic()
        try:
            function(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            place = error.__traceback__
            while place.tb_next:
                place = place.tb_next
            self(False, f"{function.__name__}: {type(error).__name__}: {error} "
                        f"({os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno})")
        print(f"{function.__name__}: {time.monotonic() - start:.1f} s; {self.count} checks so far, {self.failed} failed", flush=True)

    def end(self):
        print(f"{self.name}: {self.count} checks, {self.failed} failed, {time.monotonic() - self.start:.1f} s")
        return 1 if self.failed else 0


def beside(*calls):
    """Results of functions that run at the same time, in their order; what one raises is raised here."""
    results, raised = [None] * len(calls), []

    def run(i):
        try:
            results[i] = calls[i]()
        except Exception as error:  # pylint: disable=broad-except
            raised.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return results
