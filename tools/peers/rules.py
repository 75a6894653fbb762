# SPDX-License-Identifier: Apache-2.0
"""How vLLM, SGLang and LMDeploy read the lines that `ropewalk export` prints: written down from their sources, since none runs
on a machine without a GPU. A line is judged by what its reader would take from it: does the engine start, does its table hold
the length, and is what it reads the same change of frequencies as the transformers line, which is run.

Sources, by repository and path (read in November 2026):
  vllm-project/vllm  vllm/config/model.py _get_and_verify_max_len; vllm/model_executor/layers/rotary_embedding/
                     {__init__,linear_scaling_rope,yarn_scaling_rope,phi3_long_rope_scaled_rope}.py;
                     vllm/transformers_utils/config.py patch_rope_parameters; PRs 28006 (0.11.1), 44286, 46280, 48351, 56446
  sgl-project/sglang python/sglang/srt/configs/model_config.py _derive_context_length; utils/hf_transformers_utils.py
                     get_context_length, get_rope_config; layers/rotary_embedding/{factory,yarn}.py; issues 2108, 2943
  InternLM/lmdeploy  0.16.0 (commit 1263d5c): lmdeploy/pytorch/config.py override_hf_config; lmdeploy/pytorch/nn/rotary_embedding.py;
                     lmdeploy/pytorch/backends/default/rotary_embedding.py; lmdeploy/turbomind/{converter,models/utils}.py
                     parse_rope_param; src/turbomind/models/attention_weight.cc; PRs 3722 (0.9.2), 4557 (0.14)"""
import json
import math
import shlex

