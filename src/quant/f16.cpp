// SPDX-License-Identifier: Apache-2.0
/// F16: IEEE binary16.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = half_at(blocks + 2 * i);
}

const Register<WeightFormat> registered{{"F16", 1, 1, 2, dequantize}};

}  // namespace
}  // namespace ropewalk
