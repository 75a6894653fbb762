// SPDX-License-Identifier: Apache-2.0
/// How often an answer claims what is not so: made-up records of many methods whose truth is known go through
/// the very path of `eval` and `report`. At most 5 % of answers may name a method as not worse, better or a
/// finder where none is. The short form runs in `ctest`; tools/simulate_judge.sh prints
/// the table of docs/judging.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "made_up_noise.h"
#include "results/answer.h"

namespace rw {
namespace {

struct World {
  const char* name;
  int methods = 6, texts = 8, stretches = 1;
  double shift = 0;  ///< true difference of every method from truncation, nats
  double icc = 0;    ///< share of a difference's variance that all stretches of a text have in common
  Noise noise = normal;
  int questions = 0;  ///< of each stretch; every method and truncation find each with the same chance
  /// The truth is of these texts: what theirs have in common is a mean of `shift` over them. Else of all
  /// texts, from which these are drawn.
  bool of_these = false;
};

/// Deviation of a difference: that of seven novels is 0.01 to 0.08 (docs/results.md).
constexpr double kDeviation = 0.03;

/// By text and method, in deviations of a difference.
std::vector<std::vector<double>> text_effects(const World& world, Random& random) {
  std::vector<std::vector<double>> all(static_cast<std::size_t>(world.texts));
  std::vector<double> mean(static_cast<std::size_t>(world.methods));
  for (std::vector<double>& of_text : all)
    for (double& total : mean) {
      of_text.push_back(std::sqrt(world.icc) * world.noise(random));
      total += of_text.back() / world.texts;
    }
  if (world.of_these)
    for (std::vector<double>& of_text : all)
      for (std::size_t m = 0; m < mean.size(); ++m) of_text[m] -= mean[m];
  return all;
}

ReportData made_up(const World& world, Random& random) {
  std::vector<Record> records;
  records.reserve(static_cast<std::size_t>(world.texts * world.stretches * (world.methods + 4)));
  const auto add = [&](const char* task, const std::string& method, Index length,
                       const std::string& document) -> Record& {
    Record& r = records.emplace_back();
    r.task = task, r.method = method, r.document = document, r.length = r.achieved = length;
    r.n_targets = 256;
    return r;
  };
  const std::vector<std::vector<double>> of_texts = text_effects(world, random);
  for (int t = 0; t < world.texts; ++t) {
    const std::vector<double>& of_text = of_texts[static_cast<std::size_t>(t)];
    const double easy = 0.2 + 0.6 * random.uniform();  // how findable things are in this text
    for (int s = 1; s <= world.stretches; ++s) {
      const std::string name = world.stretches > 1 ? fmt::format("{}#{}", t, s) : fmt::format("{}", t);
      const double loss = 3 + 0.3 * normal(random);
      add("tail", kTruncated, 8192, name).loss = loss;
      add("tail", kTruncated, 16384, name).loss = loss;
      records.back().achieved = 8192;
      for (int m = 0; m < world.methods; ++m)
        add("tail", "m" + std::to_string(m), 16384, name).loss =
            loss + world.shift +
            kDeviation *
                (of_text[static_cast<std::size_t>(m)] + std::sqrt(1 - world.icc) * world.noise(random));
      for (int m = -1; m < world.methods && world.questions > 0; ++m)
        for (int q = 1; q <= world.questions; ++q) {
          Record& r = add("passkey", m < 0 ? kTruncated : "m" + std::to_string(m), 16384, name);
          r.seed = q, r.n_targets = 0, r.score = random.uniform() < easy;
        }
    }
  }
  RunInfo run;
  run.n_ctx_train = 8192, run.tail = 256, run.margin = kStabilityMargin;
  return report_data(std::move(records), run, {});
}

struct Rates {
  double holds = 0, better = 0, finder = 0, any = 0;
};

/// What is wrong in this world: at the margin and beyond all claims of loss; inside it "better" alone.
Rates rates_of(const World& world, int runs) {
  Random random(static_cast<std::uint64_t>(1000 * world.methods + 10 * world.texts + world.stretches));
  Rates rates;
  for (int run = 0; run < runs; ++run) {
    const Findings f = findings_of(made_up(world, random));
    const bool holds = f.best && world.shift >= kStabilityMargin,
               better = f.kind == Findings::Kind::kBetter && world.shift >= 0, finder = f.finder.has_value();
    rates.holds += holds, rates.better += better, rates.finder += finder;
    rates.any += holds || better || finder;
  }
  for (double* rate : {&rates.holds, &rates.better, &rates.finder, &rates.any}) *rate /= runs;
  return rates;
}

int runs_or(int few) {
  const char* text = std::getenv("ROPEWALK_RUNS");
  return text ? std::atoi(text) : few;
}

/// Of `runs` runs at a true rate of 5 %: 3 standard errors, which chance alone passes once in 700.
double most(int runs) { return 0.05 + 3 * std::sqrt(0.05 * 0.95 / runs); }

void expect_rare(World world, int few_runs) {
  const int runs = runs_or(few_runs);
  const Rates r = rates_of(world, runs);
  std::printf("| %-34s | %2d | %2d x %d | %4.1f %% | %4.1f %% | %4.1f %% | %4.1f %% | %d |\n", world.name,
              world.methods, world.texts, world.stretches, 100 * r.holds, 100 * r.better, 100 * r.finder,
              100 * r.any, runs);
  std::fflush(stdout);  // a long run may be stopped
  EXPECT_LE(r.any, most(runs)) << world.name << ", " << world.methods << " methods, " << world.texts << " x "
                               << world.stretches;
}

const bool kLong = std::getenv("ROPEWALK_RUNS") != nullptr;

/// Those of ROPEWALK_TEXTS ("30 60"), where it is set; else `all` in the long form, `few` in the short one.
std::vector<int> numbers_of_texts(const std::vector<int>& all, const std::vector<int>& few) {
  const char* chosen = std::getenv("ROPEWALK_TEXTS");
  if (!chosen || !*chosen) return kLong ? all : few;
  std::vector<int> texts;
  std::istringstream words(chosen);
  for (int n = 0; words >> n;)
    if (std::find(all.begin(), all.end(), n) != all.end()) texts.push_back(n);
  return texts;
}

TEST(Lead, NamesNoMethodThatIsNotSo) {
  const std::vector<int> texts = numbers_of_texts({3, 5, 6, 8, 12, 20, 30, 60}, {3, 6, 12});
  for (const int methods : {1, 6, 20})
    for (const int n : texts) {
      expect_rare({.name = "at the margin, normal", .methods = methods, .texts = n, .shift = 0.02}, 300);
      expect_rare({.name = "at the margin, lognormal",
                   .methods = methods,
                   .texts = n,
                   .shift = 0.02,
                   .noise = lognormal},
                  300);
      expect_rare({.name = "equal to truncation, normal", .methods = methods, .texts = n}, 300);
      expect_rare(
          {.name = "equal to truncation, lognormal", .methods = methods, .texts = n, .noise = lognormal},
          300);
    }
}

TEST(Lead, NamesNoFinderWhereNoneFindsMore) {
  const std::vector<int> texts = numbers_of_texts({3, 5, 6, 8, 12, 20, 30, 60}, {3, 8});
  for (const int methods : {1, 6, 20})
    for (const int n : texts)
      for (const int questions : {1, 8})
        expect_rare({.name = questions == 1 ? "finders equal, 1 question" : "finders equal, 8 questions",
                     .methods = methods,
                     .texts = n,
                     .shift = 0.02,
                     .questions = questions},
                    150);
}

TEST(Lead, StretchesOfATextThatHangTogetherCountAsOne) {
  const std::vector<int> texts = numbers_of_texts({5, 8, 15}, {5, 8});
  for (const int methods : {1, 6, 20})
    for (const int n : texts) {
      World world{.name = "clustered, at the margin",
                  .methods = methods,
                  .texts = n,
                  .stretches = 4,
                  .shift = 0.02,
                  .icc = 0.5,
                  .questions = 2};
      expect_rare(world, 150);
      world.name = "clustered, equal", world.shift = 0;
      expect_rare(world, 150);
    }
}

/// Of fewer than five texts the unit is the stretch, and the truth is these texts' own mean.
TEST(Lead, FewTextsSpeakForThemselves) {
  for (const int methods : {1, 6, 20})
    for (const int n : numbers_of_texts({1, 2, 3, 4}, {1, 2, 4}))
      for (const int stretches : kLong ? std::vector<int>{3, 4, 7} : std::vector<int>{4})
        for (const double icc : {0.0, 0.5}) {
          World world{.name = "few texts, at the margin",
                      .methods = methods,
                      .texts = n,
                      .stretches = n == 1 ? 2 * stretches : stretches,
                      .shift = 0.02,
                      .icc = icc,
                      .questions = 2,
                      .of_these = true};
          expect_rare(world, 100);
          world.name = "few texts, equal", world.shift = 0;
          expect_rare(world, 100);
          world.name = "few texts, at the margin, lognormal", world.shift = 0.02, world.noise = lognormal;
          expect_rare(world, 100);
        }
}

/// The other side: what is so is said, or the rules would be empty.
TEST(Lead, SaysWhatIsSo) {
  Random random(5);
  const int runs = 100;
  for (const int n : {5, 8, 20}) {
    int better = 0, holds = 0, finder = 0;
    for (int run = 0; run < runs; ++run) {
      World world{.name = "", .methods = 3, .texts = n, .shift = -0.15};
      better += findings_of(made_up(world, random)).kind == Findings::Kind::kBetter;
      world.shift = -0.01;
      holds += findings_of(made_up(world, random)).best.has_value();
      world.questions = 8;
      ReportData data = made_up(world, random);
      for (Record& r : data.records)
        if (r.score && r.method == "m1") r.score = 1;
      finder += findings_of(data).finder && findings_of(data).finder->method == "m1";
    }
    std::printf("said with %2d texts: -0.15 nats better %d %%, -0.01 nats holds %d %%, finds all %d %%\n", n,
                better, holds, finder);
    if (n >= 8) {
      EXPECT_GE(better, 90) << n;
      EXPECT_GE(finder, 70) << n;
    }
  }
}

}  // namespace
}  // namespace rw
