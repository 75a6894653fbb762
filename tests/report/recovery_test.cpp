// SPDX-License-Identifier: Apache-2.0
/// A comparison of starts as text, JSON and page: what is said where, widths, escapes.
#include "report/recovery.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "../results/made_up_recovery.h"
#include "report/chart.h"
#include "report/report.h"
#include "well_formed.h"

namespace rw {
namespace {

const RecoveryOrigin kOrigin{
    "model.gguf", "0123", "ropewalk finetune model.gguf --compare pi yarn none", {"LoRA of rank 16"}};

bool holds(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += sentence + "\n";
  return text;
}

TEST(RecoveryReport, SaysWhatToStartFrom) {
  const std::vector<std::string> answer = recovery_answer(usual().recovery());
  EXPECT_TRUE(holds(answer[0], "Start from yarn: its loss at 4k was shown to be below truncation after 25"))
      << answer[0];
  EXPECT_TRUE(holds(answer[0], "; then pi after 50 steps"));
  const std::string all = joined(answer);
  EXPECT_TRUE(holds(all, "In time the first is pi after 50 steps (2 minutes)"));
  EXPECT_TRUE(holds(all, "Before training yarn has the least loss at 4k, "));
  EXPECT_TRUE(holds(all, "shown against every other start"));
  EXPECT_TRUE(holds(all, ": it uses what lies further back"));
}

TEST(RecoveryReport, GivesNoAdviceOfATextThatIsNotRead) {
  MadeUpRecovery made = usual();
  made.input.n_vocab = 30;
  const std::vector<std::string> answer = recovery_answer(made.recovery());
  EXPECT_TRUE(holds(answer[0], "No advice: this model does not read this text: in 5 of 8 documents"))
      << answer[0];
  const std::string all = joined(answer);
  for (const char* claim : {"Start from", "shown to be below", "uses what lies", "shown against", "worse:"})
    EXPECT_FALSE(holds(all, claim)) << all;
  EXPECT_EQ(recovery_json(made.recovery())["n_unread"], 5u);
  EXPECT_TRUE(holds(recovery_page(made.recovery(), kOrigin), "does not read this text"));
}

TEST(RecoveryReport, DoubtsAGainThatIsNotTheLengths) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {10, -0.2}});
  EXPECT_FALSE(holds(joined(recovery_answer(made.recovery())), "may be the training on such texts"));
  for (Record& r : made.input.looks[1].records)  // at the original length it gained more
    if (r.length == kTrained) r.loss -= 0.3;
  EXPECT_TRUE(holds(joined(recovery_answer(made.recovery())), "may be the training on such texts"));
}

TEST(RecoveryReport, SaysThatNoneRecovers) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {10, 0.5}});
  const std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(answer, "pi was not shown to pass truncation at 4k within 10 steps.")) << answer;
  EXPECT_TRUE(holds(recovery_text(made.recovery()), "not within 10"));
  made.start("yarn", {{0, 1}, {10, 0.5}});
  const std::string both = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(both, "No start was shown to pass truncation at 4k within 10 steps.")) << both;
}

TEST(RecoveryReport, NamesEqualsAsEqual) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  for (const char* name : {"pi", "yarn", "none"})
    made.start(name, {{0, 1}, {25, -0.3}, {50, -0.4}}, name[0] % 3 + 1);
  made.start("ntk", {{0, 1}, {25, 0.5}, {50, -0.4}});
  const std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(answer,
                    "pi, yarn and none are equally fast: each was first shown to be below truncation at 4k "
                    "after 25 steps (pi 50 s, yarn 50 s, none 75 s of training); then ntk after 50 steps"))
      << answer;
  EXPECT_FALSE(holds(answer, "Start from")) << answer;
  EXPECT_EQ(recovery_json(made.recovery())["first_by_step"].size(), 3u);
}

TEST(RecoveryReport, RecommendsNothingThatTrainingHarmed) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 0.1}, {25, -0.3}, {50, 1.4}}), made.start("yarn", {{0, 0.5}, {25, 0.4}, {50, 0.3}});
  std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_FALSE(holds(answer, "Start from")) << answer;
  EXPECT_TRUE(holds(answer, "made worse by training on")) << answer;
  EXPECT_TRUE(holds(answer, "Training made pi worse: the loss at 4k changed by +1.3")) << answer;
  EXPECT_TRUE(holds(answer, "Lower rate; what was written of it is not to be used.")) << answer;
  made.input.starts.pop_back();
  std::erase_if(made.input.looks, [](const Look& look) { return look.start == 1; });
  EXPECT_TRUE(recovery_answer(made.recovery())[0].starts_with("Training made pi worse"));
}

