#!/usr/bin/env python3
"""Tiny random Llamas whose matrices are packed as GPTQ, AWQ, compressed-tensors and FP8 folders pack them:
tests/golden/packed/NAME/{config.json,model.safetensors,expected.json}. expected.json holds what transformers computes in
float32 with the weights scale * (q - zero), and the SHA-256 of each such matrix as float32; those that the engine expands
(act-order, groups that are no multiple of 32, 8 bits with a zero, E5M2) are rounded to the type of their scales first, as
the packages compute them.

Each formula is compared here with the package's own code, which rounds to the type of the scales: compressed-tensors 0.20.0
(pack-, int- and float-quantized, and its AutoAWQ reader), AutoGPTQ 0.7.1 (two linear layers, on the CPU; the folder with its
auto_gptq/nn_modules/qlinear is the argument), transformers (FP8 blocks).
Needs: pip install torch transformers safetensors compressed-tensors.   Run: tools/make_golden_packed.py AUTO_GPTQ_FOLDER"""
import hashlib
import importlib.util
import json
import pathlib
import shutil
import sys
import numpy as np
import safetensors.torch
import torch
import transformers
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.entrypoints.convert import AutoAWQConverter
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.integrations.finegrained_fp8 import Fp8Dequantize

rng = np.random.default_rng(11)
root = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/packed"
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32


def layer_of(file):
    spec = importlib.util.spec_from_file_location(file, pathlib.Path(sys.argv[1]) / f"auto_gptq/nn_modules/qlinear/{file}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.QuantLinear


def packed(numbers, bits, axis):
    """Along an axis, from the low end of 32-bit words on; the last one is filled with zeros."""
    bit = (np.moveaxis(numbers, axis, -1)[..., None].astype(np.uint32) >> np.arange(bits, dtype=np.uint32) & 1).astype(np.uint8)
    bit = bit.reshape(*bit.shape[:-2], -1)
    bit = np.pad(bit, [(0, 0)] * (bit.ndim - 1) + [(0, -bit.shape[-1] % 32)])
    words = np.packbits(bit, axis=-1, bitorder="little").copy().view(np.int32)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(words, -1, axis)))


def codes(n_out, n_in, bits):
    return rng.integers(0, 2 ** bits, size=(n_out, n_in))


def some_scales(shape, step, dtype):
    """So that weights are of a size of 0.15."""
    return torch.from_numpy(np.asarray(np.exp(rng.normal(scale=0.3, size=shape)) * step, dtype=np.float32)).to(dtype)


def some_zeros(shape, bits, last):
    """About the middle, and both ends; `last`: the greatest."""
    zeros = np.clip(np.round(rng.normal(2 ** (bits - 1), 2 ** bits / 12, size=shape)), 0, last).astype(int)
    zeros.flat[:2] = 0, last
    return zeros


def exact(q, scale, zero, group):
    """scale * (q - zero), float32; scale and zero (n_out, n_groups), group (n_in)."""
    return scale.to(F32)[:, group] * torch.from_numpy((q - np.asarray(zero)[:, group]).astype(np.float32))


