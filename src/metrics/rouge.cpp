// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {
namespace {

/// [a-z0-9]+ of the text in lower case; with han_words each Han or kana character is a word too.
class RougeWords {
 public:
  RougeWords(bool stem, bool han_words) : stem_(stem), han_words_(han_words) {}

  std::vector<std::string> operator()(std::u32string_view text) {
    words_.clear();
    for (char32_t c : text) {
      if ((c >= U'a' && c <= U'z') || is_digit(c)) {
        word_ += static_cast<char>(c);
      } else if (c >= U'A' && c <= U'Z') {
        word_ += static_cast<char>(c - U'A' + U'a');
      } else if (c == U'\u212a') {  // the only two other characters with an ASCII letter in their lower case
        word_ += 'k';
      } else if (c == U'\u0130') {
        word_ += 'i';
        finish();  // a combining dot follows
      } else {
        finish();
        // A number above ASCII cannot meet a word of letters, and stays what it is under the stemmer.
        if (han_words_ && is_han_word(c))
          words_.push_back("\x80" + std::to_string(static_cast<std::uint32_t>(c)));
      }
    }
    finish();
    return std::move(words_);
  }

 private:
  void finish() {
    if (stem_ && word_.size() > 3) word_ = porter_stem(std::move(word_));
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
  }

  bool stem_, han_words_;
  std::string word_;
  std::vector<std::string> words_;
};

double f1(std::int64_t shared, std::size_t hypothesis, std::size_t reference) {
  return shared == 0 ? 0 : 2 * static_cast<double>(shared) / static_cast<double>(hypothesis + reference);
}

/// The words of each line; empty lines are dropped.
std::vector<Ids> lines_of(std::u32string_view text, RougeWords& words, Numbering<std::string>& number) {
  std::vector<Ids> lines;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(U'\n', start), text.size());
    if (end > start) lines.push_back(number(words(text.substr(start, end - start))));
    start = end + 1;
  }
  return lines;
}

/// Words hit by the union of subsequences. Each hit is paid for by one such word of either text, as in the
/// original ROUGE 1.5.5, so that a word of the hypothesis cannot count for two lines of the reference.
double rouge_lsum(const std::vector<Ids>& hypothesis, const std::vector<Ids>& reference, std::size_t n_ids) {
  std::vector<std::int64_t> left_hyp(n_ids, 0), left_ref(n_ids, 0);
  std::size_t n_hyp = 0, n_ref = 0;
  for (const Ids& line : hypothesis) {
    n_hyp += line.size();
    for (Id id : line) ++left_hyp[id];
  }
  for (const Ids& line : reference) {
    n_ref += line.size();
    for (Id id : line) ++left_ref[id];
  }
  CommonSubsequence common(n_ids);
  std::int64_t hits = 0;
  for (const Ids& line : reference) {
    std::vector<char> hit(line.size(), 0);
    for (const Ids& other : hypothesis) common.mark(line, other, hit);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (hit[i] == 0 || left_hyp[line[i]] == 0 || left_ref[line[i]] == 0) continue;
      ++hits;
      --left_hyp[line[i]];
      --left_ref[line[i]];
    }
  }
  return f1(hits, n_hyp, n_ref);
}

}  // namespace

RougeScores rouge(std::string_view hypothesis, std::string_view reference, bool stem, bool han_words) {
  const std::u32string hyp_text = code_points(hypothesis), ref_text = code_points(reference);
  RougeWords words(stem, han_words);
  Numbering<std::string> number;
  const Ids hyp = number(words(hyp_text)), ref = number(words(ref_text));
  const std::vector<NgramCount> counts = count_ngrams(hyp, ref, 2);
  const auto ngram_f1 = [](const NgramCount& c) {
    return f1(c.matches, static_cast<std::size_t>(c.hypothesis), static_cast<std::size_t>(c.reference));
  };
  RougeScores result;
  result.rouge1 = ngram_f1(counts[0]);
  result.rouge2 = ngram_f1(counts[1]);
  const std::size_t longest = CommonSubsequence(number.size()).length(ref, hyp);
  result.rouge_l = f1(static_cast<std::int64_t>(longest), hyp.size(), ref.size());
  const std::vector<Ids> hyp_lines = lines_of(hyp_text, words, number),
                         ref_lines = lines_of(ref_text, words, number);
  result.rouge_lsum = rouge_lsum(hyp_lines, ref_lines, number.size());
  result.reference_words = ref.size();
  return result;
}

}  // namespace rw
