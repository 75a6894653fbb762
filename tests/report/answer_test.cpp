// SPDX-License-Identifier: Apache-2.0
/// The answer's rules. That what it claims is so: tests/results/lead_simulation_test.cpp.
#include "results/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "made_up.h"

namespace ropewalk {
namespace {

void says(const ReportData& data, const std::string& words) {
  EXPECT_NE(answer_line(data).find(words), std::string::npos) << words << " in: " << answer_line(data);
}
void never_says(const ReportData& data, const std::string& words) {
  EXPECT_EQ(answer_line(data).find(words), std::string::npos) << words << " in: " << answer_line(data);
}
/// Asked of every document: enough texts for the finder's test.
void ask(MadeUp& made, const std::string& method, Index length, double share) {
  for (int d = 0; d < made.documents; ++d)
    for (int q = 0; q < 4; ++q) {
      Record& r = made.add("passkey", method, length, d);
      r.seed = q + 1, r.depth = 0.5, r.score = q < 4 * share;
    }
}

TEST(Answer, NamesTheMethodThatIsBetterWhereItIsShown) {
  MadeUp made;
  made.baselines(3), made.method("pi", 0.2), made.method("yarn", -0.05, 1.03);
  const ReportData data = made.data({{"yarn", "", "", "", true}, {"pi", "", "", "", true}});
  says(data, "Use yarn to 16k: there its loss is below that of the last 8k tokens alone (truncation).");
  says(data, "Its loss at 16k against that of the last 8k tokens alone: -0.050 nats, 95 % interval -0.051");
  says(data, "Plain RoPE at 16k: explodes (3.000 nats more than with the last 8k tokens alone, per token).");
  says(data, "Measured on 5 texts.");
  EXPECT_EQ(answer_line(data).find('\n'), std::string::npos);  // for JSON
  EXPECT_EQ(kind_name(findings_of(data).kind), std::string("better"));
}

TEST(Answer, StableIsNoGain) {
  MadeUp made;
  made.baselines(3), made.method("yarn", 0.003), made.method("ntk", -0.0005);
  says(made.data(),
       "ntk is stable to 16k, but was not shown to be better than keeping only the last 8k tokens "
       "(truncation), which costs nothing.");
  says(made.data(), "Shown as far: yarn.");
  never_says(made.data(), "Use ");
  MadeUp edge;  // around -margin: not worse, and the interval leaves open how much better
  edge.baselines(3), edge.method("yarn", -0.0203);
  says(edge.data(), "Use yarn to 16k");
  MadeUp wide;  // around +margin
  wide.baselines(3), wide.method("yarn", 0.0203);
  says(wide.data(), "Keep only the last 8k tokens (truncation): no method was shown to hold");
}

TEST(Answer, RecommendsTruncationWhereNothingHolds) {
  MadeUp made;
  made.baselines(3), made.method("pi", 0.2);
  says(made.data(), "Keep only the last 8k tokens (truncation)");
  says(made.data(), "Nearest at 16k: pi, +0.200 nats, 95 % interval");
}

/// Less evidence, more reserve: below five units nothing is advised, and the command that would decide is
/// named.
TEST(Answer, FewTextsGiveNoAdvice) {
  for (const int n : {1, 2, 3, 4}) {
    MadeUp made{.documents = n};
    made.baselines(3), made.method("yarn", -0.05), made.method("pi", 0.003);
    ask(made, "none (truncated)", 16384, 0), ask(made, "yarn", 16384, 1);
    ReportData data = made.data();
    says(data, "No advice yet: ");
    says(data, "Seen at 16k: the least loss with yarn, 0.05");
    says(data, "To decide, measure 5 texts, or 5 stretches of fewer (--documents).");
    says(data, "No method was shown to find more than truncation");
    for (const char* bold : {"Use ", "stable", "explodes", "better", "To find something take"})
      never_says(data, bold);
    // To be pasted: a line of its own, as long as it is.
    const std::string command = "ropewalk eval m.gguf --text " + std::string(90, 't') + " --documents 8";
    data.next = NextStep{"To decide:", command};
    EXPECT_NE(answer_text(data).find("\nTo decide:\n  " + command + "\n"), std::string::npos)
        << answer_text(data);
    EXPECT_NE(json_report(data).find("\"to_decide\":\"ropewalk eval"), std::string::npos);
    EXPECT_NE(html_report(data).find("To decide: <code>ropewalk eval"), std::string::npos);
    EXPECT_NE(markdown_report(data).find("\n      ropewalk eval"), std::string::npos);
    never_says(data, "ropewalk eval");
    const Findings findings = findings_of(data);
    EXPECT_FALSE(findings.best || findings.finder);
    EXPECT_EQ(findings.kind, Findings::Kind::kTooFew);
  }
}

TEST(Answer, OneTextSpeaksForItself) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  for (Record& r : made.records) r.document = "novel#" + r.document.substr(4);
  says(made.data(), "For this text, use yarn to 16k: there its loss is below");
  says(made.data(), "Measured on 5 stretches of 1 text: it speaks for this text, not for others");
  for (Record& r : made.records)
    if (r.document.back() > '2') r.document = "other#" + r.document.substr(6);
  says(made.data(), "For these 2 texts, use yarn to 16k");
  says(made.data(), "Measured on 5 stretches of 2 texts: it speaks for these 2 texts, not for others");
  EXPECT_FALSE(answer_of(made.data(), printable).next);
}

/// More texts give a weaker word than the stretches of fewer, and a person is told why.
TEST(Answer, OfFiveTextsATextCountsOnce) {
  MadeUp made{.documents = 10};
  made.baselines(3), made.method("yarn", -0.05);
  for (Record& r : made.records)
    r.document = fmt::format("t{}#{}", (r.document.back() - '0') / 2, (r.document.back() - '0') % 2);
  says(made.data(), "Use yarn to 16k: there");
  says(made.data(),
       "Measured on 10 stretches of 5 texts: a text counts once, so that it speaks for texts like");
}

/// Nothing is advised where all is held against no number.
TEST(Answer, AReferenceThatIsNoNumberIsNamed) {
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    MadeUp made;
    made.baselines(3), made.method("yarn", -0.05);
    ask(made, "none (truncated)", 16384, 0), ask(made, "yarn", 16384, 1);
    for (Record& r : made.records)
      if (r.method == "none (truncated)" && r.document == "text3") r.loss = bad;
    const ReportData data = made.data();
    says(data,
         "No advice: the loss that all is held against, plain RoPE's with the last 8k tokens, is not a "
         "finite number (NaN or infinity) in 1 of 5 documents.");
    for (const char* bold : {"Use ", "use ", "Keep ", "keep ", "take ", "stable", "Nearest"})
      never_says(data, bold);
    EXPECT_EQ(kind_name(findings_of(data).kind), std::string("not finite"));
    EXPECT_FALSE(findings_of(data).best || findings_of(data).finder);
  }
}

