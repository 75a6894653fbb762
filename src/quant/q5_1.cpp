// SPDX-License-Identifier: Apache-2.0
/// Q5_1: 32 weights in 24 bytes: half d, half m; 32 high bits; 16 bytes q. weight = d * (q + 16 * high) + m.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 24, out += 32) {
    const float d = half_at(blocks), m = half_at(blocks + 2);
    const std::uint32_t high = u32_at(blocks + 4);
    for (int i = 0; i < 16; ++i) {
      const int first = low4(blocks + 8 + i) | static_cast<int>((high >> i) & 1) << 4;
      const int second = high4(blocks + 8 + i) | static_cast<int>((high >> (i + 16)) & 1) << 4;
      out[i] = d * static_cast<float>(first) + m;
      out[i + 16] = d * static_cast<float>(second) + m;
    }
  }
}

const Register<WeightFormat> registered{{"Q5_1", 7, 32, 24, dequantize}};

}  // namespace
}  // namespace ropewalk
