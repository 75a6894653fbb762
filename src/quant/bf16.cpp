// SPDX-License-Identifier: Apache-2.0
/// BF16: the upper half of a float32.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index i = 0; i < n; ++i) {
    BFloat16 value;
    std::memcpy(&value.bits, blocks + 2 * i, 2);
    out[i] = static_cast<float>(value);
  }
}

const Register<WeightFormat> registered{{"BF16", 30, 1, 2, dequantize}};

}  // namespace
}  // namespace ropewalk