TEST(Answer, NothingToExtendWithinTheTrainedLength) {
  MadeUp made;
  made.tail("none (truncated)", 4096, 0), made.tail("none", 4096, 0), made.tail("yarn", 4096, 0);
  says(made.data(), "Nothing to extend yet");
}

/// A slowdown is said where the timings show it; plain RoPE's work with other numbers never has one.
TEST(Answer, SpeedIsNoTimersNoise) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05, 1.04);
  says(made.data({{"yarn", "", "", "", true}}), "plain RoPE's work with other numbers: as fast.");
  never_says(made.data({{"yarn", "", "", "", true}}), "times plain RoPE's time");
  says(made.data({{"yarn", "", "", "", false}}), "At 16k it took 1.04 times plain RoPE's time");
  for (std::size_t i = 0; i < made.records.size(); ++i)
    if (made.records[i].method == "yarn") made.records[i].seconds = i % 2 == 0 ? 0.7 : 1.4;
  says(made.data(), "At 16k it was as fast as plain RoPE within the spread of timings");
  // Of the length that it holds to, not of a longer one.
  MadeUp farther;
  farther.baselines(3), farther.method("rerope", -0.05, 1.25);
  farther.tail("none (truncated)", 32768, 0), farther.tail("none", 32768, 4),
      farther.tail("rerope", 32768, 2, 9);
  says(farther.data(), "Use rerope to 16k");
  says(farther.data(), "At 16k it took 1.25 times plain RoPE's time");
}

