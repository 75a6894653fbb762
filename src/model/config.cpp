// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <fmt/ranges.h>

#include "model/read_common.h"

namespace ropewalk {

RopeContext ModelConfig::rope_context(int layer, Index n) const {
  return {.head_dim = head_dim,
          .rotary_dim = rotary_dim,
          .rope_base = rope_base,
          .n_ctx_train = n_ctx_train,
          .n_ctx_original = n_ctx_original,
          .n = n,
          .sliding_window = sliding_window.at(static_cast<std::size_t>(layer)),
          .rope_freqs = rope_freqs,
          .long_factors = long_factors,
          .short_factors = short_factors,
          .longrope_attention_factor = longrope_attention_factor,
          .own_scaling = own_scaling};
}

ModelConfig read_config(const ModelFile& file) {
  if (file.unsupported()) throw Error(*file.unsupported());
  const auto name = file.string("general.architecture");
  if (!name) throw Error(file.path(), "the key general.architecture", "none", "is this a language model?");
  if (const std::string kind = file.string("general.type").value_or("model"); kind != "model")
    throw Error(file.path(), "a whole model", fmt::format("general.type '{}'", kind),
                "an adapter or a projector is a part of another model");
  const Architecture* architecture = Registry<Architecture>::find(*name);
  if (architecture == nullptr) {
    refuse_unsupported(file, *name);  // names the feature, where a key tells
    throw Error(file.path(),
                fmt::format("an architecture of {}", fmt::join(Registry<Architecture>::names(), ", ")),
                "'" + *name + "'", "a new family is one file in src/model/arch");
  }
  return architecture->read(file);
}

}  // namespace ropewalk
