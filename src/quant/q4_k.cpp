// SPDX-License-Identifier: Apache-2.0
/// Q4_K: 256 weights in 144 bytes: half d, half dmin; 12 bytes of 8 six-bit scales and minima; 128 bytes q.
/// In each group of 64 weights, byte i of 32 holds weight i (low 4 bits) and i + 32 (high). weight = d *
/// scale * q - dmin * min.
#include "quant/block.h"

namespace ropewalk {
namespace {

/// Scale and minimum j of 8, six bits each, in 12 bytes.
struct ScaleMin {
  int scale, minimum;
};
ScaleMin scale_min(const std::byte* s, int j) {
  if (j < 4) return {byte_at(s + j) & 63, byte_at(s + j + 4) & 63};
  return {low4(s + j + 4) | (byte_at(s + j - 4) >> 6) << 4, high4(s + j + 4) | (byte_at(s + j) >> 6) << 4};
}

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 256; ++b, blocks += 144, out += 256) {
    const float d = half_at(blocks), dmin = half_at(blocks + 2);
    for (int j = 0; j < 8; ++j) {
      const ScaleMin s = scale_min(blocks + 4, j);
      const float scale = d * static_cast<float>(s.scale), minimum = dmin * static_cast<float>(s.minimum);
      for (int i = 0; i < 32; ++i) {
        const std::byte* q = blocks + 16 + j / 2 * 32 + i;
        out[32 * j + i] = scale * static_cast<float>(j % 2 == 0 ? low4(q) : high4(q)) - minimum;
      }
    }
  }
}

const Register<WeightFormat> registered{{"Q4_K", 12, 256, 144, dequantize}};

}  // namespace
}  // namespace ropewalk
