// SPDX-License-Identifier: Apache-2.0
/// Encoders: every row sees both sides. The plan equals the pointwise definition there too, and a method
/// without a form of its own refuses.
#include "methods_test_util.h"

namespace rw {
namespace {

constexpr Index kTrained = 64;

RopeContext encoder(Index n) {
  RopeContext context = context_of(16, kTrained, n);
  context.long_factors.assign(8, 3.0), context.short_factors.assign(8, 1.5);
  context.n_layers = 5, context.n_kv_heads = 3;
  context.bidirectional = true;
  return context;
}

RopeContext random_encoder(RandomSpecs& random, Index n) {
  RopeContext context = encoder(n);
  context.layer = static_cast<int>(random.draw(0, 4)), context.kv_head = static_cast<int>(random.draw(0, 2));
  if (random.draw(0, 3) == 0) context.sliding_window = random.draw(1, 50);
  if (random.draw(0, 3) == 0) context.temperature = {random.real(0.01, 0.5), random.draw(1, 80)};
  if (random.draw(0, 7) == 0) context.acts = false;
  if (random.draw(0, 7) == 0) context.rotary_dim = 0;
  return context;
}

/// What row i sees of all n keys: the distance by the plan, or nothing.
std::vector<std::optional<double>> planned(const AttentionPlan& plan, const KeyPlan& keys, Index row) {
  std::vector<std::optional<double>> seen(static_cast<std::size_t>(keys.n_keys));
  const auto r = static_cast<std::size_t>(row);
  Index last = 0;
  for (Index s = plan.segment_begin[r]; s < plan.segment_begin[r + 1]; ++s) {
    const Segment& segment = plan.segments[static_cast<std::size_t>(s)];
    EXPECT_LE(last, segment.begin);
    EXPECT_LT(segment.begin, segment.end);
    EXPECT_LE(segment.end, keys.n_keys);
    last = segment.end;
    const Region& region = plan.regions.at(static_cast<std::size_t>(segment.region));
    const KeyPlan::Variant& variant = keys.variants.at(static_cast<std::size_t>(region.variant));
    for (Index j = segment.begin; j < segment.end; ++j) {
      seen[static_cast<std::size_t>(j)] =
          region.query_position[r] - variant.position[static_cast<std::size_t>(j)];
      EXPECT_TRUE(j < variant.sink || plan.row_begin + row - j < variant.window) << "a dropped key " << j;
    }
  }
  return seen;
}

void expect_plan_is_definition(const Method& method, Index n) {
  const Pointwise p = method.pointwise();
  const AttentionPlan plan = method.lower(0, n);
  const KeyPlan keys = method.lower_keys(0, n);
  ASSERT_LE(plan.regions.size(), 8U);  // kernels take no more
  ASSERT_EQ(plan.theta, p.theta);
  for (Index i = 0; i < n; ++i) {
    const auto row = planned(plan, keys, i);
    ASSERT_FLOAT_EQ(plan.row_scale[static_cast<std::size_t>(i)], static_cast<float>(p.scale(i)));
    for (Index j = 0; j < n; ++j) {
      const std::optional<double>& seen = row[static_cast<std::size_t>(j)];
      ASSERT_EQ(seen.has_value(), p.visible(i, j)) << method.text() << " row " << i << " key " << j;
      if (seen) {
        ASSERT_NEAR(*seen, p.delta(i, j), 1e-9) << method.text() << " row " << i << " key " << j;
      }
    }
    ASSERT_TRUE(p.visible(i, i));
    ASSERT_FALSE(p.visible(i, n));
  }
}

/// A part of the rows is the slice of the whole.
void expect_chunks_agree(const Method& method, Index n) {
  const AttentionPlan whole = method.lower(0, n), part = method.lower(n / 3, n - n / 3);
  for (Index r = 0; r < part.n_rows; ++r) {
    const auto row = static_cast<std::size_t>(r), global = static_cast<std::size_t>(n / 3 + r);
    const auto at = [](const AttentionPlan& plan, std::size_t x) {
      return std::vector<Segment>(plan.segments.begin() + plan.segment_begin[x],
                                  plan.segments.begin() + plan.segment_begin[x + 1]);
    };
    ASSERT_EQ(at(part, row), at(whole, global));
    for (std::size_t k = 0; k < whole.regions.size(); ++k)
      ASSERT_EQ(part.regions[k].query_position[row], whole.regions[k].query_position[global]);
  }
}

/// Whether the spec is one of those that have no form for both directions.
bool has_no_form(const std::string& spec) {
  for (const char* part : {"dca", "streaming-llm", "grow=1"})
    if (spec.find(part) != std::string::npos) return true;
  return false;
}

/// Binds and compares, or sees the refusal; whether it was bound.
bool expect_bound_or_refused(const std::string& spec, const RopeContext& context) {
  if (has_no_form(spec)) {
    EXPECT_THROW(bound(spec, context), UsageError) << spec;
    return false;
  }
  if (spec.find("adagrope") != std::string::npos) try {
      bound(spec, context);
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find("4 group sizes"), std::string::npos) << spec << ": " << e.what();
      return false;
    }
  const Method method = bound(spec, context);
  expect_plan_is_definition(method, context.n);
  expect_chunks_agree(method, context.n);
  return true;
}

TEST(BothDirections, PlansEqualTheDefinitionForEveryMethod) {
  RandomSpecs random(3);
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    int n_bound = 0;
    for (int round = 0; round < 12; ++round) {
      const std::string spec = random.part(info.name, kTrained);
      SCOPED_TRACE(spec);
      n_bound += expect_bound_or_refused(spec, random_encoder(random, random.draw(1, 140)));
      if (HasFatalFailure()) return;
    }
    EXPECT_EQ(n_bound > 0, !has_no_form(info.name)) << info.name;
  }
}

