// SPDX-License-Identifier: Apache-2.0
/// IQ4_NL: 32 weights in 18 bytes, as Q4_0, but the 4 bits choose from a table. weight = d * table[q].
#include "quant/block.h"

namespace ropewalk {
namespace {

constexpr int kTable[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 18, out += 32) {
    const float d = half_at(blocks);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(kTable[low4(blocks + 2 + i)]);
      out[i + 16] = d * static_cast<float>(kTable[high4(blocks + 2 + i)]);
    }
  }
}

const Register<WeightFormat> registered{{"IQ4_NL", 20, 32, 18, dequantize}};

}  // namespace
}  // namespace ropewalk
