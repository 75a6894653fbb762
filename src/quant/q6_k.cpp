// SPDX-License-Identifier: Apache-2.0
/// Q6_K: 256 weights in 210 bytes: 128 bytes low 4 bits, 64 bytes high 2 bits, 16 signed scales, half d. In
/// each half of 128: low byte i of 64 holds weight i and i + 64; high byte i of 32 holds i, i + 32, i + 64, i
/// + 96. weight = d * scale * (q - 32).
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 256; ++b, blocks += 210, out += 256) {
    const float d = half_at(blocks + 208);
    for (int i = 0; i < 256; ++i) {
      const int half = i / 128, at = i % 128;
      const std::byte* low = blocks + half * 64 + at % 64;
      const int high = byte_at(blocks + 128 + half * 32 + at % 32) >> (2 * (at / 32)) & 3;
      const int q = (at < 64 ? low4(low) : high4(low)) | high << 4;
      out[i] = d * static_cast<float>(signed_at(blocks + 192 + i / 16)) * static_cast<float>(q - 32);
    }
  }
}

const Register<WeightFormat> registered{{"Q6_K", 14, 256, 210, dequantize}};

}  // namespace
}  // namespace ropewalk
