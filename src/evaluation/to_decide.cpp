// SPDX-License-Identifier: Apache-2.0
#include "evaluation/to_decide.h"

#include <algorithm>

#include "core/text.h"
#include "results/units.h"

namespace rw {
namespace {

constexpr int kMost = 24;  // of each text

/// Units of n stretches of each text, as cut_stretches takes them in turns.
std::size_t units_of(const TokenTexts& texts, Index least, Judged judged, int n) {
  std::set<std::string> names;
  int i = 0;
  for (int k = 0; k < n; ++k)
    for (std::size_t t = 0; t < texts.tokens.size(); ++t) {
      if (k >= stretches_of(texts.tokens[t], least, n)) continue;
      if (judged == Judged::kAll || i % 2 == 1) names.insert(fmt::format("{}#{}", t, k));
      ++i;
    }
  return Units(names).n();
}

}  // namespace

int stretches_to_decide(const TokenTexts& texts, Index least, Judged judged, std::size_t enough,
                        std::size_t wanted) {
  int best = 0;
  std::size_t most = enough - 1;
  for (int n = 1; n <= kMost && most < wanted; ++n)
    if (const std::size_t units = units_of(texts, least, judged, n); units > most) best = n, most = units;
  return best;
}

std::string text_to_decide(const TokenTexts& texts, Index length, std::size_t n) {
  std::size_t longest = 0;
  for (const auto& tokens : texts.tokens) longest = std::max(longest, tokens.size());
  return fmt::format("{0} texts, or one that holds {0} stretches of {1} tokens: {2} tokens, where {3} {4}", n,
                     k_tokens(length), n * static_cast<std::size_t>(length + 1) + 1,
                     texts.tokens.size() == 1 ? "this one has" : "the longest of these has", longest);
}

}  // namespace rw