TEST(RecoveryReport, StartsFromNothingWhoseUseOfTheLengthWasNotShown) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {10, -0.2}}), made.start("yarn", {{0, 1}, {10, 0.5}});
  for (Record& r : made.input.looks[1].records)  // at the original length it gained more
    if (r.length == kTrained) r.loss -= 0.3;
  const std::string lead = recovery_answer(made.recovery())[0];
  EXPECT_TRUE(holds(lead, "pi was shown to be below truncation at 4k after 10 steps")) << lead;
  EXPECT_TRUE(holds(lead, "but not to use what lies further back")) << lead;
}

TEST(RecoveryReport, OneStartIsNoComparison) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {10, -0.2}});
  const std::string html = recovery_page(made.recovery(), kOrigin);
  EXPECT_FALSE(holds(html, "which start recovers first"));
  EXPECT_TRUE(holds(html, "pi trained at 4k"));
  EXPECT_FALSE(holds(joined(recovery_answer(made.recovery())), "other start"));
}

/// The axis holds whole bands, and the labels of one axis stand apart.
TEST(RecoveryReport, ChartsHoldTheirBands) {
  std::vector<ChartSeries> curves{{"a", 0, {}}};
  for (Index x = 0; x <= 10; ++x) curves[0].points.push_back({x, 3, 1.0, 5.0});
  const std::string svg =
      svg_chart(curves, {.title = "t", .x_title = "x", .y_title = "y", .linear_x = true, .bands = true});
  EXPECT_TRUE(holds(svg, ">1<") && holds(svg, ">5<")) << "ticks at both ends of the band";
  curves[0].points = {{1, 0, 0, 0.3}, {2, 0.5, 0, 1}};
  const std::string shares = svg_chart(curves, {.title = "t", .x_title = "x", .y_title = "y"});
  EXPECT_FALSE(holds(shares, ">-")) << "no axis below 0 of what is never below it";
  curves[0].points = {{1, 1e-5, {}, {}}, {100, 5e-5, {}, {}}, {1000, 0, {}, {}}};
  const std::string rates = svg_chart(curves, {.title = "t", .x_title = "x", .y_title = "y"});
  EXPECT_TRUE(holds(rates, ">5e-5<") && holds(rates, ">0<")) << rates;
  EXPECT_FALSE(holds(rates, ">-")) << rates;
}

TEST(RecoveryReport, NamesTheStartThatEnded) {
  MadeUpRecovery made;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {200, 0.5}}), made.start("none", {{0, 2}});
  made.input.ended.push_back({1, 3, "a loss of nan"});
  const std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(answer, "No start was shown to pass truncation at 4k within 200 steps.")) << answer;
  EXPECT_TRUE(holds(answer, "Ended early, and no part of what is said of later steps: none at step 3."))
      << answer;
  EXPECT_TRUE(holds(recovery_text(made.recovery()), "not within 0; ended at 3"));
  EXPECT_EQ(recovery_json(made.recovery())["starts"][1]["ended"], 3);
  made.input.ended.push_back({0, 150, "a loss of nan"});
  const std::string all = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(all, "each ended early, pi at step 150, none at step 3.")) << all;
}

TEST(RecoveryReport, ATimeThatIsNotKnownIsSaid) {
  MadeUpRecovery made = usual();
  for (Look& look : made.input.looks) look.seconds.reset();
  const std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(answer, "after 25 steps (its time is not known)")) << answer;
  EXPECT_FALSE(holds(answer, "In time")) << answer;
  EXPECT_TRUE(recovery_json(made.recovery())["starts"][1]["passes"]["truncation"]["seconds"].is_null());
  const std::string html = recovery_page(made.recovery(), kOrigin);
  expect_well_formed(html);
  EXPECT_FALSE(holds(html, "<section id='time'>"));  // no look has a time
}

TEST(RecoveryReport, ClaimsUseOfMoreTextWhereItWasShown) {
  const auto answer = [](double longer, double noise) {
    MadeUpRecovery made;
    made.untrained({{"pi", 1}});
    made.start("pi", {{0, 1}, {10, 0.5}});
    for (Record& r : made.input.looks[1].records) {
      const int document = r.document.back() - '0';
      r.loss = made.text(document);
      if (r.length == kLong) r.loss += longer + noise * (document % 2 == 0 ? 1 : -1);
    }
    return joined(recovery_answer(made.recovery()));
  };
  EXPECT_TRUE(holds(answer(-0.2, 0.02), ": it uses what lies further back"));
  EXPECT_TRUE(holds(answer(0.2, 0.02), ": more text makes it worse"));
  for (const double sign : {-1, 1})  // the 95 % interval is free of 0, the test is not convinced
    EXPECT_TRUE(holds(answer(sign * 0.1, 0.1), ": no use of what lies further back was shown"));
}

