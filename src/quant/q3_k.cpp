// SPDX-License-Identifier: Apache-2.0
/// Q3_K: 256 weights in 110 bytes: 32 bytes of high bits (bit k of byte i: weight i + 32 k); 64 bytes of
/// 2-bit q as in Q2_K; 12 bytes of 16 six-bit scales; half d. weight = d * (scale - 32) * (q - (high ? 0 :
/// 4)).
#include "quant/block.h"

namespace ropewalk {
namespace {

/// Scale s of 16: 4 low bits in byte s % 8 (upper half for s >= 8), 2 high bits in byte 8 + s % 4.
int scale_of(const std::byte* scales, int s) {
  const int low = s < 8 ? low4(scales + s) : high4(scales + s - 8);
  return (low | (byte_at(scales + 8 + s % 4) >> (2 * (s / 4)) & 3) << 4) - 32;
}

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 256; ++b, blocks += 110, out += 256) {
    const float d = half_at(blocks + 108);
    for (int i = 0; i < 256; ++i) {
      const int q = byte_at(blocks + 32 + i / 128 * 32 + i % 32) >> (2 * (i % 128 / 32)) & 3;
      const int high = byte_at(blocks + i % 32) >> (i / 32) & 1;
      out[i] = d * static_cast<float>(scale_of(blocks + 96, i / 16)) * static_cast<float>(q - (high ? 0 : 4));
    }
  }
}

const Register<WeightFormat> registered{{"Q3_K", 11, 256, 110, dequantize}};

}  // namespace
}  // namespace ropewalk
