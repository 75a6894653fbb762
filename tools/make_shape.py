#!/usr/bin/env python3
"""A GGUF of a published model's shape with random weights, cut to some layers: to measure speed where the real file does not
fit, beside llama.cpp, which reads the same file (bench/compare). Weights are quantised by ggml, one random matrix a shape
whose blocks are turned from matrix to matrix; routers differ in every layer. What it writes means nothing.
    tools/make_shape.py qwen3-30b-a3b shape.gguf --layers 4
    tools/make_shape.py gpt-oss-20b shape.gguf --layers 4
    tools/make_shape.py qwen3.5-4b shape.gguf --layers 4      three gated delta nets and one attention
    tools/make_shape.py gemma-4-e4b shape.gguf --layers 4     every second sees far, the last two read others' keys
Needs: pip install llama-cpp-python gguf numpy."""
import argparse
import ctypes
import pathlib
import gguf
import llama_cpp
import numpy

SHAPES = {
    "qwen3-30b-a3b": dict(arch="qwen3moe", d_model=2048, n_heads=32, n_kv_heads=4, head_dim=128, n_experts=128, n_used=8, d_ff=768,
                          rope_base=1e6, n_ctx=40960, expert_type="Q4_K", down_type="Q6_K"),
    "gpt-oss-20b": dict(arch="gpt-oss", d_model=2880, n_heads=64, n_kv_heads=8, head_dim=64, n_experts=32, n_used=4, d_ff=2880,
                        rope_base=150000.0, n_ctx=131072, expert_type="MXFP4", down_type="MXFP4"),
    "qwen3.5-4b": dict(arch="qwen35", d_model=2560, n_heads=16, n_kv_heads=4, head_dim=256, n_experts=0, n_used=0, d_ff=9216,
                       rope_base=1e7, n_ctx=262144, expert_type="Q4_K", down_type="Q6_K"),
    # google/gemma-4-E4B's config.json (as public readers' tests quote it); of its 42 layers every sixth sees far and 18 share keys.
    "gemma-4-e4b": dict(arch="gemma4", d_model=2560, n_heads=8, n_kv_heads=2, head_dim=512, n_experts=0, n_used=0, d_ff=10240,
                        rope_base=1e6, n_ctx=131072, expert_type="Q4_K", down_type="Q6_K"),
}
FILE_TYPES = {"Q4_K": 15, "MXFP4": 38}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("shape", choices=SHAPES)
parser.add_argument("out")
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--vocabulary", default=str(pathlib.Path(__file__).resolve().parent.parent / "models/short-256.gguf"),
                    help="a GGUF whose tokenizer it gets")
args = parser.parse_args()
s, oss = SHAPES[args.shape], SHAPES[args.shape]["arch"] == "gpt-oss"
gemma = s["arch"] == "gemma4"
n_shared, per_layer = 2 * round(args.layers * 9 / 42), 256  # llama.cpp wants what is read to end with one that sees far
if gemma and (args.layers < 4 or args.layers % 2):
    parser.error("layers of gemma-4-e4b: an even number from 4 on")
ggml = llama_cpp.llama_cpp._lib
ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
random = numpy.random.default_rng(1)
made = {}


