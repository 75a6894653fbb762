// SPDX-License-Identifier: Apache-2.0
/// The answer's rules. That what it claims is so: tests/results/lead_simulation_test.cpp.
#include "results/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "made_up.h"

namespace rw {
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
  says(data,
       "Its loss at 16k against that of the last 8k tokens alone: -0.050 nats, uncorrected 95 % interval "
       "-0.051");
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
  says(made.data(), "Nearest at 16k: pi, +0.200 nats, uncorrected 95 % interval");
}

/// What explodes is never named, however few its rivals; nor where there is no verdict.
TEST(Answer, WhatExplodesIsNotTheNearest) {
  for (const int n : {3, 5}) {
    MadeUp made{.documents = n};
    made.baselines(3), made.method("pi", 2);
    says(made.data(), "At 16k nothing comes near truncation.");
    never_says(made.data(), "Nearest");
    never_says(made.data(), "least loss");
    made.method("yarn", 0.3);
    says(made.data(), n == 3 ? "Seen at 16k: the least loss with yarn" : "Nearest at 16k: yarn, +0.300");
  }
}

/// An interval that is free of 0 beside "was not shown": the words say that it is not corrected.
TEST(Answer, EveryIntervalIsCalledUncorrected) {
  MadeUp made{.documents = 8};
  made.baselines(1.5), made.method("pi", 0.2);
  for (const char* method : {"none (truncated)", "pi"}) ask(made, method, 16384, 0.25);
  ask(made, "none (short)", 0, 1);
  for (Record& r : made.records)
    if (r.method == "pi" && r.score && r.seed == 2 && r.document > "text2") r.score = 1;
  const ReportData data = made.data();
  for (const std::string& text : {answer_line(data), text_report(data), markdown_report(data)})
    for (std::size_t at = text.find("not shown"); at != std::string::npos;
         at = text.find("not shown", at + 1))
      EXPECT_NE(text.find("uncorrected", at), std::string::npos) << text.substr(at, 300);
  const std::string words = answer_line(data);
  for (std::size_t at = words.find("95 %"); at != std::string::npos; at = words.find("95 %", at + 1))
    EXPECT_EQ(words.substr(at - 12, 12), "uncorrected ") << words;
  for (const std::string& format : {text_report(data), markdown_report(data), html_report(data)})
    EXPECT_NE(format.find("Intervals are of each row alone, uncorrected"), std::string::npos);
  EXPECT_NE(json_report(data).find("\"interval_correction\":\"none"), std::string::npos);
}

/// Signs that a table explains are no words of a sentence.
TEST(Answer, ItsSentencesHaveNoSigns) {
  for (const int n : {3, 8}) {
    MadeUp made{.documents = n};
    made.baselines(0.05), made.method("yarn", 0.003);
    for (std::size_t i = 0; i < made.records.size(); ++i)  // wide enough for the interval alone
      if (made.records[i].method == "none" && made.records[i].length == 16384)
        made.records[i].loss += 0.03 * (static_cast<double>(i % 3) - 1);
    const std::string words = answer_line(made.data());
    EXPECT_EQ(words.find_first_of("*~"), std::string::npos) << words;
    says(made.data(), n == 3 ? "Plain RoPE at 16k: seen worse, which is no verdict"
                             : "Plain RoPE at 16k: inconclusive, degrades by its own interval");
  }
}

/// Worse than guessing evenly: no verdict in any format, and it is said what to check.
TEST(Answer, ATextThatTheModelDoesNotReadGetsNoVerdict) {
  MadeUp made;
  made.baselines(3), made.method("yarn", -0.05);
  const auto with = [&](Index n_vocab) {
    RunInfo run;
    run.n_ctx_train = 8192, run.tail = 256, run.margin = 0.02, run.n_vocab = n_vocab;
    return report_data(made.records, run, {});
  };
  says(with(49152), "Use yarn to 16k");
  says(with(0), "Use yarn to 16k");  // of a file that does not know it
  const ReportData data = with(26);  // ln 26 = 3.26; the losses are 3 to 3.4
  says(data, "No advice: this model does not read all of these texts.");
  says(data, "Leave out what it does not read");
  says(data,
       "is above that of guessing evenly, 3.26 nats for one of 26 tokens or 8 bits a byte, in 2 of 5 "
       "documents (text3, ");
  for (const char* bold : {"Use ", "stable", "improves", "take ", "explodes"}) never_says(data, bold);
  EXPECT_EQ(kind_name(findings_of(data).kind), std::string("not read"));
  for (const SummaryCell& cell : data.cells) EXPECT_FALSE(cell.verdict.judged()) << cell.method;
  EXPECT_NE(text_report(data).find("not read: with the trained context"), std::string::npos);
  // Tokens of single bytes: few nats each, and more than 8 bits a byte.
  for (Record& r : made.records) r.values = {{"bits_per_byte", 8.3}};
  says(with(0), "No advice: this model does not read this text.");
  for (Record& r : made.records) r.values = {{"bits_per_byte", 7.9}};
  says(with(0), "Use yarn to 16k");
}

