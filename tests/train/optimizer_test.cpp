// SPDX-License-Identifier: Apache-2.0
// AdamW and Muon against PyTorch's, recorded step by step (tools/make_golden_optimizers.py).
#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/json.h"
#include "core/random.h"
#include "core/text_file.h"
#include "stand_in.h"

namespace rw {
namespace {

const JsonInput& golden() {
  static const std::string path = std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/optimizers.json";
  static const JsonInput json = parse_json(read_bytes(path), path);
  return json;
}

std::vector<Parameter> parameters_of(const JsonInput& shapes) {
  std::vector<Parameter> parameters;
  Index begin = 0;
  for (const auto& [name, shape] : shapes.items()) {
    Parameter p{.name = name};
    p.kind = name.starts_with("token") ? ParameterKind::kEmbedding
             : shape.size() == 1       ? ParameterKind::kVector
                                       : ParameterKind::kMatrix;
    p.n_columns = shape.back().get<Index>();
    p.n_rows = shape.size() == 1 ? 1 : shape.front().get<Index>();
    p.begin = begin;
    begin += p.n();
    parameters.push_back(p);
  }
  return parameters;
}

std::vector<float> values_of(const JsonInput& by_name, const std::vector<Parameter>& parameters) {
  std::vector<float> values;
  for (const Parameter& p : parameters)
    for (const auto& v : by_name.at(p.name)) values.push_back(v.get<float>());
  return values;
}

/// The largest difference of a weight after each step, in units of the rates added up: of what was changed.
double worst(const std::string& name, int threads) {
  const JsonInput& run = golden().at(name);
  const std::vector<Parameter> parameters = parameters_of(run.at("shapes"));
  const auto context = std::make_shared<Context>(ContextOptions{.threads = threads, .isa = ""});
  std::vector<float> values = values_of(run.at("weights"), parameters);
  const auto optimizer = name == "adamw" ? make_adamw(parameters, {.decay_embeddings = false}, context)
                                         : make_muon(parameters, {}, std::make_shared<OnlyProducts>(context));
  Index step = 0;
  double apart = 0, rates = 0;
  for (const auto& recorded : run.at("steps")) {
    const std::vector<float> gradient = values_of(recorded.at("gradients"), parameters);
    const std::vector<float> expected = values_of(recorded.at("weights"), parameters);
    const double rate = recorded.at("rate").get<double>();
    rates += rate;
    optimizer->step(++step, rate, gradient.data(), values.data());
    for (std::size_t i = 0; i < values.size(); ++i)
      apart = std::max(apart, std::abs(double{values[i]} - expected[i]) / rates);
  }
  return apart;
}

TEST(Optimizer, AdamWIsThatOfPyTorch) { EXPECT_LT(worst("adamw", 1), 1e-4); }
TEST(Optimizer, MuonIsThatOfPyTorchInFloat32) { EXPECT_LT(worst("muon", 2), 1e-4); }
// PyTorch rounds the products to 8 bits: its steps of about 0.2 rate are apart by some per cent of that.
TEST(Optimizer, MuonIsNearThatOfPyTorchInBfloat16) {
  EXPECT_LT(worst("muon_bf16", 1), 0.05);
  EXPECT_GT(worst("muon_bf16", 1), 1e-3);
}

struct Random9 {
  Random random{9};
  std::vector<float> values(Index n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (float& x : v) x = static_cast<float>(random.uniform() - 0.5);
    return v;
  }
};

std::vector<Parameter> large() {
  return {{.name = "a", .kind = ParameterKind::kMatrix, .n_rows = 70, .n_columns = 300, .begin = 0},
          {.name = "b", .kind = ParameterKind::kEmbedding, .n_rows = 100, .n_columns = 90, .begin = 21000},
          {.name = "c", .kind = ParameterKind::kVector, .n_rows = 1, .n_columns = 77, .begin = 30000}};
}

TEST(Optimizer, BitsDoNotDependOnThreads) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    const auto context = std::make_shared<Context>(ContextOptions{.threads = threads, .isa = ""});
    Random9 random;
    std::vector<float> values = random.values(30077);
    const auto adamw = make_adamw({large()[1], large()[2]}, {}, context);
    const auto muon = make_muon({large()[0]}, {}, std::make_shared<OnlyProducts>(context));
    for (Index step = 1; step < 4; ++step) {
      std::vector<float> gradient = random.values(30077);
      clip(*context, global_norm(*context, gradient), 1, gradient);
      adamw->step(step, 0.01, gradient.data(), values.data());
      muon->step(step, 0.01, gradient.data(), values.data());
    }
    results.push_back(values);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Optimizer, GoesOnFromItsState) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = ""});
  const auto make = [&] { return make_adamw({large()[1], large()[2]}, {}, context); };
  Random9 random;
  std::vector<float> values = random.values(30077);
  const std::vector<float> first = random.values(30077), second = random.values(30077);
  const auto whole = make(), resumed = make();
  whole->step(1, 0.01, first.data(), values.data());
  std::vector<float> copy = values;
  const std::vector<StateArray> from = whole->state(), to = resumed->state();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    EXPECT_EQ(from[i].name, to[i].name);
    std::copy(from[i].values.begin(), from[i].values.end(), to[i].values.begin());
  }
  whole->step(2, 0.01, second.data(), values.data());
  resumed->step(2, 0.01, second.data(), copy.data());
  EXPECT_EQ(values, copy);
}

TEST(Optimizer, OnlyItsOwnParametersChange) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = ""});
  Random9 random;
  const std::vector<float> before = random.values(30077), gradient = random.values(30077);
  std::vector<float> values = before;
  make_adamw({large()[1]}, {}, context)->step(1, 0.01, gradient.data(), values.data());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i] != before[i], i >= 21000 && i < 30000) << i;
}

TEST(Clip, ToTheLargestNorm) {
  Context context({.threads = 2, .isa = ""});
  std::vector<float> gradient(40000, 0.5f);
  EXPECT_NEAR(global_norm(context, gradient), 100, 1e-9);
  std::vector<float> same = gradient;
  clip(context, 100, 200, same);
  clip(context, 100, 0, same);
  EXPECT_EQ(same, gradient);
  clip(context, 100, 1, gradient);
  EXPECT_NEAR(global_norm(context, gradient), 1, 1e-6);
}

TEST(Clip, NamesWhatIsNotFinite) {
  std::vector<float> values(30077, 1.0f);
  const std::vector<Parameter> parameters = large();
  EXPECT_EQ(first_not_finite(parameters, values), nullptr);
  values[22000] = std::numeric_limits<float>::infinity();
  values[30001] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_NE(first_not_finite(parameters, values), nullptr);
  EXPECT_EQ(first_not_finite(parameters, values)->name, "b");
  Context context({.threads = 2, .isa = ""});
  EXPECT_FALSE(std::isfinite(global_norm(context, values)));
}

}  // namespace
}  // namespace rw
