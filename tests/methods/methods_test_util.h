// SPDX-License-Identifier: Apache-2.0
/// Contexts and random specs shared by the methods' tests.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "methods/factors.h"

namespace rw {

inline RopeContext context_of(int rotary_dim, Index trained, Index n, double base = 10000) {
  RopeContext context;
  context.head_dim = context.rotary_dim = rotary_dim;
  context.rope_base = base;
  context.n_ctx_train = context.n_ctx_original = trained;
  context.n = n;
  return context;
}

inline Method bound(std::string_view spec, const RopeContext& context) {
  return Method::bind(MethodSpec::parse(spec), context);
}

/// Distances of row i to keys 0 .. i, read from the lowered plan; -1 where the key is in no segment.
/// Fails when a key is in two segments, or the segments are not sorted.
inline std::vector<double> planned_row(const Method& method, Index i) {
  const AttentionPlan plan = method.lower(i, 1);
  const KeyPlan keys = method.lower_keys(0, i + 1);
  std::vector<double> row(static_cast<std::size_t>(i) + 1, -1);
  Index last = 0;
  for (const Segment& s : plan.segments) {
    EXPECT_LE(last, s.begin);
    EXPECT_LT(s.begin, s.end);
    EXPECT_LE(s.end, i + 1);
    last = s.end;
    const Region& region = plan.regions.at(static_cast<std::size_t>(s.region));
    const KeyPlan::Variant& variant = keys.variants.at(static_cast<std::size_t>(region.variant));
    for (Index j = s.begin; j < s.end; ++j) {
      row[static_cast<std::size_t>(j)] =
          region.query_position[0] - variant.position[static_cast<std::size_t>(j)];
      EXPECT_TRUE(j < variant.sink || i - j < variant.window) << "row " << i << " reads dropped key " << j;
    }
  }
  return row;
}

class RandomSpecs {
 public:
  explicit RandomSpecs(unsigned seed) : random_(seed) {}
  Index draw(Index low, Index high) { return std::uniform_int_distribution<Index>(low, high)(random_); }
  double real(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }

  /// A spec of that one method with random parameters in range.
  std::string part(const std::string& name, Index trained) {
    const Index window = draw(1, 40), sink = draw(1, 9);
    const std::string f = fmt::format("factor={:.3f}", real(1, 16)),
                      t = fmt::format("trained={}", draw(8, trained));
    const std::string grow = draw(0, 1) != 0 ? ",grow=1" : "";
    if (name == "pi" || name == "ntk" || name == "ntk-mixed") return name + ":" + f;
    if (name == "ntk-by-parts" || name == "yarn" || name == "llama3" || name.starts_with("mrrope-"))
      return name + ":" + f + "," + t;
    if (name.starts_with("dynamic-")) return name + ":" + f + "," + t + grow;
    if (name == "base") return fmt::format("base:value={:.1f}", real(100, 1e6));
    if (name == "rerope" || name == "window") return fmt::format("{}:window={}", name, window);
    if (name == "leaky-rerope") return fmt::format("{}:window={},{}", name, window, f);
    if (name == "self-extend") {
      const Index group = draw(1, 7);
      return fmt::format("{}:window={},group={}", name, group * draw(1, 8), group);
    }
    if (name == "jet-long") return fmt::format("{}:window={},group={}", name, window, draw(1, 7));
    if (name == "lampe")
      return fmt::format("lampe:head={},tail={},positions={}", window, sink, window + sink + draw(1, 60));
    if (name == "adagrope")
      return fmt::format("adagrope:positions={},share={:.3f}", draw(8, trained), real(0, 0.5));
    if (name == "dca")
      return fmt::format("dca:chunk={},local={},form={}", window, draw(1, window),
                         draw(0, 1) ? "code" : "paper");
    if (name == "string") return fmt::format("string:offset={},local={}", 7 + sink, sink);
    if (name == "lambda" || name == "streaming-llm" || name == "lm-infinite")
      return fmt::format("{}:sink={},window={}", name, sink, window);
    if (name == "logn" || name == "infoscale") return name + ":" + t;
    if (name == "cope") return fmt::format("cope:pairs={},form={}", draw(2, 8), draw(0, 1) ? "soft" : "hard");
    if (name == "layer-pi") return fmt::format("layer-pi:{},first=1,last={:.3f}", f, real(1.1, 3));
    if (name == "ms-poe") return fmt::format("ms-poe:{},max={:.3f}", f, real(1.5, 3));
    if (name == "dope") return fmt::format("dope:heads={}.0/3.2,{}{}", draw(0, 1), t, grow);
    if (name == "temperature") return fmt::format("temperature:value={:.3f}", real(0.5, 2));
    return name;
  }

 private:
  std::mt19937 random_;
};

}  // namespace rw
