// SPDX-License-Identifier: Apache-2.0
/// avx512-bf16: compiled with its own flags (isa.cmake), in a namespace of its own.
#include <immintrin.h>

#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx512_bf16 {

constexpr int kTileRows = 6;  // rows of a register tile of 4 vectors

/// sum += a0 * b0 + a1 * b1 for 16 pairs b and one pair a of bfloat16: vdpbf16ps.
template <class Vec>
static inline __attribute__((always_inline)) Vec dot_pairs(Vec sum, const std::uint16_t* a,
                                                           const std::uint16_t* b) {
  std::int32_t pair;
  __builtin_memcpy(&pair, a, 4);
  const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
  const auto y = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b));
  return reinterpret_cast<Vec>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), x, y));
}

#include "kernels/cpu/generic.h"

static bool supported() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

}  // namespace avx512_bf16

extern const Isa kAvx512Bf16;
const Isa kAvx512Bf16{.name = "avx512-bf16",
                      .supported = avx512_bf16::supported,
                      .attention_bf16 = avx512_bf16::attention<avx512_bf16::Pairs>,
                      .attention_f32 = avx512_bf16::attention<avx512_bf16::Singles>,
                      .product_bf16 = avx512_bf16::product<avx512_bf16::Pairs>,
                      .product_f32 = avx512_bf16::product<avx512_bf16::Singles>,
                      .silu_mul = avx512_bf16::silu_mul,
                      .to_bf16 = avx512_bf16::to_bf16};

}  // namespace ropewalk::cpu
