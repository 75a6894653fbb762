# SPDX-License-Identifier: Apache-2.0
"""The mixed text of the tokenizer goldens: a small base text and the rule that makes 1 MB of it.

tests/tokenizer/golden_text.h repeats the rule; change both or neither.
"""

import io
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCKS, LINES = 18, 1000  # blocks of lines; about 64 KB each

OTHER = """\
I'm sure you've seen that they'll say he'd've done it; WE'RE, I'LL, it'S, don'T, 'twas, O'Brien's, rock'n'roll.
numbers: 0 7 42 365 1984 65536 3.14159 1,000,000 -273.15 1e-9 0xDEADBEEF 192.168.0.1 2026-11-23 12:34:56 ½ ² ③ Ⅷ ٣٤٥ १२३ 12345678901234567890
\u9053\u53ef\u9053\uff0c\u975e\u5e38\u9053\u3002\u540d\u53ef\u540d\uff0c\u975e\u5e38\u540d\u3002\u65e0\u540d\u5929\u5730\u4e4b\u59cb\uff1b\u6709\u540d\u4e07\u7269\u4e4b\u6bcd\u3002
\u5b66\u800c\u65f6\u4e60\u4e4b\uff0c\u4e0d\u4ea6\u8bf4\u4e4e\uff1f\u6709\u670b\u81ea\u8fdc\u65b9\u6765\uff0c\u4e0d\u4ea6\u4e50\u4e4e\uff1f\u4eba\u4e0d\u77e5\u800c\u4e0d\u6120\uff0c\u4e0d\u4ea6\u541b\u5b50\u4e4e\uff1f
\u6a21\u578b\u5728\u77ed\u5e8f\u5217\u4e0a\u8bad\u7ec3\uff0c\u5374\u8981\u5728 8192 \u4e2a\u8bcd\u5143\u4e4b\u5916\u5de5\u4f5c\u3002RoPE \u628a\u4f4d\u7f6e\u5199\u6210\u65cb\u8f6c\uff0c2024\u5e745\u67081\u65e5\u3002\u201c\u5f15\u53f7\u201d\u3001\u300a\u4e66\u540d\u300b\u2026\u2026
\u543e\u8f29\u306f\u732b\u3067\u3042\u308b\u3002\u540d\u524d\u306f\u307e\u3060\u7121\u3044\u3002\u30ab\u30bf\u30ab\u30ca\u3001\uff8a\uff9d\uff76\uff78\u3002 \ub098\ub78f\ub9d0\uc774 \ub4d5\uadc3\uc5d0 \ub2ec\uc544
\u041c\u043e\u0439 \u0434\u044f\u0434\u044f \u0441\u0430\u043c\u044b\u0445 \u0447\u0435\u0441\u0442\u043d\u044b\u0445 \u043f\u0440\u0430\u0432\u0438\u043b. \u039c\u1fc6\u03bd\u03b9\u03bd \u1f04\u03b5\u03b9\u03b4\u03b5 \u03b8\u03b5\u03ac. \u0628\u0633\u0645 \u0627\u0644\u0644\u0647 \u0627\u0644\u0631\u062d\u0645\u0646. \u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e. \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35
\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e8\U0001f1f3 \u2764\ufe0f\U0001f525\U0001f525\U0001f525 text\U0001f680text \u00a9\u2122\u20ac\u00a3 \u2211\u222b\u221a\u2260 \u2192
NFD: Cafe\u0301 re\u0301sume\u0301 A\u030a \u1100\u1161\u11a8 \u0915\u093c q\u0323\u0307 q\u0307\u0323 \u212b \u2126 \u0958 NFC: Caf\u00e9 \u00c5 \u00df\u00df \u0130\u0131 \u017ft'\u017f \ufb01\ufb03
tabs\tand\t\ttabs   three    four     five \u00a0nbsp\u2003em\u200bzero\u3000ideographic\u180emongol\u2028line\u0085nel\x1cfs \x0bvt \x0cff trailing   
    indented by four
\tindented by tab\r
\r
crlf line\r
!!! ??? ... ---- ==== #### //// /*comment*/ <tag attr="x">\u2014\u2013\u2018\u2019\u201c\u201d $100 50% a_b-c d/e\\f @user #tag foo@bar.com https://x.org/?q=1&r=2
<|im_start|> <s> </s> <unk> <0x41> [INST] <|endoftext|> \u2581already marked\u2581
CamelCaseHTTPServer snake_case SCREAMING_CASE iPhone McDonald eBay XMLHttpRequest2 \u0410\u0411\u0412\u0433\u0434 \u01c5\u01c8 \u02b0\u02b2
"""


def base_text(corpus):
    parts = []
    for name, start in (("emma.txt", 60000), ("opticks.txt", 200000), ("persuasion.txt", 90000)):
        text = (corpus / name).read_text(encoding="utf-8")
        start = text.index("\n", start) + 1
        parts.append(text[start : text.index("\n", start + 11000) + 1])
    parts.append(OTHER)
    for name in ("checked.h", "types.h"):
        parts.append((ROOT / "src" / "core" / name).read_text(encoding="utf-8"))
    parts.append(OTHER)
    return "".join(parts).encode("utf-8")


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
