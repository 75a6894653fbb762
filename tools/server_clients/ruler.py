# SPDX-License-Identifier: Apache-2.0
"""RULER's own scripts/pred/call_api.py against the server, out of a checkout that the user names. What it imports and this needs
not (NeMo's reader of JSON lines, tiktoken's tables, which come from the network) is stood in for. `--server_type openai` speaks
the chat route; `vllm` and `sglang` speak PUT /generate of RULER's own little servers."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import served

WORDS = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "
PREFIX = " The special magic number for {name} mentioned in the provided text is"
# The model's name is one that RULER knows a length of.
MODEL = "gpt-3.5-turbo-16k"
RUNNER = """
import json, os, runpy, sys, types

def module(name, **values):
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    vars(sys.modules[name]).update(values)

def read_manifest(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]

class Encoding:
    def encode(self, text):
        return text.split()

module("nemo.collections.asr.parts.utils.manifest_utils", read_manifest=read_manifest)
module("tiktoken", get_encoding=lambda name: Encoding())
folder = sys.argv[1]
sys.path.insert(0, folder)
import client_wrappers
if not hasattr(client_wrappers.OpenAIClient, "process_batch"):  # missing at c3f5e3b: call_api.py calls it of every client
    print("RULER: OpenAIClient has no process_batch; one by one", file=sys.stderr)
    client_wrappers.OpenAIClient.process_batch = lambda self, prompts, **more: [self(p) for p in prompts]
sys.argv = [os.path.join(folder, "call_api.py"), *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def make_questions(path, n):
    draw = random.Random(1)
    path.parent.mkdir(parents=True)
    with open(path, "w", encoding="utf-8") as file:
        for i in range(n):
            name, number = draw.choice(("rain", "stone", "river", "wind")), draw.randrange(1_000_000, 9_999_999)
            hidden = f"One of the special magic numbers for {name} is: {number}. "
            text = (f"Some special magic numbers are hidden within the following text. Make sure to memorize it.\n{WORDS * 12}{hidden}{WORDS * 12}\n"
                    f"What is the special magic number for {name} mentioned in the provided text?")
            file.write(json.dumps({"index": i, "input": text, "outputs": [str(number)], "length": len(text.split()),
                                   "answer_prefix": PREFIX.format(name=name)}) + "\n")


def run_type(args, server, kind, work):
    data = work / "data/niah_single_1/validation.jsonl"
    if not data.exists():
        make_questions(data, 8)
    variables = {**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{server.url.rstrip('/')}/v1", "AZURE_API_ID": "", "AZURE_API_SECRET": "",
                 "AZURE_API_ENDPOINT": ""}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, args.ruler.resolve() / "scripts/pred", "--data_dir", work / "data", "--save_dir", work / f"pred_{kind}",
         "--benchmark", "synthetic", "--task", "niah_single_1", "--server_type", kind, "--server_host", server.host, "--server_port",
         str(server.port), "--model_name_or_path", MODEL, "--temperature", "0.0", "--top_k", "32", "--top_p", "1.0",
         "--threads", "1"],  # its OpenAIClient keeps the messages of all threads in one dict: with 4 they get each other's
        env=variables, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise served.Failed(f"call_api.py --server_type {kind}: {done.stderr[-1500:]}")
    with open(work / f"pred_{kind}/niah_single_1.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(args, check):
    if args.ruler is None:
        print("ruler: not run; name a checkout of NVIDIA/RULER by --ruler")
        return
    with tempfile.TemporaryDirectory() as folder, \
            served.Server(args.ropewalk, f"{MODEL}={args.model}", "-c", "16384", seconds=300) as server:
        work = pathlib.Path(folder)
        put = server.request("PUT", "/generate", json.dumps({"prompt": "a", "max_tokens": 1}).encode())
        kinds = ["openai", *(["vllm"] if put.status == 200 else [])]
        if put.status != 200:
            print(f"  RULER's vllm protocol: PUT /generate is not offered ({put.status})")
        for kind in kinds:
            rows = run_type(args, server, kind, work)
            right = sum(row["outputs"][0] in row["pred"] for row in rows)
            print(f"  call_api.py --server_type {kind}: {len(rows)} answers, {right} have the number; {rows[0]['pred'][:60]!r}")
            check(len(rows) == 8 and all(isinstance(row["pred"], str) and row["pred"] for row in rows), f"{kind}: {rows[:1]}")
            if kind == "openai":
                first = server.post("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": rows[0]["input"]}],
                                                             "max_tokens": 128, "temperature": 0, "seed": 0, "top_p": 1.0, "stop": []}, timeout=300)
                check(first.json["choices"][0]["message"]["content"] == rows[0]["pred"], "an answer is that of the same request made here")
        check(server.idle(), "nothing is left at work")
