// SPDX-License-Identifier: Apache-2.0
/// avx512-vnni: AVX-512 and vpdpbusd, which dot products with stored weights take, without instructions for
/// bfloat16 (Cascade Lake, Ice Lake, Tiger Lake, Rocket Lake). Compiled with its own flags (isa.cmake).
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx512_vnni {

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
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni") && has_f16c();
}

}  // namespace avx512_vnni

extern const Isa kAvx512Vnni;
const Isa kAvx512Vnni{.name = "avx512-vnni",
                      .supported = avx512_vnni::supported,
                      .attention_bf16 = avx512_vnni::attention<avx512_vnni::SplitPairs>,
                      .attention_f32 = avx512_vnni::attention<avx512_vnni::Singles>,
                      .attention_wide = avx512_vnni::attention<avx512_vnni::WidePairs>,
                      .merge_softmax = avx512_vnni::merge_softmax,
                      .product_bf16 = avx512_vnni::product<avx512_vnni::Singles>,
                      .product_f32 = avx512_vnni::product<avx512_vnni::Singles>,
                      .tiled_rows = false,
                      .wide_bf16 = avx512_vnni::kWideBf16,
                      .rotate_queries = avx512_vnni::rotate_queries,
                      .pack_keys = avx512_vnni::pack_keys,
                      .pack_values = avx512_vnni::pack_values,
                      .rotate_keys_bf16 = avx512_vnni::rotate_keys_bf16,
                      .rotate_keys_f32 = avx512_vnni::rotate_keys_f32,
                      .soft_cap = avx512_vnni::soft_cap,
                      .add_scaled = avx512_vnni::add_scaled,
                      .activate = RW_ACTIVATIONS(avx512_vnni),
                      .norm = avx512_vnni::norm,
                      .to_bf16 = avx512_vnni::to_bf16,
                      .round_to_bf16 = avx512_vnni::round_to_bf16,
                      .exp_sum = avx512_vnni::exp_sum,
                      .next_above = avx512_vnni::next_above,
                      .weights = avx512_vnni::weight_kernels,
                      .read_floats = avx512_vnni::read_floats,
                      .spin_f32 = avx512_vnni::spin_f32,
                      .spin_bf16 = nullptr,
                      .spin_tiles = nullptr,
                      .quantise = avx512_vnni::quantise};

}  // namespace ropewalk::cpu
