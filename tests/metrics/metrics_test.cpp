// SPDX-License-Identifier: Apache-2.0
/// The metrics against the reference packages (tests/golden/metrics, tools/make_golden_metrics.py), against
/// the published vectors, and what must hold for any text.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "core/error.h"
#include "core/json.h"
#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {
namespace {

constexpr double kTolerance = 1e-9;

std::string read(const std::string& name) {
  std::ifstream file(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/metrics/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines(const std::string& name) {
  std::vector<std::string> result;
  std::istringstream text(read(name));
  for (std::string line; std::getline(text, line);) result.push_back(line);
  return result;
}

struct Golden {
  JsonInput expected = parse_json(read("expected.json"), "expected.json");
  std::vector<std::string> hypotheses = lines("hypotheses.txt"), references = lines("references.txt");
};
const Golden& golden() {
  static const Golden once;
  return once;
}

std::vector<double> values(const Scores& s) {
  return {s.bleu,    s.chrf,       s.chrf_words, s.rouge1,         s.rouge2,
          s.rouge_l, s.rouge_lsum, s.token_f1,   s.edit_similarity};
}

/// The largest deviation from a row of the golden file; each beyond the tolerance is a failure.
double compare(const Scores& scores, const JsonInput& row, const std::string& what) {
  const std::vector<double> ours = values(scores);
  double largest = 0;
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const double deviation = std::fabs(ours[k] - row.at(k).get<double>());
    EXPECT_LE(deviation, kTolerance) << what << ": " << golden().expected["keys"][k] << " is " << ours[k];
    largest = std::max(largest, deviation);
  }
  return largest;
}

TEST(Metrics, EveryPairIsWhatThePackagesSay) {
  const auto& [expected, hyps, refs] = golden();
  ASSERT_EQ(hyps.size(), 2000u);
  ASSERT_EQ(refs.size(), hyps.size());
  double largest = 0;
  std::map<std::string_view, int> chosen;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const std::string what = "line " + std::to_string(i + 1);
    const Scores s = score({&hyps[i], 1}, {&refs[i], 1});
    EXPECT_EQ(tokenize_name(s.tokenize), expected["tokenize"][i].get<std::string>()) << what;
    ++chosen[tokenize_name(s.tokenize)];
    largest = std::max(largest, compare(s, expected["pairs"][i], what));
    BleuCounts bleu;
    bleu.add(hyps[i], refs[i], s.tokenize);
    EXPECT_NEAR(bleu.score(true), expected["sentence_bleu"][i].get<double>(), kTolerance) << what;
    const RougeScores r = rouge(hyps[i], refs[i], true, s.tokenize != Tokenize::k13a);
    const double stemmed[] = {r.rouge1, r.rouge2, r.rouge_l, r.rouge_lsum};
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(stemmed[k], expected["stemmed"][i][k].get<double>(), kTolerance) << what;
  }
  EXPECT_GT(chosen["13a"], 100);
  EXPECT_GT(chosen["zh"], 100);
  EXPECT_GT(chosen["char"], 20);
  RecordProperty("largest_deviation", std::to_string(largest * 1e15) + "e-15");
  std::printf("largest deviation of a pair: %.3g\n", largest);
}

TEST(Metrics, CorporaAreWhatThePackagesSay) {
  const auto& [expected, hyps, refs] = golden();
  const auto size = expected["block"].get<std::size_t>();
  double largest = compare(score(hyps, refs), expected["corpus"], "corpus");
  for (const auto& [name, blocks] : expected["blocks"].items())
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const ScoreOptions options{.tokenize = parse_tokenize(name), .stem = name == "char"};
      const Scores s =
          score(std::span(hyps).subspan(i * size, size), std::span(refs).subspan(i * size, size), options);
      largest = std::max(largest, compare(s, blocks[i], name + " block " + std::to_string(i)));
    }
  std::printf("largest deviation of a corpus: %.3g\n", largest);
}

TEST(Metrics, SegmentsOfSeveralLines) {
  for (const JsonInput& entry : golden().expected["several_lines"]) {
    const auto hyp = entry[0].get<std::string>(), ref = entry[1].get<std::string>();
    compare(score({&hyp, 1}, {&ref, 1}), entry[2], dump_json(entry[1]));
  }
}

TEST(Metrics, StemsAndLowerCaseArePythons) {
  for (const JsonInput& entry : golden().expected["stems"])
    EXPECT_EQ(porter_stem(entry[0].get<std::string>()), entry[1].get<std::string>()) << entry[0];
  for (const JsonInput& entry : golden().expected["own_stems"])
    EXPECT_EQ(porter_stem(entry.get<std::string>()), entry.get<std::string>());
  for (const JsonInput& entry : golden().expected["lower"])
    EXPECT_EQ(lower(code_points(entry[0].get<std::string>())), code_points(entry[1].get<std::string>()))
        << entry[0];
}

