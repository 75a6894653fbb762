#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Errors of what the library is made of call an option by option("n_predict") (core/option.h), which is --n-predict on the command
line alone: this finds those that spell a flag, a command or a route of the server.

    tools/check_options.py      silent where all is well; else file and line of each, and 1
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("core", "methods", "quant", "formats", "tokenizer", "chat", "kernels", "metrics", "documents", "results", "model", "judge",
          "report", "evaluation", "face")
COMMAND_LINE = ("judge/import/", "model/describe.cpp")  # what only the program calls
THROWN = re.compile(r"\b(?:Error|Failure|refuse\w*|require_\w+|say)\s?[({]")
FLAG = re.compile(r'"[^"]*(?:--[a-z]|ropewalk [a-z]+ |`ropewalk |ropewalk tune|/v1/)')


def call(text: str, begin: int) -> str:
    """From a bracket on to the one that closes it; brackets within strings count for nothing."""
    depth, quoted = 0, False
    for at in range(begin, len(text)):
        if text[at] == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and text[at] in "({":
            depth += 1
        elif not quoted and text[at] in ")}":
            depth -= 1
            if depth == 0:
                return text[begin : at + 1]
    return text[begin:]


def without_options(text: str) -> str:
    while (found := re.search(r"\boption\(", text)) is not None:
        text = text[: found.start()] + text[found.end() - 1 + len(call(text, found.end() - 1)) :]
    return text


def main() -> int:
    wrong = []
    for layer in LAYERS:
        for path in sorted((ROOT / "src" / layer).rglob("*")):
            name = str(path.relative_to(ROOT / "src"))
            if path.suffix not in (".h", ".cpp") or name.startswith(COMMAND_LINE):
                continue
            text = path.read_text(encoding="utf-8")
            for found in THROWN.finditer(text):
                if FLAG.search(without_options(call(text, found.end() - 1))):
                    wrong.append(f"src/{name}:{text.count(chr(10), 0, found.start()) + 1}: an error that spells a flag or a command: option() does it")
    print("\n".join(wrong), end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