TEST(BothDirections, PlansEqualTheDefinitionForCompositions) {
  RandomSpecs random(4);
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    if (!has_no_form(info.name)) by_kind[info.kind].push_back(info.name);
  int n_bound = 0;
  for (int round = 0; round < 200; ++round) {
    std::string spec = "none";
    for (const char* kind : {"frequency", "distance", "mask", "scale"}) {
      const std::vector<std::string>& names = by_kind.at(kind);
      const Index last = static_cast<Index>(names.size()) - 1;
      if (random.draw(0, 3) != 0)
        spec += "+" + random.part(names[static_cast<std::size_t>(random.draw(0, last))], kTrained);
    }
    SCOPED_TRACE(spec);
    n_bound += expect_bound_or_refused(spec, random_encoder(random, random.draw(1, 110)));
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(n_bound, 100);
}

/// Each formula, written out once more for both signs.
TEST(BothDirections, Formulas) {
  constexpr Index n = 60;
  const auto signed_by = [](Index x, double distance) { return x < 0 ? -distance : distance; };
  const std::vector<std::pair<std::string, std::function<double(Index, Index)>>> cases{
      {"none", [](Index i, Index j) { return static_cast<double>(i - j); }},
      {"rerope:window=7",
       [&](Index i, Index j) {
         return signed_by(i - j, static_cast<double>(std::min<Index>(std::abs(i - j), 7)));
       }},
      {"leaky-rerope:window=8,factor=4",
       [&](Index i, Index j) {
         const auto x = static_cast<double>(std::abs(i - j));
         return signed_by(i - j, x < 8 ? x : 8 + (x - 8) / 4);
       }},
      {"string:offset=10,local=3",
       [&](Index i, Index j) {
         const Index x = std::abs(i - j);
         return signed_by(i - j, static_cast<double>(x < 10 ? x : x - 7));
       }},
      {"self-extend:window=6,group=3",
       [&](Index i, Index j) {
         if (std::abs(i - j) < 6) return static_cast<double>(i - j);
         const auto slots = static_cast<double>(i / 3 - j / 3);
         return i > j ? slots + 4 : slots - 4;
       }},
      {"jet-long:window=6,group=3",
       [](Index i, Index j) { return static_cast<double>(std::abs(i - j) < 6 ? i - j : i / 3 - j / 3); }},
  };
  for (const auto& [spec, delta] : cases) {
    const Pointwise p = bound(spec, encoder(n)).pointwise();
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) {
        ASSERT_TRUE(p.visible(i, j));
        ASSERT_NEAR(p.delta(i, j), delta(i, j), 1e-12) << spec << " row " << i << " key " << j;
      }
  }
}

