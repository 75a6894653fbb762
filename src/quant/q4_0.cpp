// SPDX-License-Identifier: Apache-2.0
/// Q4_0: 32 weights in 18 bytes: half d; 16 bytes q. Byte i holds weight i (low 4 bits) and i + 16 (high).
/// weight = d * (q - 8).
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 18, out += 32) {
    const float d = half_at(blocks);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(low4(blocks + 2 + i) - 8);
      out[i + 16] = d * static_cast<float>(high4(blocks + 2 + i) - 8);
    }
  }
}

const Register<WeightFormat> registered{{"Q4_0", 2, 32, 18, dequantize}};

}  // namespace
}  // namespace ropewalk
