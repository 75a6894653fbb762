// SPDX-License-Identifier: Apache-2.0
/// Mixtures of experts: the choice against its definition worked out by hand, sums against the reference,
/// bits of a row beside others.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "kernels/kernels.h"
#include "weights.h"

namespace rw {
namespace {

constexpr Stage kStages[] = {Stage::kPrefill, Stage::kDecode};

std::vector<Index> experts_of(const std::vector<Choice>& choices) {
  std::vector<Index> experts;
  for (const Choice& choice : choices) experts.push_back(choice.expert);
  return experts;
}

double sum_of(const std::vector<Choice>& choices) {
  double sum = 0;
  for (const Choice& choice : choices) sum += static_cast<double>(choice.weight);
  return sum;
}

TEST(Routing, SoftmaxTakesTheLargestAndKeepsTheirShare) {
  const std::vector<float> logits{std::log(1.0f), std::log(4.0f), std::log(2.0f), std::log(1.0f)};
  Routing routing{.n_experts = 4, .n_used = 2};
  auto choices = route(routing, logits.data());
  EXPECT_EQ(experts_of(choices), (std::vector<Index>{1, 2}));
  EXPECT_NEAR(choices[0].weight, 0.5, 1e-6);
  EXPECT_NEAR(choices[1].weight, 0.25, 1e-6);
  routing.renormalise = true, routing.scale = 3;
  choices = route(routing, logits.data());
  EXPECT_NEAR(choices[0].weight, 2, 1e-6);
  EXPECT_NEAR(choices[1].weight, 1, 1e-6);
}

TEST(Routing, OfEqualOnesTheFirst) {
  const std::vector<float> logits{1, 2, 2, 2};
  EXPECT_EQ(experts_of(route({.n_experts = 4, .n_used = 2}, logits.data())), (std::vector<Index>{1, 2}));
}

TEST(Routing, TheBiasChoosesAndDoesNotWeigh) {
  const std::vector<float> logits{0, 1, 2, 3}, bias{1, 0, 0, -1};
  const Routing routing{.n_experts = 4,
                        .n_used = 2,
                        .gating = Gating::kSigmoid,
                        .choice_bias = bias.data(),
                        .renormalise = true};
  const auto choices = route(routing, logits.data());  // 0.5 + 1, 0.73, 0.88, 0.95 - 1
  EXPECT_EQ(experts_of(choices), (std::vector<Index>{0, 2}));
  const double a = 0.5, b = 1 / (1 + std::exp(-2.0));
  EXPECT_NEAR(choices[0].weight, a / (a + b), 1e-6);
  EXPECT_NEAR(choices[1].weight, b / (a + b), 1e-6);
}

TEST(Routing, OnlyGroupsOfTheLargestScoreAreAsked) {
  // Of one, the last group's 5 is the largest; of two, the first group's 3 + 3 is.
  const std::vector<float> logits{3, 3, 0, 4, -9, 5};
  Routing routing{.n_experts = 6, .n_used = 2, .gating = Gating::kSoftmax, .n_groups = 3, .n_groups_used = 1};
  EXPECT_EQ(experts_of(route(routing, logits.data())), (std::vector<Index>{4, 5}));
  routing.gating = Gating::kSigmoid, routing.group_by_two = true;
  EXPECT_EQ(experts_of(route(routing, logits.data())), (std::vector<Index>{0, 1}));
  routing.n_groups_used = 2;  // 0.95 + 0.95 and 0.5 + 0.98
  EXPECT_EQ(experts_of(route(routing, logits.data())), (std::vector<Index>{0, 3}));
}

TEST(Routing, WhatIsNotFinite) {
  for (const Gating gating : {Gating::kSoftmax, Gating::kSigmoid}) {
    const std::vector<float> with_nan{1, NAN, 3};
    for (const Choice& choice : route({.n_experts = 3, .n_used = 2, .gating = gating}, with_nan.data()))
      EXPECT_TRUE(std::isnan(choice.weight) && choice.expert >= 0 && choice.expert < 3);
  }
  const std::vector<float> fine{1, 2, 3}, bad_bias{0, 0, NAN};
  EXPECT_TRUE(
      std::isnan(sum_of(route({.n_experts = 3, .n_used = 2, .choice_bias = bad_bias.data()}, fine.data()))));
  const std::vector<float> four{1, 2, 3, 4},
      both_ends{INFINITY, -INFINITY, 0, 0};  // a group's score would be NaN
  EXPECT_TRUE(std::isnan(sum_of(route({.n_experts = 4,
                                       .n_used = 1,
                                       .choice_bias = both_ends.data(),
                                       .n_groups = 2,
                                       .n_groups_used = 1,
                                       .group_by_two = true},
                                      four.data()))));
  const std::vector<float> low(3, -1e30f);  // sigmoids of 0: nothing is divided
  EXPECT_EQ(sum_of(route({.n_experts = 3, .n_used = 2, .gating = Gating::kSigmoid, .renormalise = true},
                         low.data())),
            0);
  EXPECT_THROW(route({.n_experts = 3, .n_used = 4}, low.data()), LogicError);
}

struct Case {
  const char* format;
  Index n_in, d_ff, shared_d_ff;
  Gating gating;
  bool gated, biased, renormalise, shared_gate;
  bool router_norm = false;  // of its own
};

const Case kCases[] = {
    {"F32", 20, 12, 0, Gating::kSoftmax, true, false, true, false},
    {"F16", 36, 12, 20, Gating::kSoftmax, true, false, true, true, true},
    {"BF16", 36, 37, 24, Gating::kSigmoid, true, true, false, true},
    {"Q8_0", 64, 96, 0, Gating::kSoftmax, true, true, true, false},
    {"Q4_K", 256, 256, 512, Gating::kSigmoid, true, false, true, false},
    {"MXFP4", 64, 32, 0, Gating::kSoftmax, false, true, true, false},
    {"Q4_0", 64, 160, 64, Gating::kSoftmax, true, false, false, true},
};

/// Random experts, and rows that choose among them.
class Mixture {
 public:
  static constexpr Index kExperts = 11, kUsed = 3, kRows = 150;
  explicit Mixture(const Case& c)
      : c_(c),
        router_(numbers(kExperts * c.n_in, 1, 0.3f), kExperts, c.n_in),
        gate_of_shared_(numbers(c.n_in, 2, 0.3f), 1, c.n_in),
        x_(numbers(kRows * c.n_in, 3)),
        bias_(numbers(kExperts * (2 * c.d_ff + c.n_in + 2), 4, 0.3f)),
        weight_(numbers(c.n_in, 5)) {
    const WeightFormat& format = Registry<WeightFormat>::get(c.format, "weight format");
    for (Index e = 0; e < kExperts; ++e)
      for (const auto& [n_out, n_in] : {std::pair{c.d_ff, c.n_in}, {c.d_ff, c.n_in}, {c.n_in, c.d_ff}})
        stored_.push_back(
            std::make_unique<TestWeights>(format, n_out, n_in, static_cast<unsigned>(stored_.size())));
    for (const auto& [n_out, n_in] :
         {std::pair{c.shared_d_ff, c.n_in}, {c.shared_d_ff, c.n_in}, {c.n_in, c.shared_d_ff}})
      if (c.shared_d_ff > 0)
        stored_.push_back(
            std::make_unique<TestWeights>(format, n_out, n_in, static_cast<unsigned>(stored_.size())));
  }