TEST(BothDirections, MasksCountBothSides) {
  constexpr Index n = 50;
  const auto visible = [](const std::string& spec) { return bound(spec, encoder(n)).pointwise().visible; };
  const auto window = visible("window:window=5"), lambda = visible("lambda:sink=3,window=5"),
             infinite = visible("lm-infinite:sink=3,window=5");
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      EXPECT_EQ(window(i, j), std::abs(i - j) < 5);
      EXPECT_EQ(lambda(i, j), std::abs(i - j) < 5 || j < 3);
      EXPECT_EQ(infinite(i, j), std::abs(i - j) < 5 || j < 3);
    }
  EXPECT_EQ(bound("lm-infinite:sink=3,window=5", encoder(n)).pointwise().delta(30, 1), 5);
  // More first tokens than the text has, or than the window reaches.
  expect_plan_is_definition(bound("lambda:sink=80,window=5", encoder(n)), n);
  expect_plan_is_definition(bound("lm-infinite:sink=30,window=2", encoder(n)), n);
  EXPECT_EQ(bound("lm-infinite:sink=30,window=2", encoder(n)).pointwise().delta(3, 20), -2);
}

TEST(BothDirections, ScalesHaveAllTokens) {
  for (const char* spec : {"logn:trained=32", "infoscale:trained=32"}) {
    const Method both = bound(spec, encoder(100)), causal = bound(spec, context_of(16, kTrained, 100));
    const float last = causal.lower(99, 1).row_scale[0];
    EXPECT_GT(last, 0.25F);
    EXPECT_EQ(both.lower(0, 100).row_scale, std::vector<float>(100, last)) << spec;
  }
}

/// To the left nothing is changed, and a row of the last token is a causal one.
TEST(BothDirections, TheLeftSideIsTheCausalOne) {
  RandomSpecs random(5);
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    const std::string spec = random.part(info.name, kTrained);
    if (has_no_form(spec) || info.name == "adagrope") continue;
    RopeContext context = encoder(120);
    const Method both = bound(spec, context);
    context.bidirectional = false;
    const Method causal = bound(spec, context);
    EXPECT_EQ(both.lower(119, 1).segments, causal.lower(119, 1).segments) << spec;
    EXPECT_NE(both.fingerprint(120), causal.fingerprint(120)) << spec;
    const Pointwise p = both.pointwise(), q = causal.pointwise();
    for (Index i = 0; i < 120; i += 7)
      for (Index j = 0; j <= i; ++j) {
        EXPECT_EQ(p.delta(i, j), q.delta(i, j)) << spec;
        EXPECT_EQ(p.visible(i, j), q.visible(i, j)) << spec;
      }
  }
}

/// Where nothing is far, a row is one segment, and a map its own mirror image needs no more regions.
TEST(BothDirections, NoMoreSegmentsThanNeeded) {
  const AttentionPlan plain = bound("rerope:window=60", encoder(60)).lower(0, 60);
  EXPECT_EQ(plain.segments, std::vector<Segment>(60, Segment{0, 60, 0}));
  EXPECT_EQ(bound("jet-long:window=6,group=3", encoder(60)).lower(0, 1).regions.size(), 2U);
  EXPECT_EQ(bound("rerope:window=6", encoder(60)).lower(0, 1).regions.size(), 3U);
  EXPECT_EQ(bound("rerope:window=6", encoder(60)).lower(30, 1).segments,
            (std::vector<Segment>{{0, 25, 1}, {25, 36, 0}, {36, 60, 2}}));
  EXPECT_EQ(bound("rerope:window=6", encoder(60)).lower_keys(0, 60).variants.size(), 2U);
}

TEST(BothDirections, RefusalsSayWhy) {
  for (const auto& [spec, why] : {std::pair{"dca", "chunks"}, std::pair{"streaming-llm", "slots of a cache"},
                                  std::pair{"dynamic-ntk:grow=1", "grow=1"}})
    try {
      bound(spec, encoder(128));
      ADD_FAILURE() << spec;
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find("encoder"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
    }
  EXPECT_NO_THROW(bound("dynamic-ntk", encoder(128)));
  EXPECT_NO_THROW(bound("adagrope", encoder(80)));
  EXPECT_THROW(bound("adagrope", encoder(4096)), UsageError);
  EXPECT_NO_THROW(bound("adagrope", context_of(16, kTrained, 2048)));
}

}  // namespace
}  // namespace rw
