#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ropewalk finetune and train at the edges of the families: what cannot be trained is refused by its kind, before lengths
and texts; what a family cannot have (an adapter, a GGUF, a comparison of methods) is said before the first step.

    tests/cli/train_kinds_test.py ROPEWALK SOURCE_DIR
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ropewalk, source = sys.argv[1], pathlib.Path(sys.argv[2])
golden = source / "tests/golden"
folder = pathlib.Path(tempfile.mkdtemp())
text = folder / "text.txt"
text.write_bytes(bytes(b for b in (source / "data/devil.txt").read_bytes()[:40000] if b < 128))


def run(*arguments, code=0):
    done = subprocess.run([ropewalk, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout, " ".join(done.stderr.split())


def with_tokenizer(name):
    """A tiny model of 128 tokens, said to be trained on as many, that reads ASCII: a byte is a token."""
    model = folder / name
    if model.exists():
        return model
    shutil.copytree(golden / "tiny" / name, model, ignore=shutil.ignore_patterns("*.gguf", "expected.json"))
    config = json.loads((model / "config.json").read_text())
    config["max_position_embeddings"] = 128
    (model / "config.json").write_text(json.dumps(config))
    visible = range(0x21, 0x7F)
    hidden = [b for b in range(256) if b not in [*visible, *range(0xA1, 0xAD), *range(0xAE, 0x100)]]
    letters = {chr(b) if b in visible else chr(256 + hidden.index(b)): b for b in range(128)}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (model / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": level, "post_processor": None,
        "decoder": level, "model": {"type": "BPE", "vocab": letters, "merges": []}}))
    return model


def train(model, *options, code=0, type="F32", file=text):
    config = folder / "train.toml"
    config.write_text(f'[model]\nfrom = "{model}"\ntype = "{type}"\n[[data.text]]\nfile = "{file}"\n[eval]\nevery = 0\n'
                      '[[stage]]\nsteps = 1\nn_ctx = 32\ntokens = 64\nrate = 1e-3\n')
    return run("train", config, *options, code=code)


def finetune(model, *options, code=0):
    return run("finetune", model, "--text", text, "--length", 256, "--batch", 512, "--steps", 2, "--documents", 6, "--tail",
               16, "--tasks", "tail", *options, code=code)


def check_refused_by_kind():
    """Neither the length, nor the text, nor the tokenizer that is missing comes first."""
    kinds = {"tiny/mixtral": "a mixture of experts", "tiny/qwen3_5_moe": "a mixture of experts",
             "tiny/deepseek_v3/model.gguf": "a mixture of experts", "packed/gptq": "not packed", "packed/awq": "not packed",
             "packed/pack_quantized": "not packed", "packed/fp8": "not packed"}
    for name, kind in kinds.items():
        for said in (run("finetune", golden / name, "--method", "pi", "--length", 8, "--text", "nothing.txt", code=1)[1],
                     train(golden / name, "--dry-run", code=1, file="nothing.txt")[1]):
            assert kind in said and name in said and "length" not in said and "nothing.txt" not in said, said


def check_within_the_length():
    said = run("finetune", with_tokenizer("qwen3_5"), "--method", "yarn", "--length", 32, "--text", text, code=2)[1]
    assert "more than the 128 tokens" in said and "ropewalk train, with [model] from" in said, said
    out, said = train(with_tokenizer("qwen3_5"), "--out", folder / "within")
    assert (folder / "within/model/config.json").exists() and not (folder / "within/model.gguf").exists(), said


def check_text_that_is_not_read():
    out, said = finetune(with_tokenizer("qwen3_5"), "--compare", "yarn", "none", "--against", "window", "--json")
    result = json.loads(out)
    assert result["n_unread"] == 6 and not result["enough"], result
    assert result["answer"][0].startswith("No advice: this model does not read this text: in 6 of 6 documents"), result
    for start in result["starts"]:
        assert set(start["passes"].values()) == {None} and not start["harmed"]["shown"], start
        assert not any(look["uses_far"]["shown"] or look["far_hurts"]["shown"] for look in start["looks"]), start
    assert "note: this model does not read this text" in said, said
    assert "a step of each of the 2 starts" in said and "look at all of them" in said, said


def check_no_layer_to_act_on():
    model = with_tokenizer("granite_hybrid")
    said = finetune(model, "--compare", "yarn", "none", "--dry-run", code=2)[1]
    assert "methods act on 0 of 3 layers: each is this model unchanged" in said and "6 documents" not in said, said
    said = finetune(model, "--method", "yarn", "--dry-run", code=2)[1]
    assert "--method none trains it" in said, said
    out, said = finetune(model, "--method", "none", "--dry-run", "--json")
    assert json.loads(out)["settings"]["against"] == [], out


def check_adapter():
    model, targets = with_tokenizer("phi3"), ["--targets", "attn_output", "ffn_down"]
    method = ["--method", "none", "--against", "window", "--out", folder / "run"]
    out, said = finetune(model, *method, "--dry-run", "--json")
    doubt, = [d for d in json.loads(out)["doubts"] if "adapter" in d]
    assert "attn_k, attn_q, attn_v, ffn_gate, ffn_up, each a part of a fused one" in doubt, doubt
    assert "--targets" in doubt and said.count("no adapter") == 1, said
    said = finetune(model, *method, *targets, "--dry-run", "--json")[1]
    assert "no adapter" not in said, said
    finetune(model, *method, *targets)
    assert (folder / "run/1-none/adapter/adapter_config.json").exists()


def check_what_is_written():
    qwen, llama = with_tokenizer("qwen3_5"), folder / "parrot"
    subprocess.run([sys.executable, source / "tests/cli/make_parrot.py", llama], check=True)
    said = train(qwen, "--dry-run")[1]
    assert f"in the container of {qwen} alone" in said and "qwen35" in said, said
    said = train(qwen, "--dry-run", code=1, type="Q8_0")[1]
    assert "[model] type" in said and "F32, F16 or BF16" in said, said
    said = train(with_tokenizer("llama"), "--dry-run", code=1, type="Q8_0")[1]
    assert "rows of a multiple of 32" in said, said
    assert "alone" not in train(llama, "--dry-run", type="Q8_0")[1]
    train(llama, "--out", folder / "both", type="Q8_0")
    assert "Q8_0" in run("inspect", folder / "both/model.gguf")[0] and (folder / "both/model/config.json").exists()


def check_weight_memory():
    """Training holds its weights in memory: there is no such option, and no outlook of writing."""
    assert "--weight-memory" in run("eval", "--help")[0]
    for command in "finetune", "train":
        assert "--weight-memory" not in run(command, "--help")[0]
    said = finetune(with_tokenizer("llama"), "--method", "pi", "--weight-memory", "1M", code=2)[1]
    assert "--weight-memory" in said and "token written" not in said, said


for check in (check_refused_by_kind, check_within_the_length, check_text_that_is_not_read, check_no_layer_to_act_on,
              check_adapter, check_what_is_written, check_weight_memory):
    check()
shutil.rmtree(folder)
print("what cannot be trained, compared or written is said by its kind, before it is tried")
