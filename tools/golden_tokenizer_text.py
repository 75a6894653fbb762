# SPDX-License-Identifier: Apache-2.0
"""The mixed text of the tokenizer goldens: a small base text and the rule that makes 1 MB of it.

tests/tokenizer/golden_text.h repeats the rule; change both or neither.
"""

import io
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCKS, LINES = 18, 1000  # blocks of lines; about 64 KB each


def base_text():
    """Three stretches of books, lines in many scripts and forms, and two headers of ours as they once were: kept as a
    file, because books are not ours to store and headers change."""
    return (ROOT / "tests" / "golden" / "tokenizer_text.txt").read_bytes()


class Lcg:
    """The generator of golden_test.cpp: 64-bit, its upper half."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return self.state >> 33


def mixed_block(lines, block):
    lcg, out = Lcg(1000 + block), io.BytesIO()
    for _ in range(LINES):
        line, kind = lines[lcg.next() % len(lines)], lcg.next() % 10
        number = str(lcg.next()).encode()
        if kind == 0:
            line = line.upper()  # bytes: ASCII only
        elif kind == 1:
            line = line.replace(b" ", b"  ")
        elif kind == 2:
            line = line + b" " + number
        elif kind == 3:
            line = b"    " + line
        elif kind == 4:
            line = line.replace(b"e", b"\xc3\xa9")
        elif kind == 5:
            line = number + line
        out.write(line)
        out.write(b"" if kind == 6 else b"\r\n" if kind == 7 else b"\n")
    return out.getvalue()


def damaged_block(block):
    lcg, data = Lcg(77), bytearray(block[:65536])
    for i in range(len(data)):
        if lcg.next() % 17 == 0:
            data[i] = max(lcg.next() % 256, 32)  # SmolLM2 has no token for some control characters
    return bytes(data)
