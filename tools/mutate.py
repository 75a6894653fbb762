#!/usr/bin/env python3
"""Do the tests find it? Flips one operator or constant at a time and runs the tests that should notice.

    tools/mutate.py                         24 mutants: some minutes
    tools/mutate.py --count 300 --seed 1    a campaign; goes on where it was stopped
    tools/mutate.py --only results          of src/results alone

Works in a copy of the tracked files, build/mutate/tree. A mutant that does not compile is none; one whose tests fail or
do not end is found. Each result goes to build/mutate/results.jsonl; survivors are listed, with their line. Exit 1: less
than 95 % were found.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutate"
TREE = WORK / "tree"
# Sources, the tests that should notice, and how long those may take.
AREAS = {
    "methods": (["src/methods/factors.cpp", "src/methods/lower.cpp", "src/methods/method.cpp", "src/methods/published/*.cpp"],
                ["test_methods"], {}),
    "results": (["src/results/statistics.cpp", "src/results/verdict.cpp", "src/results/summary.cpp", "src/results/derived.cpp"],
                ["test_results"], {}),
    "kernels": (["src/kernels/reference/*.cpp", "src/kernels/cpu/attention.cpp", "src/kernels/cpu/prefill.cpp",
                 "src/kernels/cpu/decode.cpp", "src/kernels/cpu/kv_layer.cpp"], ["test_kernels"], {"ROPEWALK_ISA": "avx2"}),
}
FLIPS = [(r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "), (r" < ", " <= "), (r" <= ", " < "),
         (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
         (r"std::min\(", "std::max("), (r"std::max\(", "std::min("), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
         (r" \+= ", " -= "), (r" -= ", " += "), (r"std::floor\(", "std::ceil("), (r"std::ceil\(", "std::floor("),
         (r"!(?=[a-z(])", "")]
NUMBER = re.compile(r"(?<![\w.\"'#])(\d+\.\d+|\d+)(?![\w.\"'])")


def code_of(line):
    """The part of a line that is code; nothing of includes, registrations' texts and messages."""
    if line.lstrip().startswith(("#", "//", "/*", "*", ".", "template", "using", "static_assert", "RW_CHECK")) or '"' in line:
        return ""
    return line.split("//")[0]


def mutants_of(path):
    """(line number, new line, what was done) of every mutant of a file."""
    found = []
    for number, line in enumerate(path.read_text().splitlines()):
        code = code_of(line)
        for pattern, new in FLIPS:
            for match in re.finditer(pattern, code):
                found.append((number, line[:match.start()] + new + line[match.end():], f"{match[0].strip()} -> {new.strip()}"))
        for match in NUMBER.finditer(code):
            value = match[0]
            new = str(float(value) * 1.5 + 0.25) if "." in value else str(int(value) + 1)
            found.append((number, line[:match.start()] + new + line[match.end():], f"{value} -> {new}"))
    return found


def run(command, timeout, **more):
    try:
        return subprocess.run(command, cwd=TREE, timeout=timeout, capture_output=True, text=True, **more).returncode
    except subprocess.TimeoutExpired:
        return 124


def prepare(targets):
    WORK.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    for name in files:
        source, target = ROOT / name, TREE / name
        if source.is_file() and (not target.exists() or source.read_bytes() != target.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    run(["cmake", "-G", "Ninja", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1"], 600)
    if run(["cmake", "--build", "build", "--target", *targets], 7200) != 0:
        sys.exit("mutate: expected a tree that builds; found one that does not; hint: cmake --build build/mutate/tree/build")


def try_mutant(area, path, number, new_line):
    """found, survived, or none (it does not compile)."""
    _, tests, environment = AREAS[area]
    file = TREE / path
    before = file.read_text()
    lines = before.splitlines(keepends=True)
    lines[number] = new_line + "\n"
    try:
        file.write_text("".join(lines))
        if run(["cmake", "--build", "build", "--target", *tests], 600) != 0:
            return "none"
        for test in tests:
            if run([f"build/{test}", "--gtest_brief=1", "--gtest_fail_fast"], 300, env={**os.environ, **environment}) != 0:
                return "found"
        return "survived"
    finally:
        file.write_text(before)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=24)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=sorted(AREAS))
    options = arguments.parse_args()
    areas = [options.only] if options.only else sorted(AREAS)
    prepare([test for area in areas for test in AREAS[area][1]])
    chance = random.Random(options.seed)
    pools = {}
    for area in areas:
        pools[area] = [(str(path.relative_to(ROOT)), *mutant) for pattern in AREAS[area][0]
                       for path in sorted(ROOT.glob(pattern)) for mutant in mutants_of(path)]
        chance.shuffle(pools[area])
    results = WORK / "results.jsonl"
    known = {}
    if results.exists():
        for line in results.read_text().splitlines():
            entry = json.loads(line)
            known[(entry["path"], entry["line"], entry["new"])] = entry
    made, survivors = 0, []
    while made < options.count and any(pools.values()):
        area = areas[made % len(areas)] if pools[areas[made % len(areas)]] else next(a for a in areas if pools[a])
        path, number, new, what = pools[area].pop()
        entry = known.get((path, number + 1, new))
        if not entry:
            entry = {"path": path, "line": number + 1, "new": new, "what": what,
                     "result": try_mutant(area, path, number, new)}
            with open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        if entry["result"] == "none":
            continue
        made += 1
        if entry["result"] == "survived":
            survivors.append(entry)
        print(f"{made:4} {entry['result']:<9} {path}:{number + 1}  {what}", flush=True)
    for entry in survivors:
        print(f"survived: {entry['path']}:{entry['line']}: {entry['what']}: {entry['new'].strip()}")
    found = made - len(survivors)
    print(f"{found} of {made} mutants found, {100 * found / max(made, 1):.1f} %")
    sys.exit(found < 0.95 * made)


if __name__ == "__main__":
    main()
