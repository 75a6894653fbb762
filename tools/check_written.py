#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models that the engine writes (train/write_model.h), and what `export --to` makes of them, are read by llama.cpp and by
transformers: logits at all positions against `ropewalk logits`, within 1e-2, and the ids of a text. Prints a table of Markdown; exit code 1 if a row fails.

Usage: tools/check_written.py --build build/release --transformers PYTHON --llama-cpp PYTHON [--model SMOLLM2.gguf]

Needs the target write_for_engines. Called by tools/check_export."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy
except ImportError:  # main starts again under an interpreter that has it
    numpy = None

root = pathlib.Path(__file__).resolve().parent.parent
TOLERANCE = 1e-2
TEXT = "The year 1984, it's 12,345.60 €!\n\n\tdef f(x):  return x  # naïve\nUPPER lower 漢字 <|endoftext|> end"
IDS = """import json, sys, transformers
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
print(json.dumps(tokenizer(sys.stdin.read())["input_ids"]))"""


RECIPE = """seed = 1
[model]
name = "tiny"
tokenizer = "{tokenizer}"
d_model = 64
n_layers = 2
n_heads = 2
head_dim = 32
d_ff = 96
n_ctx = 128
[data]
text = [ {{ file = "{text}", hold_out = 2000 }} ]
[[stage]]
name = "a"
steps = 20
n_ctx = 64
tokens = 512
rate = 1e-2
"""


