// SPDX-License-Identifier: Apache-2.0
/// avx2-vnni: AVX2 and vpdpbusd in 32 bytes (clients since 2021, servers since 2023), which dot products with
/// stored weights take (quads.h); all else as avx2.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx2_vnni {

constexpr int kParts = 2;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 1;  // register tile of float products
constexpr int kPairRows = 5, kPairVecs = 1;      // and of bfloat16 products
constexpr bool kWideBf16 = true;  // no instruction multiplies pairs: bfloat16 numbers are widened once

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

/// (__builtin_cpu_supports knows no "avxvnni".)
static bool supported() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAvxVnniBit = 1u << 4;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
         __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnniBit) != 0;
}

}  // namespace avx2_vnni

extern const Isa kAvx2Vnni;
const Isa kAvx2Vnni{.name = "avx2-vnni",
                    .supported = avx2_vnni::supported,
                    .attention_bf16 = avx2_vnni::attention<avx2_vnni::SplitPairs>,
                    .attention_f32 = avx2_vnni::attention<avx2_vnni::Singles>,
                    .attention_wide = avx2_vnni::attention<avx2_vnni::WidePairs>,
                    .merge_softmax = avx2_vnni::merge_softmax,
                    .product_bf16 = avx2_vnni::product<avx2_vnni::Singles>,
                    .product_f32 = avx2_vnni::product<avx2_vnni::Singles>,
                    .tiled_rows = false,
                    .wide_bf16 = avx2_vnni::kWideBf16,
                    .rotate_queries = avx2_vnni::rotate_queries,
                    .pack_keys = avx2_vnni::pack_keys,
                    .pack_values = avx2_vnni::pack_values,
                    .rotate_keys_bf16 = avx2_vnni::rotate_keys_bf16,
                    .rotate_keys_f32 = avx2_vnni::rotate_keys_f32,
                    .soft_cap = avx2_vnni::soft_cap,
                    .add_scaled = avx2_vnni::add_scaled,
                    .activate = RW_ACTIVATIONS(avx2_vnni),
                    .norm = avx2_vnni::norm,
                    .to_bf16 = avx2_vnni::to_bf16,
                    .round_to_bf16 = avx2_vnni::round_to_bf16,
                    .exp_sum = avx2_vnni::exp_sum,
                    .next_above = avx2_vnni::next_above,
                    .weights = avx2_vnni::weight_kernels,
                    .read_floats = avx2_vnni::read_floats,
                    .spin_f32 = avx2_vnni::spin_f32,
                    .spin_bf16 = nullptr,
                    .spin_tiles = nullptr,
                    .quantise = avx2_vnni::quantise};

}  // namespace ropewalk::cpu