REQUIRED = {"default": {"rope_theta"}, "linear": {"factor"}, "yarn": {"factor", "original_max_position_embeddings"},
            "llama3": {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"},
            "longrope": {"short_factor", "long_factor", "original_max_position_embeddings"}}
YARN = {"beta_fast", "beta_slow", "truncate"}
READ = {  # besides the required ones, rope_theta and rope_type
    "vLLM before PR 56446": {"yarn": YARN | {"attn_factor"}, "longrope": {"short_mscale", "long_mscale"}},
    "vLLM since PR 56446": {"yarn": YARN | {"attention_factor", "mscale", "mscale_all_dim"},
                            "longrope": {"short_mscale", "long_mscale"}},
    "SGLang": {"yarn": YARN | {"attn_factor", "mscale", "mscale_all_dim"}, "longrope": {"short_mscale", "long_mscale"}}}


class Refused(Exception):
    """The engine would not start, or would run something else."""


def require(condition, why):
    if not condition:
        raise Refused(why)


def usual_gain(factor):
    return 0.1 * math.log(factor) + 1 if factor > 1 else 1


def as_read(rope, reader):
    """The dictionary in transformers' words after the reader has dropped what it does not look at."""
    kind = rope.get("rope_type")
    require(kind in REQUIRED, f"rope_type {kind} is not known")
    require(REQUIRED[kind] <= set(rope), f"{kind} needs {sorted(REQUIRED[kind] - set(rope))}")
    keep = REQUIRED[kind] | READ[reader].get(kind, set()) | {"rope_type", "rope_theta", "partial_rotary_factor"}
    read = {key: value for key, value in rope.items() if key in keep}
    if kind == "linear":  # isinstance(scaling_factors, float), else it is taken for a list
        require(isinstance(read["factor"], float), "a factor without a point is iterated over")
    if kind == "yarn":
        read["attention_factor"] = read.pop("attention_factor", None) or usual_gain(read["factor"]) * read.pop("attn_factor", 1)
    if kind == "longrope":
        short, long = read.pop("short_mscale", None), read.pop("long_mscale", None)
        require(short is not None and short == long, "without the two mscales the gain is worked out from the lengths")
        read["attention_factor"] = long
    return read


def table(rope, n_max):
    """Positions of the table of cosines; past it the kernels read other memory."""
    if rope["rope_type"] == "yarn":
        return rope["original_max_position_embeddings"] * rope["factor"]
    return n_max * rope["factor"] if rope["rope_type"] == "linear" else n_max


def parse(setting, length_flag, json_flag):
    words = shlex.split(setting)
    require(len(words) == 4 and words[0] == length_flag and words[2] == json_flag, f"expected {length_flag} N {json_flag} JSON")
    return int(words[1]), json.loads(words[3])


def vllm(setting, config, reader):
    n, override = parse(setting, "--max-model-len", "--hf-overrides")
    config = {**config, **override}
    require("rope_parameters" in override, "rope_parameters is what is documented (PR 28006)")
    # With transformers 4, patch_rope_parameters puts a rope_scaling that is not null and a rope_theta of the top level over
    # the dictionary.
    require(config.get("rope_scaling") in (None, override["rope_parameters"]), "the rope_scaling of the file wins with transformers 4")
    require(config.get("rope_theta", override["rope_parameters"]["rope_theta"]) == override["rope_parameters"]["rope_theta"],
            "the rope_theta of the file wins with transformers 4")
    read, derived = as_read(override["rope_parameters"], reader), config["max_position_embeddings"]
    if read["rope_type"] == "linear" or (read["rope_type"] == "yarn" and reader == "vLLM before PR 56446"):
        derived = (read["original_max_position_embeddings"] if read["rope_type"] == "yarn" else derived) * read["factor"]
    require(n <= derived, f"max_model_len {n} is greater than the derived {derived:g}")
    longest = table(read, config["max_position_embeddings"])
    if reader == "vLLM since PR 56446":
        longest = max(longest, config["max_position_embeddings"])
    require(n <= longest, f"{n} positions, a table of {longest:g}")
    return n, read


def sglang(setting, config, reader):
    n, override = parse(setting, "--context-length", "--json-model-override-args")
    config = {**config, **override}
    rope = config.get("rope_scaling") or {"rope_type": "default", "rope_theta": config.get("rope_theta")}
    if "rope_parameters" in config:  # transformers 5: rope_scaling is another name of it, a lone rope_theta goes nowhere
        rope = override.get("rope_scaling") or config["rope_parameters"]
    require(config.get("rope_theta", rope["rope_theta"]) == rope["rope_theta"], "transformers 4 and 5 read another rope_theta")
    read, derived = as_read(rope, reader), config["max_position_embeddings"]
    if "original_max_position_embeddings" not in rope and rope["rope_type"] != "llama3":  # get_context_length
        derived *= rope.get("factor", 1)
    require(n <= derived, f"context_length {n} is greater than the derived {derived:g}")
    longest = table(read, config["max_position_embeddings"])
    require(n <= longest, f"{n} positions, a table of {longest:g}")
    return n, read


def merged(config, override):
    """As LMDeploy does it, key by key: what the file has besides stays."""
    result = dict(config)
    for key, value in override.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def lmdeploy(setting, config, reader):
    words = shlex.split(setting)
    if words[:2] == ["--backend", "pytorch"]:
        if reader != "LMDeploy's PyTorch":
            return None  # it is not asked
        words = words[2:]
    n, override = parse(shlex.join(words), "--session-len", "--hf-overrides")
    config = merged(config, override)
    rope, n_max = config["rope_parameters"], config["max_position_embeddings"]
    kind = rope.get("rope_type")
    require(kind in REQUIRED and (kind != "longrope" or reader == "LMDeploy's PyTorch"), f"rope_type {kind} is not known")
    require(REQUIRED[kind] <= set(rope), f"{kind} needs {sorted(REQUIRED[kind] - set(rope))}")
    read = {key: rope[key] for key in REQUIRED[kind] | {"rope_type", "rope_theta"}}
    read |= {key: rope[key] for key in ("partial_rotary_factor",) if key in rope}
    if reader == "LMDeploy's PyTorch":  # FoPE's keys are looked for in it
        require(config.get("rope_scaling") is not None, "rope_scaling is null, in which it looks for a key")
    if kind == "yarn":
        read |= {"beta_fast": rope.get("beta_fast", 32), "beta_slow": rope.get("beta_slow", 1),
                 "attention_factor": rope.get("attention_factor", usual_gain(rope["factor"]))}
        if reader == "LMDeploy's PyTorch":
            read |= {} if rope.get("truncate", True) else {"truncate": False}
        else:
            read["factor"] = n_max / rope["original_max_position_embeddings"]
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        read["attention_factor"] = math.sqrt(1 + math.log(max(1, n_max / original)) / math.log(original))
    return n, read


READERS = {"LMDeploy": [(lmdeploy, "LMDeploy's TurboMind"), (lmdeploy, "LMDeploy's PyTorch")], "vLLM": [(vllm, "vLLM before PR 56446"), (vllm, "vLLM since PR 56446")], "SGLang": [(sglang, "SGLang")]}


def difference(read, run):
    """What differs between what a reader takes and the transformers line that was run; "" if nothing."""
    if run["rope_type"] == "dynamic":  # static elsewhere: the base is compared with llama.cpp's flag instead
        return "" if read["rope_type"] == "default" else "not a base"
    if run["rope_type"] == "longrope" and run["short_factor"] == run["long_factor"]:  # no length chooses between two that are one
        read, run = ({key: value for key, value in rope.items() if key != "original_max_position_embeddings"} for rope in (read, run))
    wrong = [f"{key} {read.get(key)} for {value}" for key, value in run.items()
             if not (math.isclose(read.get(key, math.nan), value, rel_tol=1e-6 if key == "attention_factor" else 1e-12) if isinstance(value, float) else read.get(key) == value)]
    return ", ".join(wrong + [f"{key} besides" for key in sorted(set(read) - set(run))])


# Lines of earlier days, none of which may pass: (engine, line, why).
MODEL = {"max_position_embeddings": 8192, "rope_theta": 100000.0}
OWN = {**MODEL, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}
SEEN_WRONG = [
    ("SGLang", """--context-length 32768 --json-model-override-args '{"rope_scaling": {"rope_type": "yarn", "rope_theta": 100000.0, "factor": 4.0, "original_max_position_embeddings": 8192}, "rope_theta": 100000.0}'""", "derived"),
    ("SGLang", """--context-length 32768 --json-model-override-args '{"rope_theta": 5000000.0}'""", "derived"),
    ("SGLang", """--context-length 32768 --json-model-override-args '{"max_position_embeddings": 32768, "rope_theta": 1.0e5, "rope_scaling": {"rope_type": "yarn", "rope_theta": 100000.0, "factor": 2.0, "original_max_position_embeddings": 8192}}'""", "table"),
    ("vLLM", """--max-model-len 32768 --hf-overrides '{"rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0}, "rope_theta": 5000000.0}'""", "derived"),
    ("vLLM", """--max-model-len 32768 --hf-overrides '{"max_position_embeddings": 32768, "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0}}'""", "of the file wins"),
    ("vLLM", """--max-model-len 32768 --hf-overrides '{"max_position_embeddings": 32768, "rope_theta": 1.0e5, "rope_parameters": {"rope_type": "linear", "rope_theta": 100000.0, "factor": 4}}'""", "without a point"),
    ("vLLM", """--max-model-len 32768 --hf-overrides '{"max_position_embeddings": 32768, "rope_theta": 1.0e5, "rope_parameters": {"rope_type": "llama3", "rope_theta": 100000.0, "factor": 4.0, "original_max_position_embeddings": 8192}}'""", "needs"),
    ("LMDeploy", """--session-len 32768 --hf-overrides '{"max_position_embeddings": 32768, "rope_parameters": {"rope_type": "linear", "rope_theta": 100000.0, "factor": 4.0}}'""", "rope_scaling is null"),
    ("LMDeploy", """--session-len 32768 --hf-overrides '{"max_position_embeddings": 32768, "rope_scaling": {}, "rope_parameters": {"rope_type": "longrope", "rope_theta": 100000.0, "short_factor": [1.0], "long_factor": [1.0], "original_max_position_embeddings": 8192}}'""", "not known"),
]


def self_test():
    """Every line of SEEN_WRONG is refused for its reason by one of its readers at least."""
    for engine, line, why in SEEN_WRONG:
        reasons = []
        for read, reader in READERS[engine]:
            try:
                read(line, MODEL, reader)
            except Refused as refused:
                reasons.append(str(refused))
        if not any(why in reason for reason in reasons):
            raise SystemExit(f"rules: {line} should be refused ({why}): {reasons}")
    try:
        vllm("""--max-model-len 8192 --hf-overrides '{"max_position_embeddings": 8192, "rope_theta": 1.0e5, "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}}'""", OWN, "vLLM since PR 56446")
        raise SystemExit("rules: a file's own rope_scaling should win with transformers 4")
    except Refused:
        pass
    # TurboMind's factor of YaRN is a ratio of lengths, and a key of the file that a line does not name stays.
    yarn = {"rope_type": "yarn", "rope_theta": 1e5, "factor": 4.0, "original_max_position_embeddings": 8192, "beta_fast": 32.0,
            "beta_slow": 1.0, "attention_factor": 1.0}
    line = "--session-len 32768 --hf-overrides '{}'"
    override = {"max_position_embeddings": 16384, "rope_parameters": yarn, "rope_scaling": yarn}
    own = {"max_position_embeddings": 8192, "rope_parameters": {**yarn, "truncate": False}, "rope_scaling": None}
    for reader, key in (("LMDeploy's TurboMind", "factor"), ("LMDeploy's PyTorch", "truncate")):
        assert key in difference(lmdeploy(line.format(json.dumps(override)), own, reader)[1], yarn)
    # A gain under a name that is not read is a difference, not a pass.
    yarn = {"rope_type": "yarn", "rope_theta": 1e5, "factor": 4.0, "original_max_position_embeddings": 8192, "attention_factor": 1.0}
    assert difference(as_read(yarn, "vLLM before PR 56446"), yarn) and not difference(as_read(yarn, "vLLM since PR 56446"), yarn)
    assert difference(as_read(yarn, "SGLang"), yarn)
