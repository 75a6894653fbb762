// SPDX-License-Identifier: Apache-2.0
/// Q4_1: 32 weights in 20 bytes: half d, half m; 16 bytes q as in Q4_0. weight = d * q + m.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 20, out += 32) {
    const float d = half_at(blocks), m = half_at(blocks + 2);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low4(blocks + 4 + i)) + m;
      out[i + 16] = d * static_cast<float>(high4(blocks + 4 + i)) + m;
    }
  }
}

const Register<WeightFormat> registered{{"Q4_1", 3, 32, 20, dequantize}};

}  // namespace
}  // namespace ropewalk