def gptq(n_out, n_in, bits=4, size=32, act_order=False, v2=False, middle=False, expanded=False, no_index=False, wraps=False):
    n_groups = -(-n_in // size)
    q, scale = codes(n_out, n_in, bits), some_scales((n_groups, n_out), 0.6 / 2 ** bits, F16)
    group = rng.permutation(n_in) // size if act_order else np.arange(n_in) // size
    stored = some_zeros((n_groups, n_out), bits, 2 ** bits - 1 - (not wraps))  # of the last one layer makes 0, the other one more
    if middle:
        stored[:] = 2 ** (bits - 1) - (not v2)
    zero = stored + (not v2) & 2 ** bits - 1
    w = exact(q, scale.T, zero.T, group)
    parts = {"qweight": packed(q.T, bits, 0), "qzeros": packed(stored, bits, 1), "scales": scale}
    for kind in (layer_of("qlinear_cuda"), layer_of("qlinear_cuda_old")):
        old = kind.__module__.endswith("old")
        if v2 or n_in % size or (act_order if old else wraps):
            continue
        layer = kind(bits, size, n_in, n_out, False)
        layer.qweight, layer.qzeros, layer.scales = parts["qweight"], parts["qzeros"], scale
        layer.g_idx = torch.from_numpy(group.astype(np.int32))
        theirs = layer(torch.eye(n_in, dtype=F16)).T  # rounded to F16
        assert torch.equal(theirs, w.to(F16)), (kind, bits)
    if not no_index:
        parts["g_idx"] = torch.from_numpy(group.astype(np.int32))
    return parts, w.to(F16).to(F32) if expanded or act_order else w


def awq(n_out, n_in, size=32):
    q, stored = codes(n_out, n_in, 4), some_zeros((n_in // size, n_out), 4, 15)
    scale = some_scales((n_in // size, n_out), 0.04, F16)
    order = [0, 2, 4, 6, 1, 3, 5, 7]  # of a word's eight numbers
    mixed = lambda x: packed(x.reshape(len(x), -1, 8)[:, :, order].reshape(len(x), -1), 4, 1)
    w = exact(q, scale.T, stored.T, np.arange(n_in) // size)
    parts = {"qweight": mixed(q.T), "qzeros": mixed(stored), "scales": scale}
    a, b = AutoAWQConverter.reverse_awq_order(*AutoAWQConverter.unpack_awq(parts["qweight"], parts["qzeros"], 4), 4)
    theirs = (a & 15).sub((b & 15).repeat_interleave(size, 0)) * scale.repeat_interleave(size, 0)  # AutoAWQ's dequantize_gemm
    assert torch.equal(theirs.T, w.to(F16))
    return parts, w


def compared(kind, parts, w, dtype, **arguments):
    """With compressed-tensors, which rounds to the type of the scales."""
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**arguments))
    theirs = BaseCompressor.get_value_from_registry(kind).decompress(dict(parts), scheme)["weight"]
    assert theirs.dtype == dtype and torch.equal(theirs, w.to(dtype)), (kind, arguments)


def pack_quantized(n_out, n_in, bits=4, size=32, zeros=False, act_order=False, dtype=BF16, expanded=False):
    n_groups = n_in // size
    q, scale = codes(n_out, n_in, bits), some_scales((n_out, n_groups), 0.6 / 2 ** bits, dtype)
    group = rng.permutation(n_in) // size if act_order else np.arange(n_in) // size
    zero = some_zeros((n_out, n_groups), bits, 2 ** bits - 1) if zeros else np.full((n_out, n_groups), 2 ** (bits - 1))
    w = exact(q, scale, zero, group)
    parts = {"weight_packed": packed(q, bits, 1), "weight_scale": scale, "weight_shape": torch.tensor([n_out, n_in])}
    if zeros:
        parts["weight_zero_point"] = packed(zero, bits, 0)
    strategy = {"strategy": "channel"} if n_groups == 1 else {"strategy": "group", "group_size": size}
    if not act_order:
        compared("pack-quantized", parts, w, dtype, num_bits=bits, type="int", symmetric=not zeros, **strategy)
    else:
        parts["weight_g_idx"] = torch.from_numpy(group.astype(np.int32))
    return parts, w.to(dtype).to(F32) if expanded or act_order else w


def int_quantized(n_out, n_in, zeros=False, dtype=BF16):
    q, scale = codes(n_out, n_in, 8) - 128, some_scales((n_out, 1), 0.002, dtype)
    zero = some_zeros((n_out, 1), 8, 255) - 128 if zeros else np.zeros((n_out, 1), dtype=np.int64)
    w = exact(q, scale, zero, np.zeros(n_in, dtype=int))
    parts = {"weight": torch.from_numpy(q.astype(np.int8)), "weight_scale": scale}
    if zeros:
        parts["weight_zero_point"] = torch.from_numpy(zero.astype(np.int8))
    compared("int-quantized", parts, w, dtype, num_bits=8, type="int", symmetric=not zeros, strategy="channel")
    return parts, w.to(dtype).to(F32) if zeros else w


def eight_bits(n_out, n_in, kind=torch.float8_e4m3fn):
    return torch.from_numpy(rng.normal(scale=60, size=(n_out, n_in)).astype(np.float32)).to(kind)


def float_quantized(n_out, n_in, strategy="channel", size=32, dtype=BF16):
    q = eight_bits(n_out, n_in)
    shape = {"channel": (n_out, 1), "tensor": (1,), "group": (n_out, n_in // size)}[strategy]
    scale = some_scales(shape, 0.0025, dtype)
    w = q.to(F32) * (scale.to(F32).repeat_interleave(n_in // shape[-1], -1) if strategy != "tensor" else scale.to(F32))
    parts = {"weight": q, "weight_scale": scale}
    compared("float-quantized", parts, w, dtype, num_bits=8, type="float", symmetric=True, strategy=strategy,
             **({"group_size": size} if strategy == "group" else {}))
    return {**parts, "input_scale": torch.tensor([0.5])} if strategy == "tensor" else parts, w


def fp8(n_out, n_in, rows=32, columns=32, dtype=F32, name="weight_scale_inv", kind=torch.float8_e4m3fn):
    q = eight_bits(n_out, n_in, kind)
    scale = some_scales((-(-n_out // rows), -(-n_in // columns)) if rows else (), 0.0025, dtype)
    whole = scale.to(F32)
    if rows:
        whole = whole.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[:n_out, :n_in]
        if n_out % rows == 0 and n_in % columns == 0:
            theirs = Fp8Dequantize(None)._dequantize_one(q, scale, F32)
            assert torch.equal(theirs, q.to(F32) * whole)
    w = q.to(F32) * whole
    return {"weight": q, name: scale}, w if kind is torch.float8_e4m3fn else w.to(dtype).to(F32)


def nvfp4(n_out, n_in):
    q, whole = rng.integers(0, 16, size=(n_out, n_in)), torch.tensor([900.0])
    scale = some_scales((n_out, n_in // 16), 40, F32).to(torch.float8_e4m3fn)
    table = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)
    value = torch.from_numpy(np.where(q & 8, -table[q & 7], table[q & 7]).astype(np.float32)) + 0  # no minus zeros
    w = value * (scale.to(F32) / whole).repeat_interleave(16, 1)
    parts = {"weight_packed": torch.from_numpy((q[:, ::2] | q[:, 1::2] << 4).astype(np.uint8)), "weight_scale": scale, "weight_global_scale": whole}
    compared("nvfp4-pack-quantized", parts, w, BF16, num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16)
    return {**parts, "input_global_scale": torch.tensor([0.5])}, w


def plain(n_out, n_in, kind=F16):
    w = torch.from_numpy(rng.normal(scale=0.15, size=(n_out, n_in)).astype(np.float32)).to(kind)
    return {"weight": w}, w.to(F32)


Q, K, V, O, GATE, UP, DOWN = (f"self_attn.{n}_proj" if n in "qkvo" else f"mlp.{n}_proj" for n in ("q", "k", "v", "o", "gate", "up", "down"))
# The modules of both layers, in turn; where there are more than two kinds, the second layer has the others.
MODELS = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": True, "sym": False}, gptq, [
        {Q: {}, K: {"act_order": True}, V: {"bits": 3}, O: {"bits": 2}, GATE: {}, UP: {"act_order": True}, DOWN: {"wraps": True}},
        {Q: {"bits": 8, "middle": True}, K: {"bits": 8, "expanded": True}, V: {"size": 64}, O: {"size": 48, "expanded": True},
         GATE: {"bits": 3, "act_order": True}, UP: {"no_index": True}, DOWN: {"size": 96}}]),
    "gptq_v2": ({"quant_method": "gptq", "bits": 4, "group_size": -1, "desc_act": False, "checkpoint_format": "gptq_v2"}, gptq, [
        {m: {"v2": True, "size": 64, "no_index": True} for m in (Q, K, V, O, GATE, UP)} | {DOWN: {"v2": True, "size": 96, "no_index": True}}] * 2),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True, "modules_to_not_convert": None}, awq, [
        {m: {} for m in (Q, K, V, O, GATE, UP, DOWN)}] * 2),
    "pack_quantized": ({"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"], "quantization_status": "compressed",
                        "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32}}}},
                       pack_quantized, [
        {Q: {}, K: {"zeros": True}, V: {"size": 64}, O: {"bits": 8}, GATE: {"act_order": True}, UP: {"dtype": F16, "zeros": True}, DOWN: {}},
        {Q: {"bits": 2}, K: {"bits": 8, "zeros": True, "expanded": True}, V: {"size": 16, "expanded": True}, O: {"size": 64, "zeros": True},
         GATE: {"bits": 8, "size": 64, "dtype": F16}, UP: {"dtype": F32}, DOWN: {"size": 96}}]),
    "int_quantized": ({"quant_method": "compressed-tensors", "format": "int-quantized", "ignore": ["lm_head"]}, int_quantized, [
        {m: {} for m in (Q, K, V, O, GATE, UP, DOWN)}, {m: {"zeros": True} for m in (Q, K)} | {m: {"dtype": F32} for m in (V, O, GATE, UP, DOWN)}]),
    "float_quantized": ({"quant_method": "compressed-tensors", "format": "float-quantized", "ignore": ["lm_head"],
                         "kv_cache_scheme": {"num_bits": 8, "type": "float"}}, float_quantized, [
        {m: {} for m in (Q, K, V, O, GATE, UP, DOWN)}, {m: {"strategy": "tensor"} for m in (Q, K, V, O)} | {
            m: {"strategy": "group", "dtype": F32} for m in (GATE, UP, DOWN)}]),
    "fp8": ({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [32, 32]}, fp8, [
        {m: {} for m in (Q, K, V, O, GATE, UP, DOWN)}, {m: {"dtype": BF16} for m in (Q, K, GATE)} | {
            V: {"rows": 0, "name": "weight_scale"}, O: {"kind": torch.float8_e5m2}, UP: {}, DOWN: {"rows": 0}}]),
    "fp8_odd_blocks": ({"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [48, 64]}, fp8, [
        {m: {"rows": 48, "columns": 64} for m in (Q, K, V, O, GATE, UP, DOWN)}] * 2),
    "nvfp4": ({"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "ignore": ["lm_head"]}, nvfp4, [
        {m: {} for m in (Q, K, V, O, GATE, UP, DOWN)}] * 2),
    "plain_f8": (None, plain, [{m: {"kind": torch.float8_e4m3fn} for m in (Q, K, V, O)} | {
        m: {"kind": torch.float8_e5m2} for m in (GATE, UP, DOWN)}] * 2),
}


def record(number, name, quantisation, make, layers):
    torch.manual_seed(300 + number)
    config = LlamaConfig(vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.15,
                         attn_implementation="eager", bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
    model = LlamaForCausalLM(config).float().eval()
    for parameter in model.parameters():  # what is computed with is what is stored; frequencies stay float32
        parameter.data = parameter.data.half().float()
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items() if "_proj" not in key}
    hashes = {}
    for i, modules in enumerate(layers):
        for module, arguments in modules.items():
            stem = f"model.layers.{i}.{module}"
            weight = model.get_submodule(stem).weight
            parts, w = make(*weight.shape, **arguments)
            weight.data = w.contiguous()
            hashes[stem] = hashlib.sha256(w.contiguous().numpy().tobytes()).hexdigest()
            tensors |= {f"{stem}.{part}": value.contiguous() for part, value in parts.items()}
            if name == "float_quantized" and module == K:
                tensors[f"model.layers.{i}.self_attn.k_scale"] = torch.tensor([0.5])
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    written = config.to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    if quantisation:
        written["quantization_config"] = quantisation
    (folder / "config.json").write_text(json.dumps(written, indent=1, default=str))
    tokens = torch.randint(0, 128, (70,), generator=torch.Generator().manual_seed(number))
    with torch.no_grad():
        logits = model(tokens[None]).logits[0]
    rows = list(range(0, 70, 5))
    (folder / "expected.json").write_text(json.dumps(
        {"torch": torch.__version__, "transformers": transformers.__version__, "stride": 4, "sha256": hashes,
         "runs": [{"tokens": tokens.tolist(), "rows": rows, "logits": [[round(float(v), 5) for v in logits[r, ::4]] for r in rows]}]}))
    print(name, sum(f.stat().st_size for f in folder.iterdir()), flush=True)


for n, (model_name, (how, maker, both)) in enumerate(MODELS.items()):
    record(n, model_name, how, maker, both)
