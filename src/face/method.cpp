// SPDX-License-Identifier: Apache-2.0
/// Methods and plans as the library shows them: what methods/ says, copied into plain structures.
#include "ropewalk/method.h"

#include <algorithm>

#include "face/rope_context.h"
#include "methods/auto.h"
#include "methods/tuned_file.h"
#include "model/config_only.h"
#include "model/memory.h"

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

namespace {

constexpr Index kBlock = 16384;  // rows, or keys, between two questions whether to go on

/// Calls visit(begin, n) for the blocks of [0, n).
template <class Visit>
void for_blocks(Index n, const Visit& visit) {
  for (Index begin = 0; begin < n; begin += kBlock) visit(begin, std::min(kBlock, n - begin));
}

/// Room for all of a plan; the last row has as many segments as any. Errors: Error.
void reserve(Plan& shown, std::size_t segments_of_last) {
  const auto n = static_cast<std::size_t>(shown.n), rows = static_cast<std::size_t>(shown.n_rows);
  const std::size_t of_row = shown.regions.size() * sizeof(double) + sizeof(Index) + sizeof(float) +
                             segments_of_last * sizeof(PlanSegment);
  rw::require_memory("plan", rows * of_row + n * shown.variants.size() * sizeof(double),
                     "make a plan of some rows, or of a shorter text");
  for (PlanRegion& region : shown.regions) region.query_position.reserve(rows);
  for (KeyVariant& variant : shown.variants) variant.position.reserve(n);
  shown.segment_begin.reserve(rows + 1), shown.row_scale.reserve(rows);
  shown.segments.reserve(rows * segments_of_last);
}

void append(Plan& shown, const rw::AttentionPlan& rows) {
  for (std::size_t r = 0; r < rows.regions.size(); ++r) {
    const std::vector<double>& more = rows.regions[r].query_position;
    shown.regions[r].query_position.insert(shown.regions[r].query_position.end(), more.begin(), more.end());
  }
  const auto before = static_cast<Index>(shown.segments.size());
  for (std::size_t r = 1; r < rows.segment_begin.size(); ++r)
    shown.segment_begin.push_back(before + rows.segment_begin[r]);
  for (const rw::Segment& s : rows.segments) shown.segments.push_back({s.begin, s.end, s.region});
  shown.row_scale.insert(shown.row_scale.end(), rows.row_scale.begin(), rows.row_scale.end());
}

}  // namespace

Plan plan(std::string_view spec, Index n, const RopeContext& context, Index row_begin, Index n_rows,
          const Progress& progress) {
  if (spec == "auto")
    throw UsageError("method", "the name of a method", "'auto'",
                     "choose() says what auto takes for a request");
  const rw::Method method = rw::Method::bind(rw::MethodSpec::parse(spec), face::inside_of(context, n));
  if (n_rows == -1) n_rows = n - row_begin;
  if (row_begin < 0 || n_rows < 0 || row_begin > n || n_rows > n - row_begin)
    throw UsageError("rows", fmt::format("rows within the {} of the text", n),
                     fmt::format("{} from {} on", n_rows, row_begin), "leave them out for all");
  const Index n_last = std::min<Index>(n_rows, 1);
  rw::AttentionPlan rows = method.lower(row_begin + n_rows - n_last, n_last);
  rw::KeyPlan keys = method.lower_keys(0, 0, false);
  Plan shown{.method = method.text(), .n = n, .row_begin = row_begin, .n_rows = n_rows};
  for (const rw::Region& region : rows.regions) shown.regions.push_back({{}, region.variant});
  for (const rw::KeyPlan::Variant& variant : keys.variants)
    shown.variants.push_back({{}, variant.sink, variant.window});
  reserve(shown, rows.segments.size());
  shown.theta = rows.theta;
  shown.rotary_gain = rows.rotary_gain, shown.soft_cap = rows.soft_cap, shown.grows = method.grows();
  shown.segment_begin.push_back(0);
  for_blocks(n_rows, [&](Index begin, Index n_block) {
    method.lower(row_begin + begin, n_block, rows);
    append(shown, rows);
    if (progress) progress(begin + n_block);
  });
  for_blocks(n, [&](Index begin, Index n_block) {
    method.lower_keys(begin, n_block, keys, false);
    for (std::size_t v = 0; v < keys.variants.size(); ++v)
      shown.variants[v].position.insert(shown.variants[v].position.end(), keys.variants[v].position.begin(),
                                        keys.variants[v].position.end());
    if (progress) progress(n_rows);
  });
  return shown;
}

Choice choose(Index n, const RopeContext& context, const std::vector<TunedMethod>& tuned) {
  std::vector<rw::TunedSetting> settings;
  settings.reserve(tuned.size());
  for (const TunedMethod& each : tuned) settings.push_back({.length = each.length, .method = each.method});
  const rw::AutoChoice choice = rw::decide(face::inside_of(context, n), settings);
  return {choice.spec.text(), choice.why};
}

std::vector<TunedMethod> read_tuned(const std::string& path) {
  const std::optional<rw::TunedFile> file = rw::read_tuned(path);
  if (!file)
    throw Error(path, "a file that tune wrote", "none", "tune with keep writes one beside the model");
  std::vector<TunedMethod> tuned;
  for (const rw::TunedSetting& setting : file->settings) tuned.push_back({setting.length, setting.method});
  return tuned;
}

}  // namespace ropewalk
