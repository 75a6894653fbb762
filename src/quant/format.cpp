// SPDX-License-Identifier: Apache-2.0
#include "quant/format.h"

namespace ropewalk {

const WeightFormat* find_weight_format(std::uint32_t ggml_type) {
  for (const WeightFormat& format : Registry<WeightFormat>::all())
    if (static_cast<std::uint32_t>(format.ggml_type) == ggml_type) return &format;
  return nullptr;
}

}  // namespace ropewalk