  /// Rows [begin, begin + n), in place or not.
  std::vector<float> run(const Backend& backend, Index begin, Index n, Stage stage, bool add) const {
    std::vector<std::unique_ptr<Matrix>> matrices;
    for (const auto& each : stored_) matrices.push_back(backend.make_matrix(each->rows()));
    const auto router = backend.make_matrix(router_.rows(), Precision::kF32),
               shared_gate = backend.make_matrix(gate_of_shared_.rows(), Precision::kF32);
    std::vector<FeedForward> each;
    const auto part = [&](std::size_t at, Index e) {
      const float* bias = bias_.data() + e * (2 * c_.d_ff + c_.n_in);
      return FeedForward{.gate = c_.gated ? matrices[at].get() : nullptr,
                         .up = matrices[at + 1].get(),
                         .down = matrices[at + 2].get(),
                         .gate_bias = c_.biased && c_.gated ? bias : nullptr,
                         .up_bias = c_.biased ? bias + c_.d_ff : nullptr,
                         .down_bias = c_.biased ? bias + 2 * c_.d_ff : nullptr};
    };
    for (Index e = 0; e < kExperts; ++e) each.push_back(part(static_cast<std::size_t>(3 * e), e));
    each[2].scale = 0.5f;
    FeedForward shared;
    if (c_.shared_d_ff > 0) {
      shared = part(3 * kExperts, 0);
      shared.gate_bias = shared.up_bias = shared.down_bias = nullptr;
    }
    const Norm router_norm{.weight = bias_.data(), .eps = 1e-5f};
    const float* last = bias_.data() + kExperts * (2 * c_.d_ff + c_.n_in);
    const Experts layer{.routing = {.n_experts = kExperts,
                                    .n_used = kUsed,
                                    .gating = c_.gating,
                                    .choice_bias = c_.biased ? last : nullptr,
                                    .renormalise = c_.renormalise,
                                    .scale = 1.5f},
                        .router = router.get(),
                        .router_norm = c_.router_norm ? &router_norm : nullptr,
                        .router_bias = c_.biased ? last + kExperts : nullptr,
                        .each = each,
                        .shared = c_.shared_d_ff > 0 ? &shared : nullptr,
                        .shared_gate = c_.shared_gate ? shared_gate.get() : nullptr,
                        .scale = 0.75f};
    const Norm norm{.weight = weight_.data(), .eps = 1e-5f};
    std::vector<float> y(x_.begin() + begin * c_.n_in, x_.begin() + (begin + n) * c_.n_in);
    backend.experts({.x = y.data(), .n_rows = n, .norm = &norm}, layer, y.data(), add, stage);
    return y;
  }
  Index n_in() const { return c_.n_in; }

