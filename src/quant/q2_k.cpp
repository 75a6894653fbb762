// SPDX-License-Identifier: Apache-2.0
/// Q2_K: 256 weights in 84 bytes: 16 bytes scales (low 4 bits: scale, high: minimum, one for 16 weights); 64
/// bytes of 2-bit q; half d, half dmin. In each half of 128 weights, byte i of 32 holds weights i, i+32,
/// i+64, i+96. weight = d * scale * q - dmin * minimum.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 256; ++b, blocks += 84, out += 256) {
    const float d = half_at(blocks + 80), dmin = half_at(blocks + 82);
    for (int i = 0; i < 256; ++i) {
      const std::byte* scale = blocks + i / 16;
      const int q = byte_at(blocks + 16 + i / 128 * 32 + i % 32) >> (2 * (i % 128 / 32)) & 3;
      out[i] = d * static_cast<float>(low4(scale)) * static_cast<float>(q) -
               dmin * static_cast<float>(high4(scale));
    }
  }
}

const Register<WeightFormat> registered{{"Q2_K", 10, 256, 84, dequantize}};

}  // namespace
}  // namespace ropewalk
