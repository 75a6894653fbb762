// SPDX-License-Identifier: Apache-2.0
/// F32: float32, as it is.
#include "quant/block.h"

namespace ropewalk {
namespace {

void dequantize(const std::byte* blocks, float* out, Index n) {
  std::memcpy(out, blocks, static_cast<std::size_t>(n) * 4);
}

const Register<WeightFormat> registered{{"F32", 0, 1, 4, dequantize}};

}  // namespace
}  // namespace ropewalk