TEST(RecoveryReport, FewTextsAreNoEvidence) {
  MadeUpRecovery made;
  made.documents = 2;
  made.untrained({{"pi", 1}});
  made.start("pi", {{0, 1}, {10, -0.5}});
  const std::string answer = joined(recovery_answer(made.recovery()));
  EXPECT_TRUE(holds(answer, "2 texts are too few to say anything: 5 or more")) << answer;
  EXPECT_FALSE(holds(answer, "shown against"));
  EXPECT_FALSE(holds(recovery_text(made.recovery()), "not within"));
}

TEST(RecoveryReport, TextFits80Columns) {
  MadeUpRecovery made = usual();
  made.input.starts[0].method = "pi";
  made.input.starts[0].name = "pi:factor=16,trained=256,replace=1";
  Start& yarn = made.input.starts[1];  // with all its numbers it is longer than a line
  const std::string method =
      "yarn:factor=16,trained=256,beta_fast=32,beta_slow=1,attention_factor=1.2772588722239782,replace=1";
  for (Look& look : made.input.looks)
    for (Record& r : look.records)
      if (r.method == yarn.method) r.method = method;
  yarn.method = method;
  for (int q = 0; q < 8; ++q)
    for (Look& look : made.input.looks)
      look.records.emplace_back(record("passkey", made.input.starts[look.start].method, kLong, q)).score =
          q % 2;
  const std::string text = recovery_text(made.recovery());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_TRUE(holds(text, "50 (22 to 78)")) << text;
}

TEST(RecoveryReport, JsonSaysWhatWasNotShownAsNull) {
  MadeUpRecovery made = usual();
  made.input.looks[3].records[2].loss = std::numeric_limits<double>::quiet_NaN();
  const Json json = recovery_json(made.recovery());
  EXPECT_EQ(json["fastest_by_step"], "yarn");
  EXPECT_EQ(json["starts"][0]["looks"][3]["finite"], false);
  EXPECT_TRUE(json["starts"][0]["looks"][3]["loss"].is_null());
  EXPECT_EQ(json["starts"][0]["passes"]["truncation"]["step"], 100);
  EXPECT_TRUE(json["starts"][2]["passes"]["truncation"].is_null());
  EXPECT_TRUE(json["starts"][0]["looks"][0]["found"].is_null());
  EXPECT_FALSE(holds(dump_json(json), "NaN"));
}

TEST(RecoveryReport, PageIsWholeAndSafe) {
  MadeUpRecovery made = usual();
  for (int q = 0; q < 8; ++q)
    for (Look& look : made.input.looks)
      look.records.emplace_back(record("passkey", made.input.starts[look.start].method, kLong, q)).score =
          q < 1 + look.step / 20;
  std::string html = recovery_page(made.recovery(), kOrigin);
  expect_well_formed(html);
  for (const char* id : {"steps", "time", "short", "found", "passes", "looks", "origin"})
    EXPECT_TRUE(holds(html, fmt::format("<section id='{}'>", id))) << id;
  for (const char* never : {"http:", "https:", "url(", "@import", "src=", "nan"})
    EXPECT_FALSE(holds(html, never)) << never;
  EXPECT_TRUE(is_report(html));
  std::ofstream(std::string(ROPEWALK_BINARY_DIR) + "/recovery_made_up.html") << html;
  if (std::getenv("ROPEWALK_SHOW")) fmt::print("{}", recovery_text(made.recovery()));

  const std::string evil = "<script>alert('1')</script>\"&|`";
  made.input.starts[0].name = evil;
  html = recovery_page(made.recovery(), {evil, evil, evil, {evil}});
  expect_well_formed(html);
  EXPECT_FALSE(holds(html, "<script"));
}

TEST(RecoveryReport, NothingMeasuredIsAPageToo) {
  expect_well_formed(recovery_page(recover({}), kOrigin));
  EXPECT_TRUE(holds(recovery_text(recover({})), "Nothing was measured yet."));
}

}  // namespace
}  // namespace rw
