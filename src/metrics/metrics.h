// SPDX-License-Identifier: Apache-2.0
/// Scores of texts against reference texts, in the definitions of the packages that papers use:
/// sacreBLEU 2.6.0, google rouge_score 0.1.2, SQuAD's evaluation and rapidfuzz's indel similarity; and what a
/// greedy continuation is measured by. docs/metrics.md has the formulas. Texts are UTF-8; a byte that is not
/// counts as U+FFFD.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace rw {

/// How BLEU cuts words. kZh and kChar also make ROUGE and token F1 count each Han or kana character as a
/// word.
enum class Tokenize { kAuto, k13a, kZh, kChar };

/// "auto", "13a", "zh" or "char". Errors: UsageError.
Tokenize parse_tokenize(std::string_view name);
std::string_view tokenize_name(Tokenize tokenize);
/// What kAuto means for these references (hypotheses have no say, so that all are scored alike): k13a unless
/// most words are Han or kana characters; then kZh, or kChar when more than a tenth of those are kana.
Tokenize choose_tokenize(std::span<const std::string> references);

struct ScoreOptions {
  Tokenize tokenize = Tokenize::kAuto;
  bool stem = false;  ///< ROUGE: Porter's stems of words longer than three letters
};

/// BLEU and chrF 0-100, of the corpus; the others 0-1, means over segments.
struct Scores {
  double bleu = 0, chrf = 0, chrf_words = 0;  ///< chrf_words is chrF++
  double rouge1 = 0, rouge2 = 0, rouge_l = 0, rouge_lsum = 0;
  double token_f1 = 0, edit_similarity = 0;
  std::size_t segments = 0;
  Tokenize tokenize = Tokenize::k13a;  ///< what was taken, never kAuto
  bool rouge_blind = false;            ///< the references have text, but no word that ROUGE can see
};

/// Everything at once. REQUIRES: as many hypotheses as references, at least one.
Scores score(std::span<const std::string> hypotheses, std::span<const std::string> references,
             const ScoreOptions& options = {});

/// BLEU = BP * exp(mean over n = 1..4 of ln p_n), p_n = clipped matches / n-grams of the hypothesis, both
/// summed over the corpus; BP = min(1, exp(1 - ref/hyp)). The k-th order without a match has p = 1/(2^k
/// total) ("exp"). Papineni et al. 2002; Post 2018 (sacreBLEU: nrefs:1|case:mixed|eff:no|smooth:exp).
struct BleuCounts {
  std::array<std::int64_t, 4> matches{}, totals{};
  std::int64_t hypothesis = 0, reference = 0;  ///< lengths in words

  void add(std::string_view hypothesis_text, std::string_view reference_text, Tokenize tokenize);
  /// 0-100. With effective_order, orders that a short text does not have do not count: for single segments.
  double score(bool effective_order = false) const;
};

/// chrF = 100 (1+b^2) P R / (b^2 P + R), b = 2; P and R are means over the orders that both sides have of
/// matches / n-grams: 1..6 of characters without whitespace and, in chrF++, 1..2 of words. Popovic 2015, 2017
/// (sacreBLEU).
struct ChrfCounts {
  struct Order {
    std::int64_t hypothesis = 0, reference = 0, matches = 0;
  };
  static constexpr int kCharacterOrders = 6, kWordOrders = 2;
  std::array<Order, kCharacterOrders + kWordOrders> orders{};

  void add(std::string_view hypothesis_text, std::string_view reference_text);
  double score(bool with_words) const;
};

/// F1 of shared words. ROUGE-1 and -2: clipped n-grams; L: longest common subsequence; Lsum: for each line of
/// the reference the union of its common subsequences with all lines of the hypothesis. Words are [a-z0-9]+
/// of the text in lower case. Lin 2004 (google rouge_score).
struct RougeScores {
  double rouge1 = 0, rouge2 = 0, rouge_l = 0, rouge_lsum = 0;
  std::size_t reference_words = 0;
};
RougeScores rouge(std::string_view hypothesis, std::string_view reference, bool stem, bool han_words);
/// Porter's stem of a word in lower case, as NLTK's PorterStemmer gives it. Porter 1980.
std::string porter_stem(std::string word);

/// F1 of the words that both have, after lower case, no ASCII punctuation, no a/an/the; 0 when none is
/// shared, so also when both are empty. Rajpurkar et al. 2016 (SQuAD 1.1's evaluation).
double token_f1(std::string_view hypothesis, std::string_view reference, bool han_words);

/// 2 LCS / (n + m) over code points, what fuzz.ratio / 100 is with Levenshtein, unrounded; 1 when both are
/// empty. rapidfuzz.distance.Indel.normalized_similarity.
double edit_similarity(std::string_view hypothesis, std::string_view reference);

/// Number of tokens before the first that differs.
std::size_t exact_prefix(std::span<const Token> hypothesis, std::span<const Token> reference);
/// Different n-grams / n-grams; 0 when there is none. Li et al. 2016. REQUIRES: n >= 1.
double distinct_n(std::span<const Token> tokens, int n);
/// Share of n-grams that occurred before in the same text (rep-n), 1 - distinct_n; 0 when there is none.
/// Welleck et al. 2020. REQUIRES: n >= 1.
double repetition(std::span<const Token> tokens, int n);
/// Length of the longest stretch that goes round in a loop: at least two whole rounds of up to
/// `longest_period` tokens; 0 when there is none.
std::size_t longest_loop(std::span<const Token> tokens, std::size_t longest_period = 128);

}  // namespace rw
