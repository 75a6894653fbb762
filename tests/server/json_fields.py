# SPDX-License-Identifier: Apache-2.0
"""The fields of every POST route, what each may hold, and odd values for them: for malformed_test.py."""
import json
import math

MESSAGES = [{"role": "user", "content": "a?"}]
BODIES = {
    "/v1/completions": {"prompt": "a b", "max_tokens": 1, "temperature": 0},
    "/v1/chat/completions": {"messages": MESSAGES, "max_tokens": 1, "temperature": 0},
    "/completion": {"prompt": "a b", "n_predict": 1, "temperature": 0},
    "/tokenize": {"content": "a b"},
    "/detokenize": {"tokens": [1, 2]},
    "/apply-template": {"messages": MESSAGES},
    "/choose": {"n": 300},
    "/check": {"text": "a", "seconds": 5},
}
# Kinds: (type, least, most); None: no bound that a client could rely on.
NUMBER, INTEGER, BOOLEAN, TEXT, LIST, OBJECT, ANY = "number", "integer", "boolean", "text", "list", "object", "any"
SAMPLING = {
    "temperature": (NUMBER, 0, None), "top_p": (NUMBER, 0, 1), "min_p": (NUMBER, 0, 1), "top_k": (INTEGER, None, None),
    "repeat_penalty": (NUMBER, 0, None), "repeat_last_n": (INTEGER, -1, None), "presence_penalty": (NUMBER, None, None),
    "frequency_penalty": (NUMBER, None, None), "logit_bias": (ANY,), "seed": (INTEGER, None, None), "stop": (ANY,), "stream": (BOOLEAN,),
    "cache_prompt": (BOOLEAN,), "method": (TEXT,), "model": (TEXT,),
}
OPENAI = {**SAMPLING, "n": (INTEGER, 1, 8), "stream_options": (OBJECT,), "user": (ANY,), "max_tokens": (INTEGER, 0, 512)}
FIELDS = {
    "/v1/completions": {**OPENAI, "prompt": (ANY,), "echo": (BOOLEAN,), "logprobs": (INTEGER, 0, 20), "prompt_logprobs": (INTEGER, 0, 20),
                        "best_of": (INTEGER, 1, 8), "repetition_penalty": (NUMBER, 0, None), "suffix": (ANY,), "no_such": (ANY,)},
    "/v1/chat/completions": {**OPENAI, "messages": (LIST,), "max_completion_tokens": (INTEGER, 0, 512), "logprobs": (BOOLEAN,),
                             "top_logprobs": (INTEGER, 0, 20), "chat_template_kwargs": (OBJECT,), "return_progress": (BOOLEAN,),
                             "response_format": (OBJECT,), "reasoning_effort": (TEXT,), "tools": (ANY,), "tool_choice": (ANY,)},
    "/completion": {**SAMPLING, "prompt": (ANY,), "n_predict": (INTEGER, -1, 512), "n_probs": (INTEGER, 0, None), "return_tokens": (BOOLEAN,),
                    "return_progress": (BOOLEAN,), "timings_per_token": (BOOLEAN,), "n_discard": (ANY,), "id_slot": (ANY,)},
    "/tokenize": {"content": (TEXT,), "add_special": (BOOLEAN,), "with_pieces": (BOOLEAN,), "model": (TEXT,)},
    "/detokenize": {"tokens": (LIST,), "model": (TEXT,)},
    "/apply-template": {"messages": (LIST,), "model": (TEXT,), "chat_template_kwargs": (OBJECT,)},
    "/choose": {"n": (INTEGER, 1, None), "n_predict": (INTEGER, 0, None), "text": (TEXT,), "method": (TEXT,), "model": (TEXT,)},
    "/check": {"text": (TEXT,), "method": (TEXT,), "n": (INTEGER, 0, None), "seconds": (NUMBER, 5, 600), "stream": (BOOLEAN,)},
}
VALUES = [
    b"-1", b"0", b"1", b"2", b"8", b"20", b"21", b"512", b"513", b"-2", b"2147483647", b"2147483648", b"4294967296", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"-9223372036854775809", b"1e308", b"-1e308", b"1e309", b"0.5", b"-0.0", b"1e-320",
    b"1.0", b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1.", b"0x10", b"1e", b'"string"', b'""', b'"1"', b'"NaN"', b"null", b"true",
    b"false", b"True", b"[]", b"{}", b"[null]", b"[[]]", b'["a", 1]', b"[1, 2, 3]", b"[-1]", b"[2147483648]", b'{"a": 1}', b'{"1": 1e308}',
    b'{"-1": 1}', b'{"99999999999999999999": 1}', b'{"": 0}', b'{"include_usage": 1}', b'{"type": "json_schema"}', b'[{"role": "user"}]',
    b'[{"role": "user", "content": null}]', b'[{"role": "a", "content": [[]]}]', b"[" * 60 + b"]" * 60, b"[" * 100 + b"]" * 100,
    b"[" * 100_000, b'{"a":' * 100_000, b"[" * 50_000 + b"]" * 50_000, b'"' + b"x" * 2000 + b'"', b'"' + b"long " * 40_000 + b'"',
    b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"',
    b'"\x00"', b'"\\x"', b'"\\', b'"open', b"'a'", b"", b"[1,]", b"[,1]", b"{,}", b'{"a" 1}', b'{"a":1 "b":2}', b"// c\n1", b"/* c */ 1",
    b'"' + b"\xe2\x80\xae" * 50 + b'"', b'"<|endoftext|>"', b'"none:none:none"', b'"../../etc/passwd"', b'"%s%n%x"', b'"yarn:factor=1e308"',
    b'"rerope:window=-1"', b'"yarn:factor=nan"', b"[" + b"1," * 20_000 + b"1]", b'["' + b'","' * 5_000 + b'"]',
]


