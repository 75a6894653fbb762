// SPDX-License-Identifier: Apache-2.0
/// Where a method's rule turns, and what the cache must hold for it and need not.
#include <algorithm>

#include "methods_test_util.h"

namespace rw {
namespace {

std::string spec_of(const MethodInfo& info) {
  return info.name == "base"          ? "base:value=50000"
         : info.name == "dope"        ? "dope:heads=0.0"
         : info.name == "temperature" ? "temperature:value=1.2"
                                      : info.name;
}

RopeContext context_at(Index n) {
  RopeContext context = context_of(16, 64, n);
  context.long_factors.assign(8, 2.0), context.short_factors.assign(8, 1.0);
  return context;
}

/// A variant's window is what its rows read and not one key more, or a cache would hold blocks for nothing.
TEST(Keys, AreHeldNoLongerThanTheyAreRead) {
  constexpr Index n = 300;
  std::vector<std::string> specs;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) specs.push_back(spec_of(info));
  specs.insert(specs.end(), {"dca:chunk=24,local=8+window:window=70", "lm-infinite:sink=2,window=30",
                             "lampe:head=9,tail=20,positions=90", "adagrope:positions=32,share=0.5",
                             "leaky-rerope:window=10,factor=8+lambda:sink=5,window=90"});
  for (const std::string& spec : specs) {
    const Method method = bound(spec, context_at(n));
    const KeyPlan keys = method.lower_keys(0, n);
    std::vector<Index> farthest(keys.variants.size(), -1);  // i - j of keys that are no sinks
    const AttentionPlan plan = method.lower(0, n);
    for (Index i = 0; i < n; ++i)
      for (Index s = plan.segment_begin[static_cast<std::size_t>(i)];
           s < plan.segment_begin[static_cast<std::size_t>(i) + 1]; ++s) {
        const Segment& segment = plan.segments[static_cast<std::size_t>(s)];
        const auto v =
            static_cast<std::size_t>(plan.regions[static_cast<std::size_t>(segment.region)].variant);
        const Index first = std::max(segment.begin, keys.variants[v].sink);
        if (first < segment.end) farthest[v] = std::max(farthest[v], i - first);
      }
    for (std::size_t v = 0; v < farthest.size(); ++v)
      if (keys.variants[v].window < kForever) {
        EXPECT_EQ(keys.variants[v].window, farthest[v] + 1) << spec << " variant " << v;
      }
  }
}

/// Just as long as the window: nothing lies beyond it, so no factor is asked for, whatever the window.
TEST(LeakyReRope, ATextAsLongAsItsWindowNeedsNoFactor) {
  const auto positions = [](const char* spec, Index n) {
    return bound(spec, context_of(16, 64, n)).lower(0, n).regions.size();
  };
  EXPECT_EQ(positions("leaky-rerope:window=50", 51), 1u);  // 50 is above 2/3 of 64
  EXPECT_THROW(positions("leaky-rerope:window=50", 52), UsageError);
  EXPECT_EQ(positions("leaky-rerope:window=20", 21), 1u);
}

/// With one rotation count at both ends the ramp is a step (0.001 pairs wide, as transformers has it): a pair
/// is divided or it is not.
TEST(Yarn, ARampWithoutWidthIsAStep) {
  // What turns 4096 theta / (2 pi) times; the last two lie a tenth of a pair before pair 20, and after it.
  const auto turns_at = [](double m) { return 4096 / (2 * std::acos(-1.0)) * std::pow(10000, -m / 64); };
  for (const double beta : {2.0, 4.0, 7.5, 20.0, turns_at(19.9), turns_at(20.1)}) {
    const std::string spec = fmt::format("yarn:factor=4,truncate=0,beta_fast={0},beta_slow={0}", beta);
    const std::vector<double> theta = bound(spec, context_of(128, 4096, 16384)).pointwise().theta,
                              plain = plain_theta(128, 10000);
    std::size_t divided = 0;
    for (std::size_t m = 0; m < theta.size(); ++m) {
      const double ratio = theta[m] / plain[m];
      EXPECT_TRUE(std::abs(ratio - 1) < 1e-12 || std::abs(ratio - 0.25) < 1e-12) << beta << " pair " << m;
      divided += ratio < 0.5;
    }
    // Those that turn less than beta times in 4,096 tokens.
    const auto turns = [&](double t) { return 4096 * t / (2 * std::acos(-1.0)); };
    EXPECT_EQ(divided, static_cast<std::size_t>(std::count_if(plain.begin(), plain.end(),
                                                              [&](double t) { return turns(t) < beta; })));
  }
}

/// Where even the fastest pair turns less than beta_fast times the ramp begins at pair 0: 64 tokens, d = 64,
/// so high = ceil(64 ln(64 / (2 pi)) / (2 ln 1e4)) = 9, and pair m keeps 1 - m / 9 of its own frequency.
TEST(Yarn, ARampBeginsAtTheFirstPair) {
  const std::vector<double> theta = bound("yarn:factor=4", context_of(64, 64, 256)).pointwise().theta,
                            plain = plain_theta(64, 10000);
  for (std::size_t m = 0; m < theta.size(); ++m) {
    const double far = std::min(static_cast<double>(m) / 9, 1.0);
    EXPECT_NEAR(theta[m] / plain[m], far / 4 + (1 - far), 1e-12) << m;
  }
}

/// Frequencies need a base above 1: 1.5 will do, 1 turns every pair alike.
TEST(Base, MustBeAboveOne) {
  for (const char* spec : {"yarn:factor=4", "ntk:factor=4", "dynamic-yarn"}) {
    EXPECT_NO_THROW(bound(spec, context_of(16, 64, 256, 1.5))) << spec;
    EXPECT_THROW(bound(spec, context_of(16, 64, 256, 1)), Error) << spec;
  }
}

/// transformers: the ratio only where both are given and not zero, else the paper's line.
TEST(Yarn, OneMscaleAloneIsNotUsed) {
  const RopeContext context = context_of(64, 2048, 8192);
  const auto gain = [&](const std::string& spec) { return bound(spec, context).pointwise().rotary_gain; };
  const double line = 0.1 * std::log(4.0) + 1;
  EXPECT_NEAR(gain("yarn:factor=4"), line * line, 1e-12);
  EXPECT_NEAR(gain("yarn:factor=4,mscale=0.5"), line * line, 1e-12);
  EXPECT_NEAR(gain("yarn:factor=4,mscale_all_dim=0.5"), line * line, 1e-12);
  const double ratio = (0.05 * std::log(4.0) + 1) / (0.08 * std::log(4.0) + 1);
  EXPECT_NEAR(gain("yarn:factor=4,mscale=0.5,mscale_all_dim=0.8"), ratio * ratio, 1e-12);
}

/// What was read under one binding serves another only if every key is stored and forgotten alike, also those
/// that no row so far has looked at.
TEST(SameUpTo, CountsKeysThatLaterRowsSee) {
  const auto at = [](const char* spec, Index n) { return bound(spec, context_of(64, 64, n)); };
  EXPECT_TRUE(at("rerope", 256).same_up_to(200, at("rerope", Index{1} << 30)));
  EXPECT_TRUE(at("leaky-rerope", 256).same_up_to(200, at("leaky-rerope", 256)));
  const Method near = at("leaky-rerope", 256), far = at("leaky-rerope", 1024);
  EXPECT_EQ(near.fingerprint(8), far.fingerprint(8)) << "in the window rows are alike";
  EXPECT_FALSE(near.same_up_to(8, far)) << "but the keys of far regions are not";
  EXPECT_FALSE(at("none", 256).same_up_to(200, at("window:window=64", 256)));
  EXPECT_FALSE(at("window:window=32", 256).same_up_to(8, at("window:window=64", 256)))
      << "forgotten otherwise";
  EXPECT_FALSE(at("none", 256).same_up_to(200, at("pi", 256)));
}

}  // namespace
}  // namespace rw