/// Files of several runs: each method on texts of its own.
TEST(Answer, MethodsOfDifferentTextsAreSaidToBe) {
  MadeUp made{.documents = 10};
  made.baselines(3), made.method("yarn", -0.05), made.method("pi", -0.06);
  never_says(made.data(), "Not the same texts");
  const auto keep = [&](const std::string& method, char first, char last) {
    std::erase_if(made.records, [&](const Record& r) {
      return r.method == method && (r.document.back() < first || r.document.back() > last);
    });
  };
  keep("yarn", '0', '5'), keep("pi", '5', '9');
  // pi's mean is less, on its own texts; on text5, the one that both have, yarn's is.
  for (Record& r : made.records)
    if (r.method == "yarn" && r.length > 8192 && r.document == "text5") r.loss -= 0.02;
  says(made.data(),
       "Not the same texts for all, at 16k: plain RoPE on 10 texts (text0, text1, text2 and 7 more); yarn on "
       "6 texts (text0, text1, text2 and 3 more); pi on 5 texts");
  says(made.data(), "Measured on 6 texts.");  // by the method that is named
  says(made.data(), "Use yarn to 16k");
  EXPECT_NE(markdown_report(made.data()).find("pi** on 5 texts"), std::string::npos);
}

/// What is claimed at 16k was measured on six texts, whatever has been read at 32k so far.
TEST(Answer, TextsAreCountedAtTheLengthOfTheClaim) {
  MadeUp made{.documents = 6};
  made.baselines(3), made.method("yarn", -0.05);
  for (const char* method : {"none", "none (truncated)", "yarn"}) {
    Record& r = made.add("tail", method, 32768, 0);
    r.n_targets = 256, r.loss = 3.5;
  }
  says(made.data(), "Use yarn to 16k");
  says(made.data(), "Measured on 6 texts.");
}

/// "No method holds", and a row that improves: the length between is named.
TEST(Answer, TheLengthThatWasNotShownIsNamed) {
  MadeUp made{.documents = 6};
  made.baselines(3), made.tail("yarn", 8192, 0.1), made.tail("yarn", 16384, -0.05);
  for (Record& r : made.records)
    if (r.method == "yarn" && r.length == 8192) r.loss += r.document.back() % 2 ? 0.3 : -0.3;
  says(made.data(), "no method was shown to hold past the trained length");
  says(made.data(), "it holds there, but was not shown to at 8k");
}

/// Many texts, few of each method: no advice.
TEST(Answer, ManyTextsOfWhichEachMethodHasFewAreTooFew) {
  MadeUp made{.documents = 8};
  made.baselines(3), made.method("yarn", -0.05), made.method("pi", 0.2);
  std::erase_if(made.records, [](const Record& r) {
    const int d = r.document.back() - '0';
    return (r.method == "yarn" && d > 3) || ((r.method == "pi" || r.method == "none") && d < 4);
  });
  says(made.data(), "No advice yet: of 8 texts past the trained length no method was measured, together");
  never_says(made.data(), "Keep only");
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
    says(data, "To decide, measure 5 texts, or 5 stretches of fewer (n_documents).");
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
  says(made.data(), "Whether its loss holds was not measured (the task tail).");
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

/// No task of retrieval is of encoders: that none was measured is nothing to do.
TEST(Answer, AsksNoEncoderForRetrieval) {
  for (const bool encoder : {true, false}) {
    MadeUp made;
    made.baselines(3), made.method("yarn", -0.05);
    for (Record& r : made.records)
      if (encoder) r.task = "masked";
    const std::string words =
        encoder ? "A loss that holds does not prove" : "Retrieval was not measured: a loss";
    says(made.data(), words);
    if (encoder) never_says(made.data(), "Retrieval");
  }
}

}  // namespace
}  // namespace rw
