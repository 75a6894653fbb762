// SPDX-License-Identifier: Apache-2.0
/// portable: compiled with its own flags (isa.cmake), in a namespace of its own.
#include "kernels/cpu/isa.h"

namespace ropewalk::cpu {
namespace portable {

constexpr int kTileRows = 1;  // rows of a register tile of 4 vectors

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

static bool supported() { return true; }

}  // namespace portable

extern const Isa kPortable;
const Isa kPortable{.name = "portable",
                    .supported = portable::supported,
                    .attention_bf16 = portable::attention<portable::Pairs>,
                    .attention_f32 = portable::attention<portable::Singles>,
                    .product_bf16 = portable::product<portable::Pairs>,
                    .product_f32 = portable::product<portable::Singles>,
                    .silu_mul = portable::silu_mul,
                    .to_bf16 = portable::to_bf16};

}  // namespace ropewalk::cpu
