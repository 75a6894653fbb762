// SPDX-License-Identifier: Apache-2.0
/// The plan equals the pointwise definition, for every registered method and random compositions.
#include "methods_test_util.h"

namespace rw {
namespace {

constexpr Index kTrained = 64;

RopeContext random_context(RandomSpecs& random, Index n) {
  RopeContext context = context_of(16, kTrained, n);
  context.head_dim = random.draw(0, 1) != 0 ? 16 : 24;
  if (random.draw(0, 3) == 0) context.sliding_window = random.draw(1, 50);
  context.long_factors.assign(8, 3.0);
  context.short_factors.assign(8, 1.5);
  context.n_layers = 5, context.n_kv_heads = 3;
  context.layer = static_cast<int>(random.draw(0, 4)), context.kv_head = static_cast<int>(random.draw(0, 2));
  if (random.draw(0, 3) == 0) context.attention_scale = random.real(0.01, 1);
  if (random.draw(0, 3) == 0) context.soft_cap = random.real(1, 60);
  if (random.draw(0, 3) == 0) context.temperature = {random.real(0.01, 0.5), random.draw(1, 80)};
  if (random.draw(0, 5) == 0) context.acts = false;
  if (random.draw(0, 5) == 0) context.rotary_dim = 0;
  return context;
}

void expect_plan_is_definition(const Method& method, Index n) {
  const Pointwise p = method.pointwise();
  for (Index i = 0; i < n; ++i) {
    const std::vector<double> row = planned_row(method, i);
    const AttentionPlan plan = method.lower(i, 1);
    ASSERT_EQ(plan.theta, p.theta);
    ASSERT_FLOAT_EQ(plan.row_scale[0], static_cast<float>(p.scale(i)));
    ASSERT_FLOAT_EQ(plan.rotary_gain, static_cast<float>(p.rotary_gain));
    ASSERT_FLOAT_EQ(plan.soft_cap, static_cast<float>(p.soft_cap));
    for (Index j = 0; j <= i; ++j) {
      Index found = 0;  // segments that hold the key
      for (const Segment& s : plan.segments) found += s.begin <= j && j < s.end;
      ASSERT_EQ(found, p.visible(i, j) ? 1 : 0) << method.text() << " row " << i << " key " << j;
      if (found != 1) continue;
      ASSERT_NEAR(row[static_cast<std::size_t>(j)], p.delta(i, j), 1e-9)
          << method.text() << " row " << i << " key " << j;
    }
    ASSERT_FALSE(p.visible(i, i + 1));
    ASSERT_TRUE(p.visible(i, i));
    ASSERT_EQ(p.delta(i, i), 0.0) << method.text();
  }
}

/// Chunks of any size lower to the slices of the whole.
void expect_chunks_agree(const Method& method, Index n, RandomSpecs& random) {
  const AttentionPlan whole = method.lower(0, n);
  const KeyPlan keys = method.lower_keys(0, n);
  for (Index begin = 0; begin < n;) {
    const Index rows = std::min(n - begin, random.draw(1, 23));
    const AttentionPlan part = method.lower(begin, rows);
    const KeyPlan key_part = method.lower_keys(begin, rows);
    ASSERT_EQ(part.theta, whole.theta);
    for (Index r = 0; r < rows; ++r) {
      const auto row = static_cast<std::size_t>(r), global = static_cast<std::size_t>(begin + r);
      ASSERT_EQ(part.row_scale[row], whole.row_scale[global]);
      for (std::size_t k = 0; k < whole.regions.size(); ++k)
        ASSERT_EQ(part.regions[k].query_position[row], whole.regions[k].query_position[global]);
      for (std::size_t v = 0; v < keys.variants.size(); ++v)
        ASSERT_EQ(key_part.variants[v].position[row], keys.variants[v].position[global]);
      const auto at = [](const AttentionPlan& plan, std::size_t x) {
        return std::vector<Segment>(plan.segments.begin() + plan.segment_begin[x],
                                    plan.segments.begin() + plan.segment_begin[x + 1]);
      };
      ASSERT_EQ(at(part, row), at(whole, global));
    }
    begin += rows;
  }
}

TEST(Plan, EqualsDefinitionForEveryMethod) {
  RandomSpecs random(1);
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    for (int round = 0; round < 12; ++round) {
      const Index n = random.draw(1, 140);
      const std::string spec = random.part(info.name, kTrained);
      SCOPED_TRACE(spec);
      const Method method = bound(spec, random_context(random, n));
      expect_plan_is_definition(method, n);
      expect_chunks_agree(method, n, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Plan, EqualsDefinitionForCompositions) {
  RandomSpecs random(2);
  std::vector<std::string> frequency, distance, mask, scale;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    if (info.kind == "frequency") frequency.push_back(info.name);
    if (info.kind == "distance") distance.push_back(info.name);
    if (info.kind == "mask") mask.push_back(info.name);
    if (info.kind == "scale") scale.push_back(info.name);
  }
  ASSERT_TRUE(!frequency.empty() && !distance.empty() && !mask.empty() && !scale.empty());
  for (int round = 0; round < 250; ++round) {
    std::string spec = "none";
    for (const auto* kind : {&frequency, &distance, &mask, &scale})
      if (random.draw(0, 3) != 0)
        spec +=
            "+" + random.part(
                      (*kind)[static_cast<std::size_t>(random.draw(0, static_cast<Index>(kind->size()) - 1))],
                      kTrained);
    SCOPED_TRACE(spec);
    const Index n = random.draw(1, 110);
    const RopeContext context = random_context(random, n);
    const Method method = bound(spec, context);
    expect_plan_is_definition(method, n);
    expect_chunks_agree(method, n, random);
    EXPECT_EQ(bound(method.text(), context).text(), method.text());
    EXPECT_EQ(bound(method.text(), context).fingerprint(n), method.fingerprint(n));
    if (HasFatalFailure()) return;
  }
}

TEST(Plan, GrowingMethodsKeepRawKeys) {
  const Method method =
      bound("dynamic-ntk:trained=32,grow=1+lambda:sink=2,window=20", context_of(16, 32, 96));
  ASSERT_TRUE(method.grows());
  const KeyPlan raw = method.raw_keys(5, 7);
  ASSERT_EQ(raw.variants.size(), 1u);
  EXPECT_EQ(raw.variants[0].position, std::vector<double>(7, 0.0));
  EXPECT_EQ(raw.variants[0].sink, 2);
  EXPECT_EQ(raw.variants[0].window, 20);
  EXPECT_EQ(method.at_length(32).lower(0, 1).theta, plain_theta(16, 10000));
  EXPECT_EQ(method.at_length(64).lower(0, 1).theta, ntk_theta(16, 10000, 2));
  EXPECT_FALSE(bound("dynamic-ntk", context_of(16, 32, 96)).grows());
}

TEST(Plan, UnchangedRowsAreOneSegment) {
  for (const char* spec :
       {"rerope:window=40", "self-extend:window=40,group=4", "streaming-llm:sink=4,window=36",
        "lm-infinite:sink=4,window=40", "dca:chunk=40,local=8", "string:offset=40,local=8,amplitude=0"}) {
    RopeContext context = context_of(16, 64, 40);
    const Method method = bound(spec, context), plain = bound("none", context);
    EXPECT_EQ(method.lower(0, 40).segments, plain.lower(0, 40).segments) << spec;
    EXPECT_EQ(method.fingerprint(40), plain.fingerprint(40)) << spec;
    EXPECT_NE(method.fingerprint(60), plain.fingerprint(60)) << spec;
  }
}

}  // namespace
}  // namespace rw
