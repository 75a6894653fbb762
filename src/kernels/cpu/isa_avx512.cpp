// SPDX-License-Identifier: Apache-2.0
/// avx512: compiled with its own flags (isa.cmake), in a namespace of its own.
#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace avx512 {

constexpr int kTileRows = 6;  // rows of a register tile of 4 vectors

/// sum += a0 * b0 + a1 * b1 for 16 pairs b and one pair a of bfloat16, in float32: a bfloat16 is the upper
/// half of a float32.
template <class Vec>
static inline __attribute__((always_inline)) Vec dot_pairs(Vec sum, const std::uint16_t* a,
                                                           const std::uint16_t* b) {
  typedef std::uint32_t Bits __attribute__((vector_size(64)));
  typedef Bits Unaligned __attribute__((aligned(2)));
  const Bits pairs = *reinterpret_cast<const Unaligned*>(b);
  float first, second;
  const std::uint32_t low = std::uint32_t{a[0]} << 16, high = std::uint32_t{a[1]} << 16;
  __builtin_memcpy(&first, &low, 4);
  __builtin_memcpy(&second, &high, 4);
  sum = sum + (Vec{} + first) * reinterpret_cast<Vec>(pairs << 16);
  return sum + (Vec{} + second) * reinterpret_cast<Vec>(pairs & 0xffff0000u);
}

#include "kernels/cpu/generic.h"

static bool supported() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

}  // namespace avx512

extern const Isa kAvx512;
const Isa kAvx512{.name = "avx512",
                  .supported = avx512::supported,
                  .attention_bf16 = avx512::attention<avx512::Pairs>,
                  .attention_f32 = avx512::attention<avx512::Singles>,
                  .product_bf16 = avx512::product<avx512::Pairs>,
                  .product_f32 = avx512::product<avx512::Singles>,
                  .silu_mul = avx512::silu_mul,
                  .to_bf16 = avx512::to_bf16};

}  // namespace ropewalk::cpu