def quantised(kind, n_rows, n_columns):
    """(n_rows, bytes of a row)."""
    if (kind, n_rows, n_columns) not in made:
        block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
        rows = (random.standard_normal((n_rows, n_columns)) * n_columns ** -0.5).astype(numpy.float32)
        to = numpy.zeros((n_rows, n_columns // block * size), dtype=numpy.uint8)
        ggml.ggml_quantize_chunk(gguf.GGMLQuantizationType[kind].value, rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                                 ctypes.c_void_p(to.ctypes.data), ctypes.c_int64(0), ctypes.c_int64(n_rows), ctypes.c_int64(n_columns), None)
        made[kind, n_rows, n_columns] = to
    return made[kind, n_rows, n_columns]


def add(out, name, kind, shape):
    if kind == "F32":
        scale = 1 if name.endswith("norm.weight") else shape[-1] ** -0.5
        out.add_tensor(name, (numpy.ones(shape) if scale == 1 else random.standard_normal(shape) * scale).astype(numpy.float32))
        return
    rows = quantised(kind, shape[-2], shape[-1])
    data = rows if len(shape) == 2 else numpy.stack([numpy.roll(rows, 7 * e, axis=0) for e in range(shape[0])])
    out.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[kind])


out = gguf.GGUFWriter(args.out, s["arch"])
source = gguf.GGUFReader(args.vocabulary)
for key, field in source.fields.items():
    if key.startswith("tokenizer."):
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        out.add_key_value(key, field.contents(), field.types[0], inner)
n_vocab = len(source.fields["tokenizer.ggml.tokens"].contents())
d, ff, e = s["d_model"], s["d_ff"], s["n_experts"]
q, kv = s["n_heads"] * s["head_dim"], s["n_kv_heads"] * s["head_dim"]
out.add_name(f"{args.shape}, {args.layers} layers of random weights")
out.add_block_count(args.layers)
out.add_context_length(s["n_ctx"])
out.add_embedding_length(d)
out.add_feed_forward_length(ff)
out.add_head_count(s["n_heads"])
out.add_head_count_kv(s["n_kv_heads"])
out.add_key_length(s["head_dim"])
out.add_value_length(s["head_dim"])
out.add_rope_freq_base(s["rope_base"])
out.add_layer_norm_rms_eps(1e-6)
if e:
    out.add_expert_count(e)
    out.add_expert_used_count(s["n_used"])
    out.add_expert_feed_forward_length(ff)
elif gemma:
    out.add_key_length_swa(256)
    out.add_value_length_swa(256)
    out.add_rope_dimension_count(512)
    out.add_rope_dimension_count_swa(256)
    out.add_rope_freq_base_swa(10000.0)
    out.add_sliding_window(512)
    out.add_sliding_window_pattern([layer % 2 == 0 for layer in range(args.layers)])
    out.add_shared_kv_layers(n_shared)
    out.add_embedding_length_per_layer_input(per_layer)
    out.add_final_logit_softcapping(30.0)
else:  # keys of 16 heads and values of 32, of 128 dims
    for key, number in (("conv_kernel", 4), ("state_size", 128), ("group_count", 16), ("time_step_rank", 32), ("inner_size", 4096)):
        out.add_uint32(f"qwen35.ssm.{key}", number)
    out.add_rope_dimension_count(64)
    out.add_rope_dimension_sections([11, 11, 10, 0])
    out.add_full_attention_interval(4)
out.add_file_type(FILE_TYPES[s["expert_type"]])
if oss:
    out.add_sliding_window(128)
    out.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    out.add_rope_scaling_factor(32.0)
    out.add_rope_scaling_orig_ctx_len(4096)
dense = "Q8_0" if oss else "Q4_K"
add(out, "token_embd.weight", dense, (n_vocab, d))
if not gemma:
    add(out, "output.weight", "Q8_0" if oss else "Q6_K", (n_vocab, d))
add(out, "output_norm.weight", "F32", (d,))
if gemma:
    add(out, "per_layer_token_embd.weight", dense, (n_vocab, args.layers * per_layer))
    add(out, "per_layer_model_proj.weight", dense, (args.layers * per_layer, d))
    add(out, "per_layer_proj_norm.weight", "F32", (per_layer,))
    out.add_tensor("rope_freqs.weight", numpy.repeat([1.0, 1e30], [64, 192]).astype(numpy.float32))


def add_delta_net(blk):
    for name, shape in (("attn_qkv", (8192, d)), ("attn_gate", (4096, d)), ("ssm_alpha", (32, d)), ("ssm_beta", (32, d)), ("ssm_out", (d, 4096))):
        add(out, f"{blk}{name}.weight", dense, shape)
    for name, shape in (("ssm_conv1d.weight", (8192, 4)), ("ssm_norm.weight", (128,)), ("ssm_dt.bias", (32,))):
        add(out, blk + name, "F32", shape)
    out.add_tensor(blk + "ssm_a", -numpy.linspace(0.01, 4, 32, dtype=numpy.float32))


def add_gemma(blk, layer):
    head_dim = 512 if layer % 2 else 256
    shapes = {"attn_q": (8 * head_dim, d), "attn_output": (d, 8 * head_dim), "ffn_gate": (ff, d), "ffn_up": (ff, d), "inp_gate": (per_layer, d),
              "proj": (d, per_layer)}
    norms = {"attn_q_norm": head_dim, **dict.fromkeys(("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm", "post_norm"), d)}
    if layer < args.layers - n_shared:
        shapes |= {"attn_k": (2 * head_dim, d), "attn_v": (2 * head_dim, d)}
        norms["attn_k_norm"] = head_dim
    for name, shape in shapes.items():
        add(out, f"{blk}{name}.weight", dense, shape)
    add(out, f"{blk}ffn_down.weight", "Q6_K", (d, ff))
    for name, width in norms.items():
        add(out, f"{blk}{name}.weight", "F32", (width,))
    out.add_tensor(blk + "layer_output_scale.weight", numpy.ones(1, dtype=numpy.float32))


for layer in range(args.layers):
    blk = f"blk.{layer}."
    if gemma:
        add_gemma(blk, layer)
        continue
    if not e:
        add(out, blk + "attn_norm.weight", "F32", (d,))
        add(out, blk + "post_attention_norm.weight", "F32", (d,))
        for name, kind, shape in (("gate", "Q4_K", (ff, d)), ("up", "Q4_K", (ff, d)), ("down", "Q6_K", (d, ff))):
            add(out, f"{blk}ffn_{name}.weight", kind, shape)
        if layer % 4 != 3:
            add_delta_net(blk)
            continue
        for name, shape in (("attn_q", (2 * q, d)), ("attn_k", (kv, d)), ("attn_v", (kv, d)), ("attn_output", (d, q))):
            add(out, blk + name + ".weight", dense, shape)
        for name in ("attn_q_norm", "attn_k_norm"):
            add(out, blk + name + ".weight", "F32", (s["head_dim"],))
        continue
    for name, shape in (("attn_q", (q, d)), ("attn_k", (kv, d)), ("attn_v", (kv, d)), ("attn_output", (d, q))):
        add(out, blk + name + ".weight", dense, shape)
        if oss:
            add(out, blk + name + ".bias", "F32", (shape[0],))
    add(out, blk + "attn_norm.weight", "F32", (d,))
    add(out, blk + ("post_attention_norm.weight" if oss else "ffn_norm.weight"), "F32", (d,))
    add(out, blk + "ffn_gate_inp.weight", "F32", (e, d))
    for name, kind, shape in (("gate", s["expert_type"], (e, ff, d)), ("up", s["expert_type"], (e, ff, d)),
                              ("down", s["down_type"], (e, d, ff))):
        add(out, f"{blk}ffn_{name}_exps.weight", kind, shape)
        if oss:
            add(out, f"{blk}ffn_{name}_exps.bias", "F32", (e, shape[1]))
    if oss:
        add(out, blk + "attn_sinks.weight", "F32", (s["n_heads"],))
        add(out, blk + "ffn_gate_inp.bias", "F32", (e,))
    else:
        add(out, blk + "attn_q_norm.weight", "F32", (s["head_dim"],))
        add(out, blk + "attn_k_norm.weight", "F32", (s["head_dim"],))
out.write_header_to_file()
out.write_kv_data_to_file()
out.write_tensors_to_file()
out.close()
print(args.out, pathlib.Path(args.out).stat().st_size)
