// SPDX-License-Identifier: Apache-2.0
/// What a method is in one layer and for one group of heads, and what stays the layer's own.
#include "methods_test_util.h"

namespace rw {
namespace {

constexpr Index kTrained = 64, kLength = 150;

RopeContext context_in(int layer, int kv_head) {
  RopeContext context = context_of(16, kTrained, kLength);
  context.long_factors.assign(8, 3.0), context.short_factors.assign(8, 1.5);
  context.n_layers = 6, context.n_kv_heads = 4;
  context.layer = layer, context.kv_head = kv_head;
  return context;
}

/// One spec of each method.
std::vector<std::string> a_spec_of_each() {
  RandomSpecs random(7);
  std::vector<std::string> specs;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    specs.push_back(random.part(info.name, kTrained));
  return specs;
}

TEST(Layers, WithoutPositionsNoMethodActs) {
  for (const std::string& spec : a_spec_of_each()) {
    SCOPED_TRACE(spec);
    RopeContext context = context_in(2, 1);
    context.rotary_dim = 0, context.sliding_window = 40, context.rope_freqs = {};
    context.own_scaling = "yarn:factor=4,trained=16";
    const Method method = bound(spec, context), plain = bound("none", context);
    EXPECT_FALSE(method.acts());
    EXPECT_FALSE(method.grows());
    EXPECT_EQ(method.fingerprint(kLength), plain.fingerprint(kLength));
    const AttentionPlan plan = method.lower(100, 2);
    EXPECT_TRUE(plan.theta.empty());
    EXPECT_EQ(plan.rotary_gain, 1);
    EXPECT_EQ(plan.segments, (std::vector<Segment>{{61, 101, 0}, {62, 102, 0}}));  // its own window
    EXPECT_EQ(plan.row_scale, std::vector<float>(2, 0.25F));                       // 1 / sqrt(16)
    EXPECT_TRUE(method.lower_keys(0, 3).variants.at(0).rotation.cosine.empty());
  }
}

TEST(Layers, WhereAMethodDoesNotActTheLayersOwnStays) {
  for (const std::string& spec : a_spec_of_each()) {
    SCOPED_TRACE(spec);
    RopeContext context = context_in(2, 1);
    context.acts = false, context.sliding_window = 40;
    context.own_scaling = "yarn:factor=4,trained=16";
    const Method method = bound(spec, context), plain = bound("none", context);
    EXPECT_FALSE(method.acts());
    EXPECT_FALSE(method.grows());
    EXPECT_EQ(method.fingerprint(kLength), plain.fingerprint(kLength));
    RopeContext global = context_in(2, 1);
    EXPECT_EQ(method.pointwise().theta, bound("yarn:factor=4,trained=16", global).pointwise().theta);
    EXPECT_EQ(method.text(), bound(spec, global).text());
    EXPECT_TRUE(bound(spec, global).acts());
  }
}

TEST(Layers, ASpecIsCheckedWhereItDoesNotActToo) {
  RopeContext local = context_in(0, 0), without = context_in(0, 0);
  local.acts = false;
  without.rotary_dim = 0;
  for (const RopeContext& context : {local, without}) {
    for (const char* wrong : {"rerope:window=0", "yarn:factor=-1", "base", "rerope:window=4+dca", "pi+yarn"})
      EXPECT_THROW(bound(wrong, context), UsageError) << wrong;
    EXPECT_NO_THROW(bound("longrope", context));
    EXPECT_NO_THROW(bound("ntk", context));
  }
}

/// What a layer lacks is no error of the spec's where the spec does nothing.
TEST(Layers, WhatALayerLacksDoesNotMatterWhereNothingActs) {
  RopeContext context = context_in(0, 0);
  context.acts = false, context.long_factors = {}, context.short_factors = {}, context.rope_base = 1;
  EXPECT_NO_THROW(bound("longrope", context));
  EXPECT_NO_THROW(bound("yarn:factor=4", context));
  context.acts = true;
  EXPECT_THROW(bound("longrope", context), UsageError);
  EXPECT_THROW(bound("yarn:factor=4", context), UsageError);
}

TEST(Layers, ScaleCapAndTemperatureAreTheModelsOwn) {
  RopeContext context = context_in(0, 0);
  context.attention_scale = 0.125, context.soft_cap = 50, context.temperature = {0.1, 32};
  const AttentionPlan plan = bound("temperature:value=2", context).lower(0, 100);
  EXPECT_EQ(plan.soft_cap, 50);
  EXPECT_FLOAT_EQ(plan.row_scale[0], 0.25F);
  EXPECT_FLOAT_EQ(plan.row_scale[31], 0.25F);
  EXPECT_FLOAT_EQ(plan.row_scale[32], 0.25F * (1 + 0.1F * std::log(2.0F)));
  EXPECT_FLOAT_EQ(plan.row_scale[96], 0.25F * (1 + 0.1F * std::log(4.0F)));
  context.acts = false;  // the method's factor goes, the model's stay
  EXPECT_FLOAT_EQ(bound("temperature:value=2", context).lower(96, 1).row_scale[0],
                  0.125F * (1 + 0.1F * std::log(4.0F)));
}

TEST(Layers, AFingerprintTellsWhatChangesNumbers) {
  const RopeContext plain = context_in(0, 0);
  const std::string fingerprint = bound("rerope:window=9", plain).fingerprint(kLength);
  const auto differs = [&](auto change) {
    RopeContext context = plain;
    change(context);
    return bound("rerope:window=9", context).fingerprint(kLength) != fingerprint;
  };
  EXPECT_FALSE(differs([](RopeContext&) {}));
  EXPECT_TRUE(differs([](RopeContext& c) { c.attention_scale = 0.5; }));
  EXPECT_TRUE(differs([](RopeContext& c) { c.soft_cap = 30; }));
  EXPECT_TRUE(differs([](RopeContext& c) { c.temperature = {0.1, 16}; }));
  EXPECT_TRUE(differs([](RopeContext& c) { c.acts = false; }));
  EXPECT_TRUE(differs([](RopeContext& c) { c.rotary_dim = 8, c.long_factors = c.short_factors = {}; }));
  EXPECT_FALSE(differs([](RopeContext& c) { c.attention_scale = 0.25; }));  // 1 / sqrt(16)
}

/// The flags are true: without one, a method is the same in every layer, or for every head; with one, it is
/// not, and only its frequencies differ.
TEST(Layers, AMethodDependsOnWhatItSays) {
  for (const std::string& spec : a_spec_of_each()) {
    SCOPED_TRACE(spec);
    const MethodSpec parsed = MethodSpec::parse(spec);
    const Method first = bound(spec, context_in(0, 0));
    const AttentionPlan plan = first.lower(0, kLength);
    bool layers_differ = false, heads_differ = false;
    for (int layer = 0; layer < 6; ++layer)
      for (int kv_head = 0; kv_head < 4; ++kv_head) {
        const Method method = bound(spec, context_in(layer, kv_head));
        const bool same = method.fingerprint(kLength) == first.fingerprint(kLength);
        layers_differ = layers_differ || (!same && kv_head == 0);
        heads_differ = heads_differ ||
                       method.fingerprint(kLength) != bound(spec, context_in(layer, 0)).fingerprint(kLength);
        const AttentionPlan other = method.lower(0, kLength);
        EXPECT_EQ(other.segments, plan.segments);
        EXPECT_EQ(other.row_scale, plan.row_scale);
        EXPECT_EQ(other.regions.at(0).query_position, plan.regions.at(0).query_position);
      }
    EXPECT_EQ(layers_differ, parsed.by_layer());
    EXPECT_EQ(heads_differ, parsed.by_head());
  }
}

}  // namespace
}  // namespace rw
