#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two types or functions of one name in two files of src/ are one to the linker, which takes either (the one definition
rule): this finds them. Names in anonymous namespaces are a file's own; `static` functions too. And std::memcpy of a size
that is known only when it runs may not be given what an empty vector has: core/bytes.h's copy_bytes may.

    tools/check_names.py        silent where all is well; else file and line of each pair, and 1
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPEN = re.compile(r"^(?:inline )?namespace\s*([\w:]*)\s*(?:\[\[.*\]\]\s*)?\{")
CLOSE = re.compile(r"^\}\s*// namespace")
TYPE = re.compile(r"^(?:template\s*<.*>\s*)?(?:struct|class|union|enum(?: class| struct)?)\s+(?:alignas\([^)]*\)\s*)?(\w+)"
                  r"(?:\s+final)?\s*(?::[^:;].*)?\{")
FUNCTION = re.compile(r"^(?!static |extern |return |using |typedef |template|#|//|\}|\s)[\w:<>,&*\s]*?[\w>&*]\s+[&*]*(\w+)\((.*)")

COPY = re.compile(r"std::memcpy\((?!.*, (?:sizeof(?: [\w.]+|\([\w:]+\))|\d+)\);)")


def definitions(path: pathlib.Path):
    """(qualified name, line) of each type, and of each function of a .cpp, that the linker sees."""
    spaces, lines = [], path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if found := OPEN.match(line):
            spaces.append(found[1])
        elif CLOSE.match(line):
            spaces.pop()
        elif "" in spaces or not spaces:
            continue
        elif found := TYPE.match(line):
            yield "::".join(spaces + [found[1]]), number
        elif path.suffix == ".cpp" and (found := FUNCTION.match(line)):
            signature = line
            for more in lines[number : number + 8]:
                if "{" in signature or ";" in signature:
                    break
                signature += " " + more.strip()
            if "{" in signature.split(";")[0]:
                arguments = re.sub(r"\s+", " ", found[2] + signature[len(line):]).split("{")[0]
                yield "::".join(spaces + [found[1]]) + "(" + arguments, number


def main() -> int:
    found = collections.defaultdict(list)
    copies = []
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cpp"):
            place = path.relative_to(ROOT)
            for name, line in definitions(path):
                found[name].append(f"{place}:{line}")
            if path.name != "bytes.h":
                copies += [f"{place}:{number}" for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                           if COPY.search(line)]
    twice = {name: places for name, places in found.items() if len({p.split(":")[0] for p in places}) > 1}
    for name, places in sorted(twice.items()):
        print(f"{name}: defined in {' and '.join(places)}", file=sys.stderr)
    for place in copies:
        print(f"{place}: std::memcpy of a size known only when it runs: copy_bytes of core/bytes.h", file=sys.stderr)
    return 1 if twice or copies else 0


if __name__ == "__main__":
    sys.exit(main())
