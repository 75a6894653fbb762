// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <algorithm>
#include <functional>

#include "core/option.h"
#include "formats/missing.h"
#include "model/read_common.h"

namespace rw {

std::vector<std::size_t> ModelConfig::attention_classes() const {
  std::vector<std::size_t> classes, firsts;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    std::size_t c = 0;
    while (c < firsts.size() && layers[firsts[c]].attention != layers[layer].attention) ++c;
    if (c == firsts.size()) firsts.push_back(layer);
    classes.push_back(c);
  }
  return classes;
}

RopeContext ModelConfig::rope_context(int layer, Index n) const {
  const AttentionSpec& a = layers.at(static_cast<std::size_t>(layer)).attention;
  return {.head_dim = a.head_dim,
          .rotary_dim = a.rope.rotary_dim,
          .rope_base = a.rope.base,
          .n_ctx_train = n_ctx_train,
          .n_ctx_original = n_ctx_original,
          .n = n,
          .sliding_window = a.window,
          .turning_pairs = a.rope.turning_pairs,
          .rope_freqs = a.rope.divisors,
          .long_factors = a.rope.long_factors,
          .short_factors = a.rope.short_factors,
          .longrope_attention_factor = a.rope.longrope_attention_factor,
          .own_scaling = a.rope.own_scaling,
          .layer = layer,
          .n_layers = n_layers(),
          .n_kv_heads = a.n_kv_heads,
          .attention_scale = a.scale,
          .soft_cap = a.soft_cap,
          .temperature = a.temperature,
          .acts = a.acts,
          .bidirectional = encoder,
          .rope_differs = std::any_of(layers.begin(), layers.end(),
                                      [&](const LayerSpec& other) {
                                        const AttentionSpec& b = other.attention;
                                        return b.rope.rotary_dim > 0 &&
                                               (b.rope != a.rope || b.head_dim != a.head_dim);
                                      }),
          .acts_everywhere = std::all_of(layers.begin(), layers.end(), [](const LayerSpec& other) {
            return other.attention.rope.rotary_dim == 0 || acts_on(other);
          })};
}

bool acts_on(const LayerSpec& layer) { return layer.attention.acts && layer.attention.rope.rotary_dim > 0; }

int ModelConfig::acting_layer() const {
  const auto found = std::find_if(layers.begin(), layers.end(), acts_on);
  if (found != layers.end()) return static_cast<int>(found - layers.begin());
  const auto any = std::find_if(layers.begin(), layers.end(), std::mem_fn(&LayerSpec::attends));
  return any == layers.end() ? 0 : static_cast<int>(any - layers.begin());
}

std::size_t ModelConfig::last_keeping_layer() const {
  const auto found = std::find_if(layers.rbegin(), layers.rend(), std::mem_fn(&LayerSpec::keeps));
  return found == layers.rend() ? 0 : static_cast<std::size_t>(layers.rend() - found) - 1;
}

int ModelConfig::n_attention_layers() const {
  return static_cast<int>(std::count_if(layers.begin(), layers.end(), std::mem_fn(&LayerSpec::attends)));
}

int ModelConfig::n_acting_layers() const {
  return static_cast<int>(std::count_if(layers.begin(), layers.end(), acts_on));
}

std::string ModelConfig::acting_layers() const {
  return fmt::format("{} of {}", n_acting_layers(), n_layers());
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
    if (const Missing* missing = find_missing(*name)) refuse_missing(file.path(), *name, *missing);
    throw Error(file.path(),
                "an architecture that " + option("docs/models.md", "`ropewalk models`") + " lists",
                "'" + *name + "'", "CONTRIBUTING.md says what a new family takes");
  }
  return architecture->read(file);
}

}  // namespace rw
