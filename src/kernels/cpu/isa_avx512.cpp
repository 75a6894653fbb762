// SPDX-License-Identifier: Apache-2.0
/// avx512: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx512 {

constexpr int kParts = 1;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 4;  // register tile of float products
constexpr int kPairRows = 10, kPairVecs = 2;     // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

static bool supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && has_f16c();
}

}  // namespace avx512

extern const Isa kAvx512;
const Isa kAvx512{.name = "avx512",
                  .supported = avx512::supported,
                  .attention_bf16 = avx512::attention<avx512::SplitPairs>,
                  .attention_f32 = avx512::attention<avx512::Singles>,
                  .attention_wide = avx512::attention<avx512::WidePairs>,
                  .merge_softmax = avx512::merge_softmax,
                  .product_bf16 = avx512::product<avx512::Singles>,
                  .product_f32 = avx512::product<avx512::Singles>,
                  .tiled_rows = false,
                  .wide_bf16 = avx512::kWideBf16,
                  .rotate_queries = avx512::rotate_queries,
                  .pack_keys = avx512::pack_keys,
                  .pack_values = avx512::pack_values,
                  .rotate_keys_bf16 = avx512::rotate_keys_bf16,
                  .rotate_keys_f32 = avx512::rotate_keys_f32,
                  .soft_cap = avx512::soft_cap,
                  .add_scaled = avx512::add_scaled,
                  .activate = RW_ACTIVATIONS(avx512),
                  .norm = avx512::norm,
                  .to_bf16 = avx512::to_bf16,
                  .round_to_bf16 = avx512::round_to_bf16,
                  .exp_sum = avx512::exp_sum,
                  .next_above = avx512::next_above,
                  .weights = avx512::weight_kernels,
                  .read_floats = avx512::read_floats,
                  .spin_f32 = avx512::spin_f32,
                  .spin_bf16 = nullptr,
                  .spin_tiles = nullptr,
                  .quantise = avx512::quantise};

}  // namespace ropewalk::cpu
