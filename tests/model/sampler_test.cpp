// SPDX-License-Identifier: Apache-2.0
/// What a sampler draws, against the definitions that sampler.h cites.
#include "model/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"

namespace rw {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Probabilities 0.4, 0.3, 0.2, 0.1 at temperature 1, not in order.
const std::vector<float> kLogits = {std::log(0.2f), std::log(0.4f), std::log(0.1f), std::log(0.3f)};

/// Shares of the ids among many draws from the same logits, each by a sampler of its own.
std::map<Token, double> shares(SamplerSettings settings, const std::vector<float>& logits = kLogits,
                               int n = 40000) {
  std::map<Token, double> found;
  for (int i = 0; i < n; ++i) {
    settings.seed = static_cast<std::uint64_t>(i);
    Sampler sampler(settings, static_cast<Index>(logits.size()), {});
    found[sampler.next(logits.data())] += 1.0 / n;
  }
  return found;
}

void expect_shares(const SamplerSettings& settings, const std::map<Token, double>& expected) {
  const std::map<Token, double> found = shares(settings);
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [id, share] : expected) {
    ASSERT_TRUE(found.contains(id)) << id;
    // Five standard errors of 40,000 draws.
    EXPECT_NEAR(found.at(id), share, 5 * std::sqrt(share * (1 - share) / 40000) + 1e-9) << id;
  }
}

TEST(Sampler, draws_as_likely_as_the_model_says) {
  expect_shares({.temperature = 1}, {{0, 0.2}, {1, 0.4}, {2, 0.1}, {3, 0.3}});
}

TEST(Sampler, temperature_is_a_power_of_the_probabilities) {
  const double whole = 0.04 + 0.16 + 0.01 + 0.09;
  expect_shares({.temperature = 0.5},
                {{0, 0.04 / whole}, {1, 0.16 / whole}, {2, 0.01 / whole}, {3, 0.09 / whole}});
}

