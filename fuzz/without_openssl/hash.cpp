// SPDX-License-Identifier: Apache-2.0
/// core/hash.h for the fuzz targets alone, which do without OpenSSL: what they need of it is that changed
/// bytes change the digits (FNV-1a, 64 bits), not that nobody can find such bytes.
#include "core/hash.h"

#include <fmt/format.h>

#include <cstdint>

namespace ropewalk {

std::string sha256(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return fmt::format("{0:016x}{0:016x}{0:016x}{0:016x}", hash);
}

}  // namespace ropewalk
