// SPDX-License-Identifier: Apache-2.0
/// avx2: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx2 {

constexpr int kParts = 2;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 5, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

static bool supported() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

}  // namespace avx2

extern const Isa kAvx2;
const Isa kAvx2{.name = "avx2",
                .supported = avx2::supported,
                .attention_bf16 = avx2::attention<avx2::SplitPairs>,
                .attention_f32 = avx2::attention<avx2::Singles>,
                .attention_wide = avx2::attention<avx2::WidePairs>,
                .merge_softmax = avx2::merge_softmax,
                .product_bf16 = avx2::product<avx2::Singles>,
                .product_f32 = avx2::product<avx2::Singles>,
                .tiled_rows = false,
                .wide_bf16 = avx2::kWideBf16,
                .rotate_queries = avx2::rotate_queries,
                .pack_keys = avx2::pack_keys,
                .pack_values = avx2::pack_values,
                .rotate_keys_bf16 = avx2::rotate_keys_bf16,
                .rotate_keys_f32 = avx2::rotate_keys_f32,
                .soft_cap = avx2::soft_cap,
                .add_scaled = avx2::add_scaled,
                .activate = RW_ACTIVATIONS(avx2),
                .norm = avx2::norm,
                .to_bf16 = avx2::to_bf16,
                .round_to_bf16 = avx2::round_to_bf16,
                .exp_sum = avx2::exp_sum,
                .next_above = avx2::next_above,
                .weights = avx2::weight_kernels,
                .read_floats = avx2::read_floats,
                .spin_f32 = avx2::spin_f32,
                .spin_bf16 = nullptr,
                .spin_tiles = nullptr,
                .quantise = avx2::quantise};

}  // namespace ropewalk::cpu
