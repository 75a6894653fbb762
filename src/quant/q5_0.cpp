// SPDX-License-Identifier: Apache-2.0
/// Q5_0: 32 weights in 22 bytes: half d; 32 high bits (bit i is weight i's); 16 bytes q as in Q4_0.
/// weight = d * (q + 16 * high - 16).
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 22, out += 32) {
    const float d = half_at(blocks);
    const std::uint32_t high = u32_at(blocks + 2);
    for (int i = 0; i < 16; ++i) {
      const int first = low4(blocks + 6 + i) | static_cast<int>((high >> i) & 1) << 4;
      const int second = high4(blocks + 6 + i) | static_cast<int>((high >> (i + 16)) & 1) << 4;
      out[i] = d * static_cast<float>(first - 16);
      out[i + 16] = d * static_cast<float>(second - 16);
    }
  }
}

const Register<WeightFormat> registered{{"Q5_0", 6, 32, 22, dequantize}};

}  // namespace
}  // namespace ropewalk
