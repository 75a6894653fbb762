// SPDX-License-Identifier: Apache-2.0
#include "model/layer_methods.h"

namespace rw {

LayerMethods bind_layers(const ModelConfig& config, const MethodSpec& spec, Index n) {
  const std::vector<std::size_t> kinds = config.attention_classes();
  LayerMethods bound;
  bound.of.resize(kinds.size());
  std::vector<std::size_t> kind_of;  // of each method
  std::vector<std::vector<double>> theta;
  for (std::size_t layer = 0; layer < kinds.size(); ++layer) {
    if (!config.layers[layer].attends()) continue;
    if (const int source = config.layers[layer].kv_of;
        source >= 0) {  // its keys are rotated as they are there
      bound.of[layer] = bound.of[static_cast<std::size_t>(source)];
      continue;
    }
    RopeContext context = config.rope_context(static_cast<int>(layer), n);
    const int n_groups = spec.by_head() ? context.n_kv_heads : 1;
    for (context.kv_head = 0; context.kv_head < n_groups; ++context.kv_head) {
      std::size_t found = 0;
      if (!spec.by_layer() && !spec.by_head())
        while (found < kind_of.size() && kind_of[found] != kinds[layer]) ++found;
      else
        found = kind_of.size();
      if (found == kind_of.size()) {
        Method method = Method::bind(spec, context);
        std::vector<double> own = method.pointwise().theta;
        // Methods that differ by layer or head differ in their frequencies alone, which grow apart.
        found = 0;
        while (found < kind_of.size() &&
               (method.grows() || kind_of[found] != kinds[layer] || theta[found] != own))
          ++found;
        if (found == kind_of.size()) {
          bound.methods.push_back(std::move(method));
          kind_of.push_back(kinds[layer]), theta.push_back(std::move(own));
        }
      }
      bound.of[layer].push_back(found);
    }
  }
  return bound;
}

}  // namespace rw