struct Vector {
  const char *name, *ref, *hyp;
  double bleu, sentence, chrf, chrf_words, r1, r2, rl, rlsum, rl_stem, f1, indel;
};
/// judging.md B9, rounded there to six places.
constexpr Vector kVectors[] = {
    {"identical", "The cat sat on the mat.", "The cat sat on the mat.", 100, 100, 100, 100, 1, 1, 1, 1, 1, 1,
     1},
    {"short2", "Hello world", "Hello world", 0, 100, 100, 100, 1, 1, 1, 1, 1, 1, 1},
    {"partial", "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log.",
     21.105341, 21.105341, 52.532447, 50.893242, .705882, .266667, .588235, .588235, .588235, .615385, .825},
    {"nomatch", "alpha beta gamma delta", "one two three four", 0, 0, 5.547771, 4.160828, 0, 0, 0, 0, 0, 0,
     .2},
    {"brevity",
     "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in "
     "want of "
     "a wife.",
     "It is a truth universally acknowledged", 3.567399, 3.567399, 38.053012, 34.988834, .413793, .370370,
     .413793, .413793, .413793, .416667, .490323},
    {"toolong", "a wife.",
     "It is a truth universally acknowledged, that a single man must be in want of a wife.", 7.535838,
     7.535838, 21.793446, 28.316287, .210526, .117647, .210526, .210526, .210526, .133333, .153846},
    {"numbers", "Pi is 3.14159, or 22/7; costs $1,000.50 in 2010-2012.",
     "Pi is 3.14159 or 22 / 7 ; costs $1,000.5 in 2010 - 2012 .", 64.521210, 64.521210, 83.967160, 75.327188,
     .928571, .846154, .928571, .928571, .928571, .6, .927273},
    {"multiline", "She ran happily.\nHe was running nationally.\nCats agreed.",
     "She runs happy.\nCats agreed nationally, he was running.", 17.827531, 17.827531, 63.767310, 59.568632,
     .777778, .375, .444444, .666667, .444444, .777778, .612613},
    {"unicode", "Der Straßenverkehr war naïve — “ja”, 中文 ok",
     "Der Straßenverkehr war naive - \"ja\", 中文 ok", 23.462350, 23.462350, 70.210359, 67.241102, .8,
     .615385, .8, .8, .8, .666667, .904762},
    {"repeat", "the cat the cat on the mat", "the the the the the the the", 8.643020, 8.643020, 17.856587,
     18.751168, .428571, 0, .428571, .428571, .428571, 0, .679245},
    {"empty_hyp", "some reference text", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"entities", "AT&amp;T said &quot;no&quot; &lt;ok&gt;", "AT&T said \"no\" <ok>", 100, 100, 14.520622,
     13.100190, .666667, .153846, .666667, .666667, .666667, .25, .517241}};

TEST(Metrics, PublishedVectors) {
  constexpr double kRounded = 5.1e-7;
  std::vector<std::string> hyps, refs;
  for (const Vector& v : kVectors) {
    SCOPED_TRACE(v.name);
    const std::string hyp = hyps.emplace_back(v.hyp), ref = refs.emplace_back(v.ref);
    const Scores s = score({&hyp, 1}, {&ref, 1});
    const double expected[] = {v.bleu, v.chrf, v.chrf_words, v.r1, v.r2, v.rl, v.rlsum, v.f1, v.indel};
    for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(values(s)[k], expected[k], kRounded) << k;
    BleuCounts bleu;
    bleu.add(hyp, ref, Tokenize::k13a);
    EXPECT_NEAR(bleu.score(true), v.sentence, kRounded);
    EXPECT_NEAR(rouge(hyp, ref, true, false).rouge_l, v.rl_stem, kRounded);
  }
  const Scores all = score(hyps, refs);
  EXPECT_EQ(all.tokenize, Tokenize::k13a);
  EXPECT_NEAR(all.bleu, 40.221315, kRounded);
  EXPECT_NEAR(all.chrf, 48.915775, kRounded);
  EXPECT_NEAR(all.chrf_words, 46.878654, kRounded);
}

TEST(Metrics, ChineseIsNotZero) {
  const std::string ref = "今天天气很好，我们去公园。", hyp = "今天天气不好，我们去公园。";
  const Scores s = score({&hyp, 1}, {&ref, 1});
  EXPECT_EQ(s.tokenize, Tokenize::kZh);
  EXPECT_NEAR(s.rouge1, 10.0 / 11, 1e-12);
  EXPECT_NEAR(s.token_f1, 12.0 / 13, 1e-12);  // SQuAD keeps marks that are not ASCII
  EXPECT_GT(s.bleu, 50);
  EXPECT_FALSE(s.rouge_blind);
  const Scores plain = score({&hyp, 1}, {&ref, 1}, {.tokenize = Tokenize::k13a});
  EXPECT_EQ(plain.rouge1, 0);
  EXPECT_TRUE(plain.rouge_blind);
  EXPECT_THROW(parse_tokenize("13b"), UsageError);
}

