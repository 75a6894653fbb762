// SPDX-License-Identifier: Apache-2.0
#include "quant/encode.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/bytes.h"
#include "core/error.h"

namespace rw {
namespace {

/// The nearest IEEE binary16, ties to even; infinity past its range. `value` is finite.
std::uint16_t nearest_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits & 0x7fffffffu;
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  if (size >= 0x47800000u) return sign | 0x7c00u;  // from 2^16 on
  if (size < 0x38800000u)                          // below 2^-14: steps of 2^-24
    return static_cast<std::uint16_t>(sign |
                                      static_cast<unsigned>(std::nearbyint(std::abs(value) * 0x1p24f)));
  const std::uint32_t rounded = size + 0xfffu + (size >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

void put_u16(std::byte*& to, std::uint16_t value) {
  std::memcpy(to, &value, 2);
  to += 2;
}

[[noreturn]] void refuse_range(const WeightFormat& format, float value, std::string_view place) {
  throw Error(place, fmt::format("weights within the range of {}", format.name), fmt::format("{}", value),
              "write BF16 or F32, which hold larger numbers");
}

void encode_halves(const WeightFormat& format, const float* from, std::byte* to, Index n,
                   std::string_view place) {
  const bool f16 = format.name == "F16";
  const std::uint16_t infinity = f16 ? 0x7c00 : 0x7f80;
  for (Index i = 0; i < n; ++i) {
    const std::uint16_t half = f16 ? nearest_half(from[i]) : BFloat16(from[i]).bits;
    if ((half & 0x7fff) == infinity) refuse_range(format, from[i], place);
    put_u16(to, half);
  }
}

/// The next whole number, halves away from zero, in float32 as the package computes it.
float rounded_away(float value) {
  const float size = std::abs(value), low = std::floor(size);
  const float result = low + std::floor(2 * (size - low));
  return value < 0 ? -result : result;
}

void encode_q8_0(const WeightFormat& format, const float* from, std::byte* to, Index n,
                 std::string_view place) {
  for (Index begin = 0; begin < n; begin += format.block_size) {
    float greatest = 0;
    for (Index i = begin; i < begin + format.block_size; ++i)
      greatest = std::max(greatest, std::abs(from[i]));
    const float d = greatest / 127, inverse = d == 0 || !std::isfinite(1 / d) ? 0 : 1 / d;
    const std::uint16_t half = nearest_half(d);
    if (half == 0x7c00) refuse_range(format, greatest, place);
    put_u16(to, half);
    for (Index i = begin; i < begin + format.block_size; ++i)
      *to++ = static_cast<std::byte>(static_cast<std::int8_t>(rounded_away(from[i] * inverse)));
  }
}

}  // namespace

bool can_encode(const WeightFormat& format) {
  return format.name == "F32" || format.name == "F16" || format.name == "BF16" || format.name == "Q8_0";
}

void encode(const WeightFormat& format, const float* from, std::byte* to, Index n, std::string_view place) {
  RW_CHECK(can_encode(format) && n % format.block_size == 0);
  for (Index i = 0; i < n; ++i)
    if (!std::isfinite(from[i]))
      throw Error(place, "finite weights", fmt::format("{} at {}", from[i], i),
                  "the training has gone wrong; go back to a checkpoint before it");
  if (format.name == "F32") {
    copy_bytes(to, from, static_cast<std::size_t>(n) * 4);
  } else if (format.name == "Q8_0") {
    encode_q8_0(format, from, to, n, place);
  } else {
    encode_halves(format, from, to, n, place);
  }
}

}  // namespace rw
