// SPDX-License-Identifier: Apache-2.0
/// avx512-bf16: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace rw::cpu {
namespace avx512_bf16 {

constexpr int kParts = 1;                        // registers of 16 floats
constexpr int kSingleRows = 6, kSingleVecs = 4;  // register tile of float products
constexpr int kPairRows = 6, kPairVecs = 4;      // and of bfloat16 products
constexpr bool kWideBf16 = false;                // bfloat16 numbers stay pairs in products

#include "kernels/cpu/generic.h"
#include "kernels/cpu/weights.h"
//
#include "kernels/cpu/peak.h"

/// Operands of bfloat16 products: vdpbf16ps adds a0 * b0 + a1 * b1 for 16 pairs b and one pair a.
struct Pairs {
  using T = std::uint16_t;
  using Row = T;
  using B = __m512bh;
  static constexpr bool kTiles = false, kWidens = false, kRounded = true;
  static constexpr int kStep = 2, kRows = kPairRows, kVecs = kPairVecs, kPanels = kVecs;
  static constexpr int kBlockRows = kTileRows;
  RW_INLINE B vector(const T* b) { return reinterpret_cast<B>(_mm512_loadu_si512(b)); }
  RW_INLINE Vec multiply_add(Vec sum, const Row* a, B b) {
    std::int32_t pair;
    __builtin_memcpy(&pair, a, 4);
    const auto x = reinterpret_cast<B>(_mm512_set1_epi32(pair));
    sum.part[0] = reinterpret_cast<Vec::Part>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum.part[0]), x, b));
    return sum;
  }
  /// Weights are normal numbers or 0, which vcvtne2ps2bf16 rounds as store_bf16 does.
  RW_INLINE void store_weights(T* p, Vec first, Vec second) {
    const __m512bh both = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second.part[0]),
                                              reinterpret_cast<__m512>(first.part[0]));
    _mm512_storeu_si512(p, reinterpret_cast<__m512i>(both));
  }
};

static bool supported() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") && has_f16c();
}

}  // namespace avx512_bf16

extern const Isa kAvx512Bf16;
const Isa kAvx512Bf16{.name = "avx512-bf16",
                      .supported = avx512_bf16::supported,
                      .attention_bf16 = avx512_bf16::attention<avx512_bf16::Pairs>,
                      .attention_f32 = avx512_bf16::attention<avx512_bf16::Singles>,
                      .attention_wide = nullptr,
                      .merge_softmax = avx512_bf16::merge_softmax,
                      .product_bf16 = avx512_bf16::product<avx512_bf16::Pairs>,
                      .product_f32 = avx512_bf16::product<avx512_bf16::Singles>,
                      .tiled_rows = false,
                      .wide_bf16 = avx512_bf16::kWideBf16,
                      .rotate_queries = avx512_bf16::rotate_queries,
                      .pack_keys = avx512_bf16::pack_keys,
                      .pack_values = avx512_bf16::pack_values,
                      .rotate_keys_bf16 = avx512_bf16::rotate_keys_bf16,
                      .rotate_keys_f32 = avx512_bf16::rotate_keys_f32,
                      .soft_cap = avx512_bf16::soft_cap,
                      .add_scaled = avx512_bf16::add_scaled,
                      .convolve = avx512_bf16::convolve,
                      .recur = avx512_bf16::recur,
                      .activate = RW_ACTIVATIONS(avx512_bf16),
                      .norm = avx512_bf16::norm,
                      .to_bf16 = avx512_bf16::to_bf16,
                      .round_to_bf16 = avx512_bf16::round_to_bf16,
                      .exp_sum = avx512_bf16::exp_sum,
                      .next_above = avx512_bf16::next_above,
                      .weights = avx512_bf16::weight_kernels,
                      .read_floats = avx512_bf16::read_floats,
                      .spin_f32 = avx512_bf16::spin_f32,
                      .spin_bf16 = avx512_bf16::spin_bf16,
                      .spin_tiles = nullptr,
                      .quantise = avx512_bf16::quantise,
                      .training = avx512_bf16::training_kernels};

}  // namespace rw::cpu
