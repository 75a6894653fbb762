// SPDX-License-Identifier: Apache-2.0
/// Methods and plans as the library shows them: what methods/ says, copied into plain structures.
#include "ropewalk/method.h"

#include "face/rope_context.h"
#include "model/config_only.h"

namespace ropewalk {

std::vector<MethodInfo> methods() {
  std::vector<MethodInfo> all;
  for (const rw::MethodInfo& info : rw::Registry<rw::MethodInfo>::all()) {
    MethodInfo& shown = all.emplace_back(MethodInfo{
        info.name, info.aliases, info.kind, info.title, info.formula, info.source, info.differs, {}});
    for (const rw::ParameterInfo& p : info.parameters)
      shown.parameters.push_back({p.name, p.meaning, p.unit, p.range, p.default_text});
  }
  return all;
}

std::string canonical(std::string_view spec) { return rw::MethodSpec::parse(spec).text(); }

std::vector<RopeContext> layers(std::string_view config_json, const std::vector<bool>& attends) {
  const rw::ModelConfig config = rw::read_config_only(config_json, attends);
  std::vector<RopeContext> all;
  all.reserve(attends.size());
  for (int layer = 0; layer < config.n_layers(); ++layer)
    all.push_back(face::shown(config.rope_context(layer, 1)));
  return all;
}

Plan plan(std::string_view spec, Index n, const RopeContext& context, Index row_begin, Index n_rows) {
  const rw::Method method = rw::Method::bind(rw::MethodSpec::parse(spec), face::inside_of(context, n));
  if (n_rows == -1) n_rows = n - row_begin;
  if (row_begin < 0 || n_rows < 0 || row_begin > n || n_rows > n - row_begin)
    throw UsageError("rows", fmt::format("rows within the {} of the text", n),
                     fmt::format("{} from {} on", n_rows, row_begin), "leave them out for all");
  rw::AttentionPlan rows = method.lower(row_begin, n_rows);
  rw::KeyPlan keys = method.lower_keys(0, n, false);
  Plan shown{.method = method.text(), .n = n, .row_begin = row_begin, .n_rows = n_rows};
  shown.theta = std::move(rows.theta);
  for (rw::Region& region : rows.regions)
    shown.regions.push_back({std::move(region.query_position), region.variant});
  for (rw::KeyPlan::Variant& variant : keys.variants)
    shown.variants.push_back({std::move(variant.position), variant.sink, variant.window});
  shown.segment_begin = std::move(rows.segment_begin);
  shown.segments.reserve(rows.segments.size());
  for (const rw::Segment& s : rows.segments) shown.segments.push_back({s.begin, s.end, s.region});
  shown.row_scale = std::move(rows.row_scale);
  shown.rotary_gain = rows.rotary_gain, shown.soft_cap = rows.soft_cap, shown.grows = method.grows();
  return shown;
}

}  // namespace ropewalk
