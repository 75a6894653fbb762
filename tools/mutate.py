#!/usr/bin/env python3
"""Do the tests find it? Flips one operator or constant at a time and runs the tests that should notice.

    tools/mutate.py                         24 mutants: some minutes
    tools/mutate.py --count 300 --seed 1    a campaign; goes on where it was stopped
    tools/mutate.py --only results          of src/results alone
    tools/mutate.py --only kernels --part 1/2    every second one; areas and parts may run beside each other, and a
                                            run of the whole then knows what they found

Works in a copy of the tracked files, build/mutate/tree. A mutant that does not compile is none; one whose tests fail or
do not end is found. With --asan one that passes is tried once more under AddressSanitizer. Each result goes to build/mutate/results.jsonl; found ones are not tried again, survivors are.
tools/mutants_equivalent.txt lists those that change nothing a test could see, each with its reason: they do not count.
Survivors are listed, with their line. Exit 1: less than 95 % were found.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import resource
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutate"
TREE = WORK / "tree"
EQUIVALENT = ROOT / "tools/mutants_equivalent.txt"
QUICK_KERNELS = "Registry/Attention.EqualsTheDefinition/*:Rotated.*:Drop.*:Linear.*:FeedForward.*:LogSumExp.*:Registry/Formats.*"
# Sources; the test that should notice; what it runs, the quick part first, and in which environment.
AREAS = {
    "methods": (["src/methods/factors.cpp", "src/methods/lower.cpp", "src/methods/method.cpp", "src/methods/published/*.cpp"],
                "test_methods", [("*", {})]),
    "results": (["src/results/statistics.cpp", "src/results/verdict.cpp", "src/results/summary.cpp", "src/results/derived.cpp"],
                "test_results", [("-Lead.*:Simulation.*:StoreFile.*", {}), ("Simulation.*:Lead.*", {})]),
    "kernels": (["src/kernels/reference/*.cpp", "src/kernels/cpu/attention.cpp", "src/kernels/cpu/prefill.cpp",
                 "src/kernels/cpu/decode.cpp", "src/kernels/cpu/kv_layer.cpp"], "test_kernels",
                [(QUICK_KERNELS, {"ROPEWALK_ISA": "avx2"}), ("-" + QUICK_KERNELS, {"ROPEWALK_ISA": "avx2"}), (QUICK_KERNELS, {})]),
}
FLIPS = [(r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "), (r" < ", " <= "), (r" <= ", " < "),
         (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
         (r"std::min\(", "std::max("), (r"std::max\(", "std::min("), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
         (r" \+= ", " -= "), (r" -= ", " += "), (r"std::floor\(", "std::ceil("), (r"std::ceil\(", "std::floor("),
         (r"!(?=[a-z(])", "")]
NUMBER = re.compile(r"(?<![\w.\"'#])(?<!\de[-+])(\d+\.\d+|\d+)(?![\w.\"'])")


def code_of(line):
    """The part of a line that is code; nothing of includes, registrations' texts and messages."""
    if line.lstrip().startswith(("#", "//", "/*", "*", ".", "template", "using", "static_assert", "RW_CHECK")) or '"' in line:
        return ""
    return line.split("//")[0]


def mutants_of(name):
    """(path, line number, which of the lines of this text, old line, new line, what was done) of every mutant of a file."""
    found, seen = [], {}
    for number, line in enumerate((ROOT / name).read_text().splitlines()):
        code, nth = code_of(line), seen.setdefault(line, 0)
        seen[line] += 1
        for pattern, new in FLIPS:
            for match in re.finditer(pattern, code):
                found.append((name, number, nth, line, line[:match.start()] + new + line[match.end():],
                              f"{match[0].strip()} -> {new.strip()}"))
        for match in NUMBER.finditer(code):
            value = match[0]
            new = str(float(value) * 1.5 + 0.25) if "." in value else str(int(value) + 1)
            found.append((name, number, nth, line, line[:match.start()] + new + line[match.end():], f"{value} -> {new}"))
    return found


def sample_of(area, seed):
    """An area's mutants in an order of chance that an edit elsewhere in the file does not change."""
    mutants = [mutant for pattern in AREAS[area][0] for path in sorted(ROOT.glob(pattern))
               for mutant in mutants_of(str(path.relative_to(ROOT)))]
    return sorted(mutants, key=lambda m: hashlib.sha256(repr((seed, m[0], *m[2:5])).encode()).digest())


def equivalents():
    """{(path, old line, new line)}. An entry: the path, then indented "- old", "+ new" and the reason."""
    known, path, old, new = set(), "", "", ""
    for line in EQUIVALENT.read_text().splitlines() if EQUIVALENT.exists() else []:
        text = line.strip()
        if not text or line.startswith("#"):
            continue
        if not line.startswith(" "):
            path, lines = text, {source.strip() for source in (ROOT / text).read_text().splitlines()}
        elif text.startswith("- "):
            old = text[2:]
            if old not in lines:
                sys.exit(f"{EQUIVALENT.name}: expected a line of {path}; found: {old}; hint: the source changed")
        elif text.startswith("+ "):
            new = text[2:]
        else:
            known.add((path, old, new))
    return known


