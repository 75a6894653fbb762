// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "core/error.h"
#include "metrics/metrics.h"

namespace rw {
namespace {

struct Ngrams {
  std::size_t all = 0, different = 0;
};

Ngrams ngrams(std::span<const Token> tokens, int n) {
  RW_CHECK(n >= 1);
  const auto order = static_cast<std::size_t>(n);
  if (tokens.size() < order) return {};
  // Positions compared by the n-gram that starts there.
  const auto less = [&](std::size_t a, std::size_t b) {
    const auto x = tokens.subspan(a, order), y = tokens.subspan(b, order);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  };
  std::set<std::size_t, decltype(less)> different(less);
  const std::size_t all = tokens.size() - order + 1;
  for (std::size_t i = 0; i < all; ++i) different.insert(i);
  return {all, different.size()};
}

}  // namespace

std::size_t exact_prefix(std::span<const Token> hypothesis, std::span<const Token> reference) {
  const auto [end, other] =
      std::mismatch(hypothesis.begin(), hypothesis.end(), reference.begin(), reference.end());
  return static_cast<std::size_t>(end - hypothesis.begin());
}

double distinct_n(std::span<const Token> tokens, int n) {
  const Ngrams found = ngrams(tokens, n);
  return found.all == 0 ? 0 : static_cast<double>(found.different) / static_cast<double>(found.all);
}

double repetition(std::span<const Token> tokens, int n) {
  const Ngrams found = ngrams(tokens, n);
  return found.all == 0 ? 0
                        : static_cast<double>(found.all - found.different) / static_cast<double>(found.all);
}

std::size_t longest_loop(std::span<const Token> tokens, std::size_t longest_period) {
  std::size_t longest = 0;
  for (std::size_t period = 1; period <= std::min(longest_period, tokens.size() / 2); ++period) {
    std::size_t run = 0;  // tokens in a row that equal the one a period before
    for (std::size_t i = period; i < tokens.size(); ++i) {
      run = tokens[i] == tokens[i - period] ? run + 1 : 0;
      if (run >= period) longest = std::max(longest, run + period);
    }
  }
  return longest;
}

}  // namespace rw
