// SPDX-License-Identifier: Apache-2.0
#include "metrics/sequence.h"
#include "metrics/text.h"

namespace rw {
namespace {

std::u32string without_spaces(std::u32string_view text) {
  std::u32string result;
  for (char32_t c : text)
    if (!is_space(c)) result += c;
  return result;
}

/// Words, with one mark of punctuation cut off: at the end, else at the start ("(hi)" is "(hi" and ")").
std::vector<std::u32string> words_of(std::u32string_view text) {
  std::vector<std::u32string> words;
  for (std::u32string& word : split_words(text)) {
    std::size_t cut = 0;
    if (word.size() > 1) {
      if (is_ascii_punctuation(word.back())) {
        cut = word.size() - 1;
      } else if (is_ascii_punctuation(word.front())) {
        cut = 1;
      }
    }
    if (cut > 0) words.push_back(word.substr(0, cut));
    words.push_back(word.substr(cut));
  }
  return words;
}

template <class Thing, class Things>
void add_orders(const Things& hypothesis, const Things& reference, std::span<ChrfCounts::Order> orders) {
  Numbering<Thing> number;
  const Ids hyp = number(hypothesis), ref = number(reference);
  const std::vector<NgramCount> counts = count_ngrams(hyp, ref, static_cast<int>(orders.size()));
  for (std::size_t n = 0; n < orders.size(); ++n) {
    // sacreBLEU: a segment whose reference is too short for an order does not spoil the precision of that
    // order.
    orders[n].hypothesis += counts[n].reference > 0 ? counts[n].hypothesis : 0;
    orders[n].reference += counts[n].reference;
    orders[n].matches += counts[n].matches;
  }
}

}  // namespace

void ChrfCounts::add(std::string_view hypothesis_text, std::string_view reference_text) {
  const std::u32string hyp = code_points(hypothesis_text), ref = code_points(reference_text);
  const std::span all(orders);
  add_orders<char32_t>(without_spaces(hyp), without_spaces(ref), all.first(kCharacterOrders));
  add_orders<std::u32string>(words_of(hyp), words_of(ref), all.last(kWordOrders));
}

double ChrfCounts::score(bool with_words) const {
  double precision = 0, recall = 0;
  int effective = 0;
  const int n = with_words ? kCharacterOrders + kWordOrders : kCharacterOrders;
  for (const Order& order : std::span(orders).first(static_cast<std::size_t>(n))) {
    if (order.hypothesis == 0 || order.reference == 0) continue;
    precision += static_cast<double>(order.matches) / static_cast<double>(order.hypothesis);
    recall += static_cast<double>(order.matches) / static_cast<double>(order.reference);
    ++effective;
  }
  if (precision + recall == 0) return 0;
  precision /= effective;
  recall /= effective;
  constexpr double kBeta2 = 4;
  return 100 * (1 + kBeta2) * precision * recall / (kBeta2 * precision + recall);
}

}  // namespace rw