 private:
  Case c_;
  TestWeights router_, gate_of_shared_;
  std::vector<float> x_, bias_, weight_;
  std::vector<std::unique_ptr<TestWeights>> stored_;
};

TEST(Experts, EqualTheDefinition) {
  const auto reference = make_reference_backend();
  for (const Case& c : kCases) {
    const Mixture mixture(c);
    for (const bool add : {false, true}) {
      const auto expected = mixture.run(*reference, 0, Mixture::kRows, Stage::kPrefill, add);
      for (const Precision precision : {Precision::kF32, Precision::kBf16})
        for (const Stage stage : kStages) {
          const auto backend = make_cpu_backend(precision);
          // As of feed-forward layers; dot products round x to 8 bits, twice.
          const double bound = precision == Precision::kF32 ? 2e-6 : stage == Stage::kPrefill ? 0.006 : 0.02;
          EXPECT_LT(relative_error(mixture.run(*backend, 0, Mixture::kRows, stage, add), expected), bound)
              << backend->name() << " " << c.format << " stage " << static_cast<int>(stage) << " add " << add;
        }
    }
  }
}

TEST(Experts, BitsDoNotDependOnRowsOrThreads) {
  for (const Case& c : kCases) {
    const Mixture mixture(c);
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const auto backend = make_cpu_backend(precision);
      for (const Stage stage : kStages) {
        const auto whole = mixture.run(*backend, 0, Mixture::kRows, stage, true);
        for (const Index n : {1, 2, 7, 8, 17, 96}) {
          backend->context()->set_threads(n > 96 ? 64 : n % 2 == 0 ? 1 : 3);
          const auto part = mixture.run(*backend, 50, n, stage, true);
          backend->context()->set_threads(0);
          ASSERT_EQ(std::memcmp(part.data(), whole.data() + 50 * mixture.n_in(), part.size() * sizeof(float)),
                    0)
              << backend->name() << " " << c.format << " stage " << static_cast<int>(stage) << " " << n
              << " rows";
        }
      }
    }
  }
}

TEST(Experts, NoRowsAreNothing) {
  const Mixture mixture(kCases[0]);
  EXPECT_TRUE(mixture.run(*make_cpu_backend(Precision::kBf16), 0, 0, Stage::kPrefill, true).empty());
}

}  // namespace
}  // namespace rw
