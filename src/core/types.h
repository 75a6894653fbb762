// SPDX-License-Identifier: Apache-2.0
/// Index, Token and bfloat16.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

namespace rw {

using Index = std::int64_t;  ///< positions, lengths, strides: signed, since differences are the subject
using Token = std::int32_t;  ///< id of a vocabulary entry

inline constexpr Token kNoToken = -1;

/// bfloat16: the upper half of a float32. Conversion rounds to nearest even; NaN stays NaN.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    bits = (u & 0x7fffffffu) > 0x7f800000u
               ? static_cast<std::uint16_t>((u >> 16) | 0x40u)
               : static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};
static_assert(sizeof(BFloat16) == 2);

}  // namespace rw