// ---------------------------------------------------------------- who finds more

TEST(Answer, AFinderIsNamedWhereItIsShown) {
  MadeUp made{.documents = 8};
  made.baselines(1.5), made.method("lambda", 0.001), made.method("self-extend", 0.03);
  for (const auto& [method, share] :
       {std::pair{"none (truncated)", 0.25}, {"none", 0.0}, {"lambda", 0.25}, {"self-extend", 1.0}})
    ask(made, method, 16384, share);
  ask(made, "none (short)", 0, 1);
  says(made.data(), "lambda is stable to 16k");
  says(made.data(),
       "To find something take self-extend: 100 % of 32 questions at 16k, truncation 25 % (+75 points; 8 "
       "texts); "
       "but its loss breaks there.");
  // Of two that find more, one whose loss holds.
  ask(made, "lambda", 16384, 0.75);
  std::erase_if(made.records, [](const Record& r) {
    return r.method == "lambda" && r.score && r.seed == 1 && *r.score == 0;
  });
  MadeUp both{.documents = 8};
  both.baselines(1.5), both.method("lambda", 0.001), both.method("self-extend", 0.03);
  for (const auto& [method, share] :
       {std::pair{"none (truncated)", 0.25}, {"none", 0.0}, {"lambda", 0.75}, {"self-extend", 1.0}})
    ask(both, method, 16384, share);
  ask(both, "none (short)", 0, 1);
  says(both.data(), "Use lambda to 16k: its loss is stable, and it finds more than truncation.");
  says(both.data(), "To find something take lambda: 75 % of 32 questions");
}

TEST(Answer, ADifferenceThatWasNotShownIsNotClaimed) {
  MadeUp made{.documents = 8};
  made.baselines(1.5), made.method("pi", 2);
  ask(made, "none (truncated)", 16384, 0.25), ask(made, "pi", 16384, 0.25), ask(made, "none (short)", 0, 1);
  for (Record& r : made.records)  // one more of 32
    if (r.method == "pi" && r.score && r.document == "text3" && r.seed == 2) r.score = 1;
  says(made.data(), "No method was shown to find more than truncation; most was found by pi: 28 % of 32");
  never_says(made.data(), "To find something");
}

TEST(Answer, OfFindingAlone) {
  MadeUp made{.documents = 8};
  ask(made, "none (truncated)", 16384, 0), ask(made, "yarn", 16384, 1), ask(made, "none (short)", 0, 1);
  says(made.data(), "To find something take yarn: 100 % of 32 questions at 16k");
  says(made.data(), "Whether its loss holds was not measured (--tasks tail).");
  MadeUp equal{.documents = 8};  // two that find as much as truncation: neither is named
  for (const char* method : {"none (truncated)", "yarn", "pi"}) ask(equal, method, 16384, 1);
  ask(equal, "none (short)", 0, 1);
  says(equal.data(), "Nothing was found more often than by truncation");
}

TEST(Answer, AModelThatFindsNothingInShortTextsCannotTell) {
  MadeUp made;
  made.baselines(3), made.method("yarn", 0.001);
  made.retrieval("yarn", 16384, 0), made.retrieval("none (short)", 2048, 0);
  says(made.data(), "finds too little even in short texts to tell how far it retrieves: passkey (0 %).");
}

}  // namespace
}  // namespace ropewalk