TEST(Sampler, top_k_keeps_the_likeliest) {
  expect_shares({.temperature = 1, .top_k = 2}, {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
  expect_shares({.temperature = 1, .top_k = 1}, {{1, 1}});
}

TEST(Sampler, top_p_keeps_the_fewest_that_reach_it) {
  expect_shares({.temperature = 1, .top_p = 0.65}, {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
  expect_shares({.temperature = 1, .top_p = 0.75}, {{1, 0.4 / 0.9}, {3, 0.3 / 0.9}, {0, 0.2 / 0.9}});
  expect_shares({.temperature = 1, .top_p = 0}, {{1, 1}});  // one always
}

TEST(Sampler, min_p_is_a_share_of_the_likeliest) {
  expect_shares({.temperature = 1, .min_p = 0.6}, {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
}

/// top_p and min_p judge temperature 1, whatever the temperature is.
TEST(Sampler, the_order_is_llama_cpps) {
  expect_shares(
      {.temperature = 100, .top_p = 0.65, .min_p = 0.1},
      {{1, 1 / (1 + std::pow(0.75, 0.01))}, {3, std::pow(0.75, 0.01) / (1 + std::pow(0.75, 0.01))}});
}

TEST(Sampler, greedy_takes_the_first_of_equals) {
  const std::vector<float> logits = {1, 3, 3, 2};
  Sampler sampler({}, 4, {});
  EXPECT_EQ(sampler.next(logits.data()), 1);
}

TEST(Sampler, a_bias_of_minus_infinity_is_never_drawn) {
  const std::map<Token, double> found =
      shares({.temperature = 1, .logit_bias = {{1, -kInfinity}, {2, std::log(2.0)}}});
  EXPECT_FALSE(found.contains(1));
  EXPECT_NEAR(found.at(2), 0.2 / 0.7, 0.012);
}

TEST(Sampler, repetition_divides_above_zero_and_multiplies_below) {
  const std::vector<float> logits = {4, 3.5f, -1, -1.5f};
  const std::vector<Token> prompt = {0, 2};
  Sampler divides({.repeat_penalty = 2}, 4, prompt);
  EXPECT_EQ(divides.next(logits.data()), 1);  // 4 / 2 < 3.5; what was written counts from here on: 3.5 / 2
  EXPECT_EQ(divides.next(logits.data()), 0);  // 2 > 1.75
  const std::vector<float> negative = {-1, -1.5f, -3, -3};
  Sampler multiplies({.repeat_penalty = 2}, 4, prompt);
  EXPECT_EQ(multiplies.next(negative.data()), 1);  // -2 < -1.5
}

TEST(Sampler, repetition_looks_at_the_last_tokens) {
  const std::vector<float> logits = {4, 3.5f, 0, 0};
  const std::vector<Token> prompt = {0, 2, 3};
  for (const auto& [last, expected] : std::map<Index, Token>{{2, 0}, {3, 1}, {-1, 1}, {0, 0}, {1 << 30, 1}}) {
    Sampler sampler({.repeat_penalty = 2, .repeat_last_n = last}, 4, prompt);
    EXPECT_EQ(sampler.next(logits.data()), expected) << last;
  }
}

TEST(Sampler, presence_and_frequency_count_the_answer_alone) {
  const std::vector<float> logits = {1, 0.45f, 0, -9};
  const std::vector<Token> prompt = {0, 0, 0};
  Sampler presence({.presence_penalty = 0.5}, 4, prompt);
  EXPECT_EQ(presence.next(logits.data()), 0);  // the prompt does not count
  EXPECT_EQ(presence.next(logits.data()), 0);  // 0.5 > 0.45
  EXPECT_EQ(presence.next(logits.data()), 0);  // once, however often
  Sampler frequency({.frequency_penalty = 0.5}, 4, prompt);
  EXPECT_EQ(frequency.next(logits.data()), 0);
  EXPECT_EQ(frequency.next(logits.data()), 0);  // 0.5 > 0.45
  EXPECT_EQ(frequency.next(logits.data()), 1);  // 0
}

TEST(Sampler, a_seed_is_the_whole_of_its_chance) {
  const auto draw = [](std::uint64_t seed) {
    Sampler sampler({.temperature = 1, .top_p = 0.95, .seed = seed}, 4, {});
    std::vector<Token> written;
    for (int i = 0; i < 50; ++i) written.push_back(sampler.next(kLogits.data()));
    return written;
  };
  EXPECT_EQ(draw(3), draw(3));
  EXPECT_NE(draw(3), draw(4));
}

TEST(Sampler, logits_that_are_none_choose_nothing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const double temperature : {0.0, 1.0}) {
    const std::vector<float> one_nan = {1, nan, 2, 3}, nothing(4, -kInfinity), certain = {1, 2, kInfinity, 3};
    EXPECT_EQ(Sampler({.temperature = temperature}, 4, {}).next(one_nan.data()), kNoToken);
    EXPECT_EQ(Sampler({.temperature = temperature}, 4, {}).next(nothing.data()), kNoToken);
    EXPECT_EQ(Sampler({.temperature = temperature}, 4, {}).next(certain.data()), 2);
  }
}

TEST(Sampler, extreme_numbers_still_choose) {
  const std::vector<float> logits = {-3e38f, 3e38f, 0, 1};
  for (const SamplerSettings& settings : {SamplerSettings{.temperature = 1e-300},
                                          {.temperature = 100, .top_p = 1e-300},
                                          {.temperature = 1, .min_p = 1},
                                          {.temperature = 1, .top_k = Index{1} << 40},
                                          {.temperature = 1, .repeat_penalty = 100, .repeat_last_n = -1}}) {
    const std::vector<Token> prompt = {0, 1, 2, 3};
    EXPECT_EQ(Sampler(settings, 4, prompt).next(logits.data()), 1);
  }
}

TEST(Sampler, refuses_numbers_out_of_range_by_name) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<SamplerSettings, std::string>> cases = {
      {{.temperature = -1}, "temperature"},
      {{.temperature = nan}, "temperature"},
      {{.temperature = inf}, "temperature"},
      {{.top_k = -1}, "top_k"},
      {{.top_p = 1.5}, "top_p"},
      {{.top_p = nan}, "top_p"},
      {{.min_p = -0.1}, "min_p"},
      {{.repeat_penalty = 0}, "repeat_penalty"},
      {{.repeat_last_n = -2}, "repeat_last_n"},
      {{.presence_penalty = 1e9}, "presence_penalty"},
      {{.frequency_penalty = nan}, "frequency_penalty"},
      {{.logit_bias = {{4, 1}}}, "logit_bias"},
      {{.logit_bias = {{-1, 1}}}, "logit_bias"},
      {{.logit_bias = {{0, nan}}}, "logit_bias"},
      {{.logit_bias = {{0, inf}}}, "logit_bias"}};
  for (const auto& [settings, name] : cases) {
    try {
      require_settings(settings, 4);
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace rw
