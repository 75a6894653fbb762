// SPDX-License-Identifier: Apache-2.0
#include "train/text_plans.h"

#include <algorithm>

namespace rw {

namespace {

/// Within the trained length such a method changes nothing yet, and is refused all the same: what is trained
/// is to be read the same at any length.
bool asks_to_grow(const Method& method) {
  const std::vector<MethodPart> parts = MethodSpec::parse(method.text()).parts;
  return std::any_of(parts.begin(), parts.end(), [](const MethodPart& part) {
    const auto grow = part.parameters.find("grow");
    return grow != part.parameters.end() && grow->second != "0";
  });
}

}  // namespace

LayerMethods bind_whole(const ModelConfig& config, const MethodSpec& spec, Index n_ctx) {
  LayerMethods methods = bind_layers(config, spec, n_ctx);
  for (const Method& method : methods.methods)
    if (method.grows() || asks_to_grow(method))
      throw UsageError("training", "a method whose frequencies are the same for a whole text",
                       fmt::format("grow=1 in {}", method.text()), "leave grow=1 out");
  return methods;
}

TextPlans::Bound& TextPlans::bound(const MethodSpec& spec, Index n_ctx) {
  const auto [known, added] = bound_.try_emplace({spec.text(), n_ctx});
  if (!added) return known->second;
  try {
    known->second.methods = bind_whole(config_, spec, n_ctx);
  } catch (...) {
    bound_.erase(known);
    throw;
  }
  return known->second;
}

const std::vector<TextPlan>& TextPlans::lowered(Bound& of, Index n, Context& context) {
  const auto [known, added] = of.plans.try_emplace(n);
  if (!added) return known->second;
  known->second.resize(of.methods.methods.size());
  for (std::size_t i = 0; i < known->second.size(); ++i) {
    const Method& method = of.methods.methods[i];
    TextPlan& to = known->second[i];
    method.lower(0, n, to.plan, &context);
    method.lower_keys(0, n, to.keys, true, &context);
    to.pointwise = method.pointwise();
  }
  return known->second;
}

std::vector<std::vector<TextRows>> TextPlans::bind(std::span<const Index> lengths, const MethodSpec& spec,
                                                   Index n_ctx, Context& context) {
  // What the last call had and this one has not would add up.
  const auto has = [&](Index n) { return std::find(lengths.begin(), lengths.end(), n) != lengths.end(); };
  const std::string spelled = spec.text();
  std::erase_if(bound_, [&](const auto& entry) {
    return entry.first.first != spelled ||
           (config_.encoder ? !has(entry.first.second) : entry.first.second != n_ctx);
  });
  for (auto& [key, of] : bound_)
    std::erase_if(of.plans, [&](const auto& plans) { return !has(plans.first); });
  std::vector<std::vector<TextRows>> rows(config_.layers.size());
  Index begin = 0;
  for (const Index n : lengths) {
    Bound& of = bound(spec, config_.encoder ? n : n_ctx);
    const std::vector<TextPlan>& plans = lowered(of, n, context);
    for (std::size_t layer = 0; layer < rows.size(); ++layer) {
      TextRows text{begin, n, {}};
      for (const std::size_t method : of.methods.of[layer]) text.groups.push_back(&plans[method]);
      rows[layer].push_back(std::move(text));
    }
    begin += n;
  }
  return rows;
}

std::size_t plan_bytes(const ModelConfig& config, Index n_rows) {
  std::size_t bytes = 0;
  std::vector<std::size_t> seen;
  const std::vector<std::size_t> classes = config.attention_classes();
  for (std::size_t layer = 0; layer < classes.size(); ++layer) {
    if (std::find(seen.begin(), seen.end(), classes[layer]) != seen.end()) continue;
    seen.push_back(classes[layer]);
    // Positions and rotations of three regions and three variants, three segments, a scale.
    const auto rotary_dim = static_cast<std::size_t>(config.layers[layer].attention.rope.rotary_dim);
    bytes += static_cast<std::size_t>(n_rows) *
             (6 * (sizeof(double) + rotary_dim * sizeof(float)) + 3 * sizeof(Segment) + 16);
  }
  return bytes;
}

}  // namespace rw