class Peer:
    """A process of tools/peers that computes logits for one line of JSON after another."""

    def __init__(self, python, script):
        self.process = subprocess.Popen([python, root / "tools/peers" / script], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.versions = json.loads(self.process.stdout.readline())

    def ask(self, **task):
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else {"error": "the engine ended"}


class Check:
    def __init__(self, options, work):
        self.build, self.work, self.failed = pathlib.Path(options.build), pathlib.Path(work), 0
        self.python = options.transformers
        self.transformers = options.transformers and Peer(options.transformers, "run_transformers.py")
        self.llama = options.llama_cpp and Peer(options.llama_cpp, "run_llama_cpp.py")

    def run(self, *command, text=None):
        done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
        return done.stdout

    def write(self, source, target, method=None, n=0, change=0.05):
        more = [method, n] if method else []
        self.run(self.build / "write_for_engines", source, target, "F32", change, *more)

    def ours(self, model, tokens, *more):
        (self.work / "ids").write_text(" ".join(map(str, tokens)))
        self.run(self.build / "ropewalk", "logits", model, "--tokens", self.work / "ids", "--precision", "f32",
                 "--out", self.work / "ours.npy", *more)
        return numpy.load(self.work / "ours.npy")

    def their(self, model, tokens, keys=None):
        out = str(self.work / "theirs.npy")
        if model.suffix == ".gguf":
            answer = self.llama.ask(model=str(model), flags=["-c", str(len(tokens))], tokens=tokens, float32=False, out=out)
        else:
            answer = self.transformers.ask(folder=str(model), keys=keys or {}, tokens=tokens, out=out)
        if "error" in answer:
            return None, answer["error"]
        return numpy.load(out), ""

    def row(self, name, good, *cells):
        self.failed += not good
        print(f"| {name} | {' | '.join(cells)} | {'' if good else '**fails**'} |", flush=True)

    def logits(self, name, model, n, keys=None, ours=None, more=()):
        tokens = numpy.random.default_rng(7).integers(1, 900, n).tolist()
        engine = "llama.cpp" if model.suffix == ".gguf" else "peft + transformers" if keys else "transformers"
        if not (self.llama if model.suffix == ".gguf" else self.transformers):
            return print(f"| {name} | {engine} | {n} | not run | |")
        theirs, error = self.their(model, tokens, keys)
        if theirs is None:
            return self.row(name, False, engine, str(n), error)
        worst = float(numpy.abs(theirs - self.ours(ours or model, tokens, *more)).max())
        self.row(name, worst <= TOLERANCE, engine, str(n), f"{worst:.1e}")

    def exported(self, source, to, method, n=512):
        """What `export --to` makes of a written model, as it stands there: its numbers are the source's under the method."""
        out = self.work / ("exported.gguf" if to == "gguf" else f"exported-{to}")
        self.run(self.build / "ropewalk", "export", source, "--method", method, "--length", n, "--to", to, "--out", out)
        model = out / "model.gguf" if to == "ollama" else out
        self.logits(f"`{method}` of {source.name}, `export --to {to}`", model, n, ours=source, more=("--method", method))

    def ids(self, name, folder):
        ours = json.loads("[" + self.run(self.build / "ropewalk", "tokenize", folder, "-", "--special", "--ids",
                                         text=TEXT).strip().replace(" ", ",") + "]")
        theirs = json.loads(self.run(self.python, "-c", IDS, folder, text=TEXT))
        self.row(name, ours == theirs or ours == theirs[1:], "AutoTokenizer", "", f"{len(ours)} ids")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(root / "build/release"))
    parser.add_argument("--transformers", help="an interpreter with torch and transformers")
    parser.add_argument("--llama-cpp", help="an interpreter with llama_cpp and gguf")
    parser.add_argument("--model", type=pathlib.Path, help="a GGUF file of a real model of Llama's kind, tried too")
    options = parser.parse_args()
    if numpy is None:
        python = options.transformers or options.llama_cpp
        if not python:
            raise SystemExit("check_written: name an interpreter with numpy")
        os.execv(python, [python, *sys.argv])
    small = root / "models/short-256.gguf"
    with tempfile.TemporaryDirectory() as work:
        check = Check(options, work)
        print("| written | read by | tokens | worst difference of a logit | |\n|" + " --- |" * 5)
        work = check.work
        check.write(small, work / "gguf.gguf")
        check.write(small, work / "folder")
        check.write(work / "folder", work / "from_folder.gguf")
        check.write(work / "folder", work / "from_folder")
        for name, model in (("GGUF of a GGUF", "gguf.gguf"), ("folder of a GGUF", "folder"),
                            ("GGUF of a folder", "from_folder.gguf"), ("folder of a folder", "from_folder")):
            check.logits(name, work / model, 256)
        for name in ("folder", "from_folder") if check.transformers else ():
            check.ids(name, work / name)
        for i, method in enumerate(("pi:factor=4", "ntk:factor=4", "yarn:factor=4", "yarn:factor=8,attention_factor=1",
                                    "llama3:factor=4", "ntk-by-parts:factor=4")):
            for source, target in ((small, f"{i}.gguf"), (work / "folder", f"{i}")):
                check.write(source, work / target, method, 1024)
                check.logits(f"`{method}` said in a {'GGUF' if '.' in target else 'folder'}", work / target, 512)
        for method in ("pi:factor=4", "ntk:factor=4", "yarn:factor=4", "yarn:factor=8,attention_factor=1", "ntk-by-parts:factor=4",
                       "dynamic-ntk:factor=2"):
            check.exported(work / "gguf.gguf", "gguf", method)
            check.exported(work / "folder", "hf", method)
        check.exported(work / "gguf.gguf", "ollama", "yarn:factor=4")
        recipe = RECIPE.format(tokenizer=small, text=root / "data/persuasion.txt")
        (work / "tiny.toml").write_text(recipe)
        check.run(check.build / "ropewalk", "train", work / "tiny.toml", "--out", work / "trained")
        for name in ("model.gguf", "model"):
            check.logits(f"`train` from sizes: {name}", work / "trained" / name, 128)
        check.write(small, work / "base", change=0)
        for name, source in (("folder", work / "base"), ("GGUF", small)):
            check.run(check.build / "write_for_engines", source, work / f"adapter_{name}", "adapter", 0.2)
            merged = work / f"adapter_{name}.merged{'' if name == 'folder' else '.gguf'}"
            check.logits(f"pairs merged into a {name}", merged, 256)
            check.logits(f"adapter of a {name}", work / "base", 256, {"adapter": str(work / f"adapter_{name}")}, merged)
        for i, method in enumerate(("none", "ntk:factor=4", "base:value=40000", "pi:factor=4", "yarn:factor=4")):
            target = work / f"adapter_{i}"  # base_config.json says the method, as docs/finetuning.md reads it
            check.run(check.build / "write_for_engines", work / "base", target, "adapter", 0.2, method, 1024)
            check.logits(f"adapter under `{method}`", work / "base", 512, {"adapter": str(target)}, work / f"adapter_{i}.merged")
        if options.model:
            for target in ("real.gguf", "real"):
                check.write(options.model.resolve(), work / target)
                check.logits(f"{options.model.name} as a {'GGUF' if '.' in target else 'folder'}", work / target, 256)
            check.exported(work / "real.gguf", "gguf", "yarn:factor=4,trained=128")
            check.exported(work / "real", "hf", "yarn:factor=4,trained=128")
            check.run(check.build / "write_for_engines", options.model.resolve(), work / "real_adapter", "adapter", 0.02)
            check.write(options.model.resolve(), work / "real_base", change=0)
            check.logits(f"adapter of {options.model.name}", work / "real_base", 256, {"adapter": str(work / "real_adapter")},
                         work / "real_adapter.merged.gguf")
            if check.transformers:
                check.ids(f"{options.model.name} as a folder", work / "real")
        print(f"\n{check.failed} of the written models fail")
    return 1 if check.failed else 0


sys.exit(main())
