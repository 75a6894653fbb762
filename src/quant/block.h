// SPDX-License-Identifier: Apache-2.0
/// Reads numbers out of unaligned block bytes. GGUF is little-endian, and so are the machines we run on.
#pragma once
#include <cstring>

#include "quant/format.h"

namespace ropewalk {

inline float half_at(const std::byte* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, 2);
  return half_to_float(bits);
}
inline std::uint32_t u32_at(const std::byte* p) {
  std::uint32_t bits;
  std::memcpy(&bits, p, 4);
  return bits;
}
inline int byte_at(const std::byte* p) { return std::to_integer<int>(*p); }
inline int low4(const std::byte* p) { return byte_at(p) & 15; }
inline int high4(const std::byte* p) { return byte_at(p) >> 4; }
inline int signed_at(const std::byte* p) { return static_cast<std::int8_t>(byte_at(p)); }

}  // namespace ropewalk
