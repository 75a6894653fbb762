# SPDX-License-Identifier: Apache-2.0
"""HTTP that is wrong on purpose, by name: for malformed_test.py. Behind most of it stands a second request, which must not be
answered: where the end of the first is in doubt, who answers both can be made to answer what nobody asked."""
from served import request_bytes

SECOND = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BODY = b'{"content": "a"}'
REFUSED = {400}


class Case:
    """`data`: bytes for a port. `statuses`: those that are right, none: any that is allowed. `ends`: it closes, and answers
    nothing more. `may_wait`: more could follow, so that no answer is right too. `hides`: the second request is no request."""

    def __init__(self, name, data, statuses=(), ends=True, may_wait=False, patience=1.0, hides=False):
        self.name, self.statuses, self.ends, self.may_wait, self.hides = name, set(statuses), ends, may_wait, ends or hides
        self.data = data if callable(data) else lambda port: data
        self.patience = 0.3 if may_wait else patience

    def __repr__(self):
        return self.name


def post(path, body, headers=(), rest=b""):
    return lambda port: request_bytes("POST", path, body, headers, f"127.0.0.1:{port}", close=False) + rest


def with_lines(*lines, first=b"POST /tokenize HTTP/1.1", body=BODY, host=True, rest=SECOND):
    """A request with these header lines as they stand."""
    head = [first, *([b"Host: 127.0.0.1"] if host else []), b"Content-Type: application/json", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body + rest


LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"
IN_CHUNKS = b"10\r\n" + BODY + b"\r\n0\r\n\r\n"


def lengths():
    yield Case("Content-Length and Transfer-Encoding", with_lines(LENGTH, CHUNKED, body=IN_CHUNKS), REFUSED)
    yield Case("Transfer-Encoding and Content-Length", with_lines(CHUNKED, b"Content-Length: 4", body=IN_CHUNKS), REFUSED)
    yield Case("two lengths", with_lines(LENGTH, b"Content-Length: 4"), REFUSED)
    yield Case("two lengths, the first short", with_lines(b"Content-Length: 4", LENGTH), REFUSED)
    yield Case("the same length twice", with_lines(LENGTH, LENGTH), {400, 200}, ends=False)
    for value in (b"-1", b"+16", b"0x10", b"16, 16", b"16, 4", b"1 6", b"", b"a", b"16a", b"1e1", b"16.0", b"\x0b16", b"18446744073709551632",
                  b"99999999999999999999999999", b"-18446744073709551600", b"\xb2", b"16;", b'"16"', b"_16", b"1_6"):
        statuses = {400, 413} if value.isdigit() else REFUSED
        yield Case(f"Content-Length: {value!r}", with_lines(b"Content-Length: " + value), statuses)
    yield Case("Content-Length : with a space", with_lines(b"Content-Length : %d" % len(BODY)), REFUSED)
    yield Case("Content_Length", with_lines(b"Content_Length: %d" % len(BODY)), {400, 411}, ends=False)
    yield Case("no length", with_lines(rest=b"", body=b""), {400, 411}, ends=False)
    yield Case("a body of 0 bytes", with_lines(b"Content-Length: 0", body=b"", rest=b""), REFUSED, ends=False)
    yield Case("a GET with a body", with_lines(b"Content-Length: %d" % len(SECOND), first=b"GET /health HTTP/1.1", body=SECOND, rest=b""),
               {200, 400, 413}, ends=False, hides=True)
    yield Case("a length that never comes", with_lines(b"Content-Length: 500", rest=b""), {408}, may_wait=True)


def codings():
    for value in (b"chunked, chunked", b"gzip, chunked", b"chunked, identity", b"identity", b"xchunked", b"chunkedx", b"\x0bchunked", b"chunked;q=1",
                  b'"chunked"', b"", b"gzip", b"chunked\r\nTransfer-Encoding: identity", b"identity\r\nTransfer-Encoding: chunked", b",chunked"):
        yield Case(f"Transfer-Encoding: {value!r}", with_lines(b"Transfer-Encoding: " + value, body=IN_CHUNKS), {400, 501})
    yield Case("Transfer-Encoding : with a space", with_lines(b"Transfer-Encoding : chunked", LENGTH), REFUSED)
    yield Case("Transfer-Encoding in HTTP/1.0", with_lines(CHUNKED, first=b"POST /tokenize HTTP/1.0", body=IN_CHUNKS), {400, 200})
    yield Case("Content-Encoding", with_lines(LENGTH, b"Content-Encoding: gzip"), {400, 415}, ends=False)
    for size in (b"-2", b"0x10", b"0X10", b"+10", b"", b" 10", b"10 ", b"g", b"1 0", b"FFFFFFFFFFFFFFFF", b"FFFFFFFFFFFFFFFE", b"10000000000000010",
                 b"7fffffffffffffff", b"fffffffffffffffffffffffffffff", b"\x0010", b"-0", b"10\x00", b"_10", b"10\t"):
        lenient = {400, 413} if size.isalnum() else {400, 200} if size in (b"10 ", b"10\t") else REFUSED
        yield Case(f"a chunk of size {size!r}", with_lines(CHUNKED, body=size + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), lenient, ends=lenient != {400, 200})
    yield Case("a chunk longer than it says", with_lines(CHUNKED, body=b"4\r\n" + BODY + b"\r\n0\r\n\r\n"), REFUSED)
    yield Case("a chunk's end is another", with_lines(CHUNKED, body=b"10\r\n" + BODY + b"XX0\r\n\r\n"), REFUSED)
    yield Case("chunks by bare LF", with_lines(CHUNKED, body=b"10\n" + BODY + b"\n0\n\n"), REFUSED, may_wait=True)
    yield Case("chunk sizes ended by bare LF", with_lines(CHUNKED, body=b"10\n" + BODY + b"\r\n0\r\n\r\n"), REFUSED, may_wait=True)
    yield Case("chunk ended by bare CR", with_lines(CHUNKED, body=b"10\r\r" + BODY + b"\r\n0\r\n\r\n"), REFUSED, may_wait=True)
    yield Case("an extension of 64 KiB", with_lines(CHUNKED, body=b"10;" + b"x" * 65536 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), {400, 413, 431})
    yield Case("an extension with a bare LF", with_lines(CHUNKED, body=b"10;\n2\r\n" + BODY + b"\r\n0\r\n\r\n"), REFUSED, may_wait=True)
    yield Case("ten thousand extensions", with_lines(CHUNKED, body=b"".join(b"1;abcdefgh\r\n \r\n" for _ in range(10000)) + IN_CHUNKS), {400, 413, 200},
               ends=False)
    yield Case("trailers", with_lines(CHUNKED, body=b"10\r\n" + BODY + b"\r\n0\r\nX-Trailer: a\r\n\r\n"), {200, 400}, ends=False)
    yield Case("trailers that say a length", with_lines(CHUNKED, body=b"10\r\n" + BODY + b"\r\n0\r\nContent-Length: 900\r\n\r\n"), {200, 400}, ends=False)
    yield Case("trailers of 64 KiB", with_lines(CHUNKED, body=b"10\r\n" + BODY + b"\r\n0\r\nX: " + b"a" * 65536 + b"\r\n\r\n"), {400, 413, 431})
    yield Case("trailers that never end", with_lines(CHUNKED, body=b"10\r\n" + BODY + b"\r\n0\r\n" + b"X: a\r\n" * 20000), {400, 413, 431})
    yield Case("chunks that never end", with_lines(CHUNKED, body=b"1\r\n \r\n" * 50, rest=b""), {408}, may_wait=True)


def lines():
    right = b"Host: 127.0.0.1"

    def get(*more, first=b"GET /health HTTP/1.1", rest=SECOND, host=right):
        return b"\r\n".join([first, *([host] if host else []), *more]) + b"\r\n\r\n" + rest

    yield Case("bare LF", get().replace(b"\r\n", b"\n"), REFUSED, may_wait=True)
    yield Case("bare LF in one line", get(b"X: a\nY: b"), REFUSED)
    yield Case("a bare LF hides a header", get(b"X: a\nTransfer-Encoding: chunked"), REFUSED)
    yield Case("bare CR", get(b"X: a\rY: b"), REFUSED)
    yield Case("bare CR behind the first line", b"GET /health HTTP/1.1\r" + right + b"\r\n\r\n" + SECOND, REFUSED)
    yield Case("a folded line", get(b"X: a\r\n b"), REFUSED)
    yield Case("a folded length", with_lines(b"Content-Length:\r\n 16"), REFUSED)
    yield Case("a folded first header", b"GET /health HTTP/1.1\r\n X: a\r\n" + right + b"\r\n\r\n" + SECOND, REFUSED)
    yield Case("NUL in a value", get(b"X: a\0b"), REFUSED)
    yield Case("NUL in a name", get(b"X\0Y: b"), REFUSED)
    yield Case("NUL in the target", get(first=b"GET /health\0 HTTP/1.1"), REFUSED)
    for name in (b"", b" X", b"X ", b"X\tY", b"X(Y)", b"X\x7f", b"X\xff", b"X\"", b"X/Y", b"\xc3\xa9"):
        yield Case(f"a header of the name {name!r}", get(name + b": a"), REFUSED)
    yield Case("a header without a colon", get(b"nothing"), REFUSED)
    for value in (b"a\x01", b"a\x7f", b"\x1b[31m"):
        yield Case(f"a header of the value {value!r}", get(b"X: " + value), {400, 200}, ends=False)
    yield Case("letters beyond ASCII in a value", get(b"X: \xc3\xa9\xff"), {400, 200}, ends=False)
    yield Case("two hosts", get(right), REFUSED)
    yield Case("two hosts that differ", get(b"Host: evil.example"), {400, 403})
    yield Case("no host", get(host=None), REFUSED, ends=False)
    yield Case("a line of 64 KiB", get(b"X: " + b"a" * 65536), {400, 431})
    yield Case("a target of 64 KiB", get(first=b"GET /" + b"a" * 65536 + b" HTTP/1.1"), {400, 414, 431})
    yield Case("a method of 64 KiB", get(first=b"G" * 65536 + b" / HTTP/1.1"), {400, 414, 431, 501})
    yield Case("ten thousand headers", get(*(b"X-%d: a" % i for i in range(10000))), {400, 431})
    yield Case("a thousand headers", get(*(b"A: b" for i in range(1000))), {400, 431})
    yield Case("16 MiB without a line's end", b"A" * (16 << 20), {400, 414, 431, 501})
    yield Case("percent-CRLF in the target", get(first=b"GET /health%0d%0aX:%20y HTTP/1.1"), {400, 404}, ends=False)
    yield Case("percent-CRLF in a value", get(b"X-Forwarded-For: a%0d%0aSet-Cookie:%20b"), {200}, ends=False)
    yield Case("percent-CRLF in Origin", get(b"Origin: http://127.0.0.1%0d%0aX:y"), {400, 403}, ends=False)
    for name in (b"Range: bytes=0-1", b"If-None-Match: *", b"Upgrade: h2c", b"Upgrade: websocket\r\nConnection: Upgrade", b"Cookie: " + b"a" * 4000,
                 b"Accept-Encoding: gzip;q=1, *;q=0", b"X-Forwarded-For:", b"Forwarded: for=\"", b"Content-Disposition: " + b"a;" * 3000):
        yield Case(f"{name[:30]!r} is nothing to it", get(name), {200}, ends=False)
    yield Case("an expectation", with_lines(LENGTH, b"Expect: 200-ok"), {400, 417, 200}, ends=False)


def first_lines():
    def get(first, rest=SECOND):
        return first + b"\r\nHost: 127.0.0.1\r\n\r\n" + rest

    for first, statuses in (
            (b"GET  /health HTTP/1.1", REFUSED), (b"GET /health  HTTP/1.1", REFUSED), (b"GET\t/health\tHTTP/1.1", REFUSED), (b" GET /health HTTP/1.1", REFUSED),
            (b"GET /health HTTP/1.1 ", REFUSED), (b"GET /health", REFUSED | {505}), (b"GET", REFUSED), (b"GET /health HTTP/1.1 x", REFUSED),
            (b"GET /health HTTP/2.0", {400, 505}), (b"GET /health HTTP/0.9", {400, 505}), (b"GET /health HTTP/1.11", {400, 505}),
            (b"GET /health HTTP/11", {400, 505}), (b"GET /health HTTP/1.", {400, 505}), (b"GET /health http/1.1", {400, 505}),
            (b"GET /health HTTP/-1.1", {400, 505}), (b"GET /health HTTP/1.1\x00", {400, 505}), (b"GET /health ICY/1.1", {400, 505}),
            (b"PRI * HTTP/2.0", {400, 405, 505}), (b"GET health HTTP/1.1", REFUSED), (b"GET ? HTTP/1.1", REFUSED), (b"G@T /health HTTP/1.1", {400, 501}),
            (b"GET /hea\x80lth HTTP/1.1", {400, 404}), (b"GET /health#x HTTP/1.1", {400, 404}), (b"", REFUSED | {200})):
        yield Case(f"first line {first!r}", get(first), statuses, ends=not statuses & {404, 200, 405}, may_wait=first in (b"GET", b""))
    for first, statuses in (
            (b"get /health HTTP/1.1", {400, 405, 501}), (b"BREW /health HTTP/1.1", {400, 405, 501}), (b"TRACE / HTTP/1.1", {400, 405, 501}),
            (b"CONNECT 127.0.0.1:80 HTTP/1.1", {400, 404, 405, 501}), (b"OPTIONS * HTTP/1.1", {400, 404, 405, 501}), (b"GET * HTTP/1.1", {400, 404}),
            (b"GET http://127.0.0.1/health HTTP/1.1", {200, 400, 404}), (b"GET http://evil.example/v1/models HTTP/1.1", {400, 403, 404}),
            (b"GET http:///health HTTP/1.1", {400, 403, 404}), (b"GET ftp://127.0.0.1/health HTTP/1.1", {400, 403, 404}),
            (b"GET //evil.example/health HTTP/1.1", {400, 403, 404}), (b"GET /%zz HTTP/1.1", {400, 404}), (b"GET /% HTTP/1.1", {400, 404}),
            (b"GET /%00 HTTP/1.1", {400, 404}), (b"GET /..%2f..%2fetc%2fpasswd HTTP/1.1", {400, 404}), (b"GET /" + b"../" * 50 + b" HTTP/1.1", {400, 404}),
            (b"GET /props?model=%ff%fe HTTP/1.1", {400, 404}), (b"GET /props?model HTTP/1.1", {400, 404}),
            (b"GET /props?" + b"a=b&" * 2000 + b" HTTP/1.1", {200, 400, 404}), (b"GET /props?model=a&model=b HTTP/1.1", {400, 404})):
        yield Case(f"first line {first[:60]!r}", get(first, b""), statuses, ends=False)
    yield Case("an empty line before", b"\r\n" + get(b"GET /health HTTP/1.1", b""), {200, 400}, ends=False)
    yield Case("a thousand empty lines", b"\r\n" * 1000 + get(b"GET /health HTTP/1.1", b""), {200, 400, 431}, ends=False)
    yield Case("two megabytes of empty lines", b"\r\n" * (1 << 20), {400, 431, 408})
    yield Case("a greeting of TLS", bytes.fromhex("16030100f1010000ed0303") + bytes(range(200)), {400, 414, 431, 501}, may_wait=True)
    yield Case("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", REFUSED | {505}, may_wait=True)
    yield Case("random bytes", bytes((i * 7919 + i // 13) % 256 for i in range(5000)), {400, 414, 431, 501}, may_wait=True)


def cut_off():
    """A right request that stops anywhere; the client waits."""
    whole = post("/tokenize", BODY)(80)
    for n in range(0, len(whole) - 1, 7):
        yield Case(f"cut off after {n} bytes", whole[:n], {408}, may_wait=True, patience=0.02)


def named():
    return [*lengths(), *codings(), *lines(), *first_lines(), *cut_off()]


def right(port):
    """Requests without a fault, to be mutated."""
    body = b'{"prompt": "a", "max_tokens": 1, "stream": true}'
    return [request_bytes("GET", "/health", host=f"127.0.0.1:{port}"), post("/tokenize", BODY)(port), post("/v1/completions", body)(port),
            with_lines(CHUNKED, b"X-A: b", body=IN_CHUNKS, rest=b""), with_lines(LENGTH, b"Connection: keep-alive", b"Accept: */*"),
            post("/tokenize", BODY, [("Expect", "100-continue")])(port)]


PIECES = [b"\r\n", b"\n", b"\r", b"\0", b":", b" ", b"\t", b"\r\n\r\n", b"%0d%0a", b"chunked", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n",
          b"Content-Length: 5\r\n", b"Host: x\r\n", b"\xff", b"9999999999", b"-", b"0\r\n\r\n", b"HTTP/1.1", b"GET / HTTP/1.1\r\n\r\n", b"a" * 9000]


def mutated(draw, data):
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3, 5))):
        at = draw.randrange(len(data) + 1)
        how = draw.randrange(6)
        if how == 0 and at < len(data):
            data[at] = draw.randrange(256)
        elif how == 1:
            data[at:at] = draw.choice(PIECES)
        elif how == 2:
            del data[at:at + draw.randrange(1, 20)]
        elif how == 3:
            parts = bytes(data).split(b"\r\n")
            parts.insert(draw.randrange(len(parts) + 1), draw.choice(parts))
            data = bytearray(b"\r\n".join(parts))
        elif how == 4 and draw.random() < 0.3:
            del data[at:]
        elif at < len(data):
            data[at] ^= 1 << draw.randrange(8)
    return bytes(data)