TEST(Metrics, BytesThatAreNotUtf8CountAsOneCharacterEach) {
  EXPECT_EQ(code_points("a\xff\xc3z"), U"a\ufffd\ufffdz");
  EXPECT_NEAR(edit_similarity("a\xff", "a\xfe"), 1, 1e-12);
  std::mt19937 random(3);
  for (int run = 0; run < 300; ++run) {
    std::string a(random() % 40, ' '), b(random() % 40, ' ');
    for (char& c : a) c = static_cast<char>(random());
    for (char& c : b) c = static_cast<char>(random());
    for (Tokenize t : {Tokenize::k13a, Tokenize::kZh, Tokenize::kChar})
      for (double value : values(score({&a, 1}, {&b, 1}, {.tokenize = t, .stem = true})))
        EXPECT_TRUE(value >= 0 && value <= 100);
  }
}

/// The table of the definition, with the walk back of rouge_score.
std::vector<char> marked_by_table(const Ids& a, const Ids& b) {
  std::vector<std::vector<int>> t(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j)
      t[i][j] = a[i - 1] == b[j - 1] ? t[i - 1][j - 1] + 1 : std::max(t[i - 1][j], t[i][j - 1]);
  std::vector<char> hit(a.size(), 0);
  for (std::size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      hit[--i] = 1, --j;
    } else {
      t[i][j - 1] > t[i - 1][j] ? --j : --i;
    }
  }
  return hit;
}

TEST(Metrics, SubsequencesByBlocksAreThoseOfTheTable) {
  std::mt19937 random(5);
  for (int run = 0; run < 400; ++run) {
    const Id n_ids = 1 + static_cast<Id>(random() % 12);
    Ids a(random() % 300), b(random() % 300);
    for (Id& id : a) id = static_cast<Id>(random() % n_ids);
    for (Id& id : b) id = static_cast<Id>(random() % n_ids);
    CommonSubsequence common(n_ids);
    std::vector<char> hit(a.size(), 0);
    common.mark(a, b, hit);
    EXPECT_EQ(hit, marked_by_table(a, b));
    EXPECT_EQ(common.length(a, b), static_cast<std::size_t>(std::count(hit.begin(), hit.end(), 1)));
    EXPECT_EQ(common.length(b, a), common.length(a, b));
  }
}

TEST(Metrics, SegmentsOfManyWordsTakeSeconds) {
  std::mt19937 random(7);
  std::string a, b;
  for (int i = 0; i < 5000; ++i) {
    a += "w" + std::to_string(random() % 900) + " ";
    b += "w" + std::to_string(random() % 900) + " ";
  }
  const auto start = std::chrono::steady_clock::now();
  const Scores s = score({&a, 1}, {&b, 1});
  EXPECT_GT(s.rouge_l, 0);
  EXPECT_DOUBLE_EQ(s.rouge_l, s.rouge_lsum);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Metrics, OfAContinuation) {
  const std::vector<Token> reference = {1, 2, 3, 4, 5}, none;
  EXPECT_EQ(exact_prefix(reference, reference), 5u);
  EXPECT_EQ(exact_prefix(std::vector<Token>{1, 2, 9, 4, 5}, reference), 2u);
  EXPECT_EQ(exact_prefix(std::vector<Token>{1, 2}, reference), 2u);
  EXPECT_EQ(exact_prefix(none, reference), 0u);
  const std::vector<Token> loop = {9, 1, 2, 1, 2, 1, 2, 1};
  EXPECT_DOUBLE_EQ(distinct_n(loop, 1), 3.0 / 8);
  EXPECT_DOUBLE_EQ(distinct_n(loop, 2), 3.0 / 7);
  EXPECT_DOUBLE_EQ(repetition(loop, 4), 2.0 / 5);
  EXPECT_DOUBLE_EQ(repetition(reference, 1), 0);
  EXPECT_EQ(distinct_n(none, 1), 0);
  EXPECT_EQ(repetition(reference, 6), 0);
  EXPECT_EQ(longest_loop(loop), 7u);
  EXPECT_EQ(longest_loop(loop, 1), 0u);
  EXPECT_EQ(longest_loop(reference), 0u);
  EXPECT_EQ(longest_loop(std::vector<Token>(10, 4)), 10u);
}

}  // namespace
}  // namespace rw