def is_json(text):
    def no(_):
        raise ValueError
    try:
        json.loads(text.decode("utf-8"), parse_constant=no)
        return True
    except (ValueError, RecursionError):
        return False


def clear(text):
    """Whether it is plain which field is wrong: not where the text could be refused before its fields are looked at."""
    return len(text) < 100 and b"\\" not in text and text.count(b"[") < 60 and text not in (b"1e309", b"1e-320")


def body_with(path, name, text):
    """The route's right body with one field of another value."""
    rest = {key: value for key, value in BODIES[path].items() if key != name and not (path == "/choose" and name == "text")}
    inner = json.dumps(rest).encode()[1:-1]
    return b"{" + (inner + b", " if inner else b"") + json.dumps(name).encode() + b": " + text + b"}"


def fits(kind, value):
    """Whether a value may be right: False only where it can not."""
    name, least, most = (*kind, None, None)[:3]
    if name in (NUMBER, INTEGER):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        if name == INTEGER and isinstance(value, float) and (math.isinf(value) or value != int(value)):
            return False
        return not (least is not None and value < least) and not (most is not None and value > most) and not math.isinf(value)
    types = {BOOLEAN: bool, TEXT: str, LIST: list, OBJECT: dict, ANY: object}
    return isinstance(value, types[name])


def expected(path, name, text):
    """400 where the value can not be right; 200 where it must be; None: either."""
    if not is_json(text):
        return 400
    value, kind = json.loads(text), FIELDS[path][name]
    if name == "suffix" and value == "":
        return 200  # none
    if name in ("suffix", "no_such", "tools", "n_discard", "id_slot"):
        return None if value is None or value == [] else 400
    if value is None:
        return None
    if name in ("return_progress", "timings_per_token") and value is True or name == "stream_options":
        return 400  # of what is not streamed
    if not fits(kind, value):
        return 400
    if kind[0] == INTEGER and None not in kind[1:] and isinstance(value, int) and name not in ("best_of", "top_logprobs", "max_tokens",
                                                                                                "max_completion_tokens", "n_predict"):
        return 200
    return 200 if kind[0] == BOOLEAN and path not in ("/check", "/v1/chat/completions", "/apply-template") else None


def cases():
    return [(path, name, text) for path, fields in FIELDS.items() for name in fields for text in VALUES]


PIECES = [b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"null", b"NaN", b"1e999", b"-", b"\x00", b"\xff", b"\\ud800", b"\\u0000", b" ", b"\n", b"9" * 400,
          b'"n": 1000000,', b'"model": "none",', b'"prompt": [[[1]]],', b'"stop": ["", ""],', b"[" * 70, b"true", b"\xe2\x82", b"\xf0\x9f\x99\x82"]


def mutated(draw, data):
    """Some changes at random places: a byte, a piece put in, a part taken out, doubled or exchanged."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        at, to = draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)
        at, to = min(at, to), max(at, to)
        how = draw.randrange(6)
        if how == 0 and at < len(data):
            data[at] = draw.randrange(256)
        elif how == 1:
            data[at:at] = draw.choice(PIECES)
        elif how == 2:
            del data[at:min(to, at + 8)]
        elif how == 3:
            data[at:at] = data[at:to]
        elif how == 4:
            del data[at:]
        elif at < len(data):
            data[at] ^= 1 << draw.randrange(8)
    return bytes(data)
