# SPDX-License-Identifier: Apache-2.0
"""Logits of a Hugging Face folder whose config.json has been given the keys that `ropewalk export` prints.
One process for many: reads JSON lines {folder, keys, tokens, out} from standard input, writes out (.npy, float32
[n, n_vocab]) and answers one line each, {} or {"error": ...}. Float32, eager attention, CPU."""
import json
import pathlib
import sys
import tempfile
import warnings
import numpy
import torch
import transformers

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()


def logits(folder, keys, tokens):
    """`keys` are put into a copy of config.json, in place of rope_theta and rope_scaling, as the line's note says; without
    any the folder is read as it is. {"adapter": PATH} is a folder of PEFT's that is put on the model."""
    folder = pathlib.Path(folder).resolve()
    if "rope_parameters" not in keys:
        config = transformers.AutoConfig.from_pretrained(folder)
        method = pathlib.Path(keys.get("adapter", folder)) / "base_config.json"
        if "adapter" in keys and method.exists():  # as docs/finetuning.md says it
            config.update(json.loads(method.read_text()))
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32,
                                                                  attn_implementation="eager")
        if "adapter" in keys:
            import peft
            model = peft.PeftModel.from_pretrained(model, keys["adapter"])
        with torch.no_grad():
            return model.eval()(torch.tensor([tokens])).logits[0].numpy()
    with tempfile.TemporaryDirectory() as copy:
        config = json.loads((folder / "config.json").read_text())
        for old in ("rope_theta", "rope_scaling"):
            config.pop(old, None)
        config.update(keys)
        (pathlib.Path(copy) / "config.json").write_text(json.dumps(config))
        (pathlib.Path(copy) / "model.safetensors").symlink_to(folder / "model.safetensors")
        model = transformers.AutoModelForCausalLM.from_pretrained(copy, dtype=torch.float32, attn_implementation="eager")
        read = transformers.AutoConfig.from_pretrained(copy).rope_parameters
        for key, value in keys["rope_parameters"].items():  # nothing was dropped or renamed on the way
            assert read[key] == value, f"{key} became {read.get(key)}"
    with torch.no_grad():
        return model.eval()(torch.tensor([tokens])).logits[0].numpy()


print(json.dumps({"transformers": transformers.__version__, "torch": torch.__version__}), flush=True)
for line in sys.stdin:
    task, answer = json.loads(line), {}
    try:
        numpy.save(task["out"], logits(task["folder"], task["keys"], task["tokens"]))
    except Exception as error:  # the caller prints it as this line's result
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), flush=True)