def run(command, build, seconds=None, **more):
    """The exit status. SECONDS: of processor time, so that a busy machine kills nothing; a deadlock ends after ten minutes."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))) if seconds else None
    try:
        return subprocess.run(command, cwd=build, timeout=7200 if not seconds else 600, preexec_fn=limit, capture_output=True,
                              text=True, check=False, **more).returncode
    except subprocess.TimeoutExpired:
        return 124


def copy_tree():
    TREE.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    for name in files:
        source, target = ROOT / name, TREE / name
        if source.is_file() and (not target.exists() or source.read_bytes() != target.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


class Trial:
    """A build of the copy, in which an area's mutants are compiled alone, linked and run."""

    def __init__(self, area, preset, part):
        _, test, runs = AREAS[area]
        self.build, self.stem = TREE / "build" / preset, f"mutant_{area}_{part[0]}"  # as deep as a checkout's, so that ccache knows it
        if not (self.build / "build.ninja").exists():
            run(["cmake", "--preset", preset, "-DCMAKE_UNITY_BUILD=OFF", "-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=gold"], TREE)
        if run(["ninja", test], self.build) != 0:
            sys.exit(f"mutate: expected a tree that builds; found one that does not; hint: ninja -C {self.build} {test}")
        self.compiles = {entry["file"]: entry["command"]
                         for entry in json.loads((self.build / "compile_commands.json").read_text())}
        self.link = subprocess.run(["ninja", "-t", "commands", "-s", test], cwd=self.build, capture_output=True, text=True,
                                   check=True).stdout.replace(f"-o {test} ", f"-o {self.stem} ")
        runs = runs if preset == "release" else runs[:1]  # under a sanitizer the quick part
        took = self.seconds_of(area, test, runs)
        self.runs = [(["--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={part}"], int(5 * seconds) + 5,
                      {**os.environ, **environment}) for (part, environment), seconds in zip(runs, took)]

    def seconds_of(self, area, test, runs):
        """Processor time of the tests as they are; kept until they are built again."""
        kept_file, built, took = self.build / f"took_{area}.json", (self.build / test).stat().st_mtime, []
        kept = json.loads(kept_file.read_text()) if kept_file.exists() else {}
        if kept.get("built") == built:
            return kept["took"]
        for part, environment in runs:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if run([f"./{test}", "--gtest_brief=1", f"--gtest_filter={part}"], self.build, env={**os.environ, **environment}) != 0:
                sys.exit(f"mutate: expected tests that pass; found one that fails; hint: {self.build}/{test} --gtest_filter='{part}'")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        kept_file.write_text(json.dumps({"built": built, "took": took}))
        return took

    def result(self, mutant):
        """found, survived, or none (it does not compile). At -O1: what is judged is the text, not the optimizer."""
        path, number, _, _, new_line, _ = mutant
        lines = (TREE / path).read_text().splitlines(keepends=True)
        lines[number] = new_line + "\n"
        source, made = self.build / f"{self.stem}.cpp", f"{self.stem}.o"
        source.write_text("".join(lines))
        words = [word for word in shlex.split(self.compiles[str(TREE / path)]) if not word.endswith("ccache")]
        whole = words[words.index("-o") + 1]
        renamed = {whole: made, str(TREE / path): str(source), "-O2": "-O1"}
        # An index out of a vector's range ends the test.
        if run([*(renamed.get(word, word) for word in words), "-w", "-D_GLIBCXX_ASSERTIONS"], self.build) != 0 or \
                run(["sh", "-c", self.link.replace(whole, made)], self.build) != 0:
            return "none"
        found = any(run([f"./{self.stem}", *options], self.build, seconds, env=environment) != 0
                    for options, seconds, environment in self.runs)
        return "found" if found else "survived"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=24)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", choices=sorted(AREAS))
    arguments.add_argument("--part", default="1/1", metavar="K/N")
    arguments.add_argument("--asan", action="store_true")
    options = arguments.parse_args()
    part, n_parts = map(int, options.part.split("/"))
    areas = [options.only] if options.only else sorted(AREAS)
    pools = {area: sample_of(area, options.seed)[part - 1::n_parts][::-1] for area in areas}
    equivalent, trials = equivalents(), {}
    copy_tree()
    results = WORK / "results.jsonl"
    known = {}
    for line in results.read_text().splitlines() if results.exists() else []:
        entry = json.loads(line)
        known[tuple(entry["mutant"])] = entry["result"]
    made, skipped, survivors = 0, 0, []
    while made < options.count and any(pools.values()):
        area = areas[made % len(areas)] if pools[areas[made % len(areas)]] else next(a for a in areas if pools[a])
        mutant = pools[area].pop()
        path, number, nth, old, new, what = mutant
        key = (path, nth, old, new)
        if (path, old.strip(), new.strip()) in equivalent:
            skipped += 1
            continue
        result = known.get(key)
        if result not in ("found", "none"):
            for preset in ("release", "asan") if options.asan else ("release",):
                if (area, preset) not in trials:
                    trials[area, preset] = Trial(area, preset, options.part)
                result = trials[area, preset].result(mutant)
                if result != "survived":
                    break
            with open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps({"mutant": key, "what": what, "result": result}) + "\n")
        if result == "none":
            continue
        made += 1
        if result == "survived":
            survivors.append(mutant)
        print(f"{made:4} {result:<9} {path}:{number + 1}  {what}", flush=True)
    for path, number, _, old, new, what in survivors:
        print(f"survived: {path}:{number + 1}: {what}\n  - {old.strip()}\n  + {new.strip()}")
    found = made - len(survivors)
    print(f"{found} of {made} mutants found, {100 * found / max(made, 1):.1f} %; {skipped} equivalent ones left out")
    sys.exit(found < 0.95 * made)


if __name__ == "__main__":
    main()
