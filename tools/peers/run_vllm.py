#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lines that `ropewalk export --to vllm` prints, read by vLLM itself: the losses of a text's tokens under each, against
`ropewalk logits --method ... --precision f32`. Run by the Python of tools/vllm_cpu.sh, whose `folder` makes FOLDER of MODEL:

    venv-vllm/bin/python tools/peers/run_vllm.py build/release/ropewalk models/short-256.gguf served data/persuasion.txt none yarn:factor=4 pi:factor=4

For each method the greatest difference of a loss, and how far plain RoPE is: what a setting that is not read would give."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LENGTH = 1024  # tokens that the lines are made for; one of them is written
EACH = "--each"
ON_CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "TORCHDYNAMO_DISABLE": "1",
          "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1", "VLLM_CONFIGURE_LOGGING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}


def losses_here(program, model, method, ids):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        print(*ids, file=file, flush=True)
        run = subprocess.run([program, "logits", model, "--method", method, "--precision", "f32", "--tokens", file.name, "--nll"],
                             stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["nll"]


def one(program, model, folder, text, method):
    os.environ.update(ON_CPU)
    from vllm import LLM, SamplingParams
    keys = {}
    if method != "none":
        line = subprocess.run([program, "export", folder, "--method", method, "--length", str(LENGTH), "--to", "vllm"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        keys = json.loads(re.search(r"--hf-overrides '(.*)'", line)[1])
    llm = LLM(model=folder, hf_overrides=keys or {"max_position_embeddings": LENGTH}, max_model_len=LENGTH, dtype="float32", enforce_eager=True,
              max_num_seqs=1, max_num_batched_tokens=LENGTH)
    ids = llm.get_tokenizer().encode(pathlib.Path(text).read_text(encoding="utf-8")[20000:40000], add_special_tokens=False)[:LENGTH - 1]
    asked = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0)
    found = llm.generate({"prompt_token_ids": ids}, asked)[0].prompt_logprobs
    there = [-each[id].logprob for each, id in zip(found[1:], ids[1:])]
    apart = {name: max(abs(a - b) for a, b in zip(there, losses_here(program, model, name, ids))) for name in {method, "none"}}
    print(f"{method}: {len(there)} losses, at most {apart[method]:.1e} apart; plain RoPE {apart['none']:.1e}", flush=True)
    os._exit(0 if apart[method] < 1e-3 else 1)  # vLLM's threads do not end by themselves


def main():
    if EACH in sys.argv:
        sys.argv.remove(EACH)
        one(*sys.argv[1:])
    rest = sys.argv[1:5]
    failed = [method for method in sys.argv[5:]
              if subprocess.run([sys.executable, __file__, EACH, *rest, method], stderr=subprocess.DEVNULL).returncode]
    print("failed: " + " ".join(failed) if failed else "each within 1e-3")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
