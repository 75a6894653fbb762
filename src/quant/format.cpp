// SPDX-License-Identifier: Apache-2.0
/// Registers every format of formats/, with its definition made from the format's own reading of a block.
#include "quant/format.h"

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace rw {
namespace {

#include "quant/all_formats.h"  // written by CMakeLists.txt: every file of formats/, and RW_FORMATS

template <class F>
void dequantize(const std::byte* bytes, float* out, Index n) {
  const auto* block = reinterpret_cast<const std::uint8_t*>(bytes);
  if constexpr (F::kGroup == 0) {
    F::widen(block, n, out);
  } else {
    std::int8_t q[F::kWeights];
    float scale[F::kWeights / F::kGroup], minimum[F::kWeights / F::kGroup];
    for (Index b = 0; b < n / F::kWeights; ++b, block += F::kBytes, out += F::kWeights) {
      F::unpack(block, q);
      block_scales<F>(block, scale, minimum);
      for (int i = 0; i < F::kWeights; ++i) {
        out[i] = scale[i / F::kGroup] * static_cast<float>(q[i]);
        if constexpr (!F::kSigned) out[i] += minimum[i / F::kGroup];
      }
    }
  }
}

#define RW_REGISTER(name)                         \
  const Register<WeightFormat> registered_##name{ \
      {#name, name::kType, name::kWeights, name::kBytes, dequantize<name>}};
RW_FORMATS(RW_REGISTER)
#undef RW_REGISTER

}  // namespace

const WeightFormat* find_weight_format(std::uint32_t ggml_type) {
  for (const WeightFormat& format : Registry<WeightFormat>::all())
    if (format.ggml_type >= 0 && static_cast<std::uint32_t>(format.ggml_type) == ggml_type) return &format;
  return nullptr;
}

}  // namespace rw
