// SPDX-License-Identifier: Apache-2.0
/// The functions of a set that multiplies floats alone. Those that multiply pairs of bfloat16 or tiles have
/// tables of their own (isa_avx512_bf16.cpp, isa_amx.cpp).
// (no include guard: each instruction set compiles its own copy)

static_assert(kWideBf16);

static constexpr Isa table_of_floats(const char* name, bool (*is_supported)()) {
  return {.name = name,
          .supported = is_supported,
          .attention_bf16 = attention<SplitPairs>,
          .attention_f32 = attention<Singles>,
          .attention_wide = attention<WidePairs>,
          .merge_softmax = merge_softmax,
          .product_bf16 = product<Singles>,
          .product_f32 = product<Singles>,
          .tiled_rows = false,
          .wide_bf16 = true,
          .rotate_queries = rotate_queries,
          .pack_keys = pack_keys,
          .pack_values = pack_values,
          .rotate_keys_bf16 = rotate_keys_bf16,
          .rotate_keys_f32 = rotate_keys_f32,
          .soft_cap = soft_cap,
          .add_scaled = add_scaled,
          .convolve = convolve,
          .recur = recur,
          .activate = {activate<Silu>, activate<Gelu>, activate<GeluTanh>, activate<Relu2>, activate<Relu>,
                       activate<Sigmoid>, activate<Identity>, activate<SwigluClamped>},
          .norm = norm,
          .to_bf16 = to_bf16,
          .round_to_bf16 = round_to_bf16,
          .exp_sum = exp_sum,
          .next_above = next_above,
          .weights = weight_kernels,
          .read_floats = read_floats,
          .spin_f32 = spin_f32,
          .spin_bf16 = nullptr,
          .spin_tiles = nullptr,
          .quantise = quantise,
          .training = training_kernels};
}
