// SPDX-License-Identifier: Apache-2.0
/// Q8_0: 32 weights in 34 bytes: half d; 32 signed bytes q. weight = d * q.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index b = 0; b < n / 32; ++b, blocks += 34, out += 32) {
    const float d = half_at(blocks);
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(signed_at(blocks + 2 + i));
  }
}

const Register<WeightFormat> registered{{"Q8_0", 8, 32, 34, dequantize}};

}  // namespace
}  // namespace ropewalk
