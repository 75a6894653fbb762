// SPDX-License-Identifier: Apache-2.0
#include "judge/controls.h"

#include <algorithm>
#include <random>
#include <unordered_set>

#include "core/error.h"

namespace rw {

bool ends_sentence(std::string_view token_text) {
  static constexpr std::string_view kEnds[] = {".", "!", "?", "\n\n", "\u3002", "\uff01", "\uff1f"};
  return std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](std::string_view end) { return token_text.find(end) != std::string_view::npos; });
}

std::vector<Token> shuffled_sentences(std::span<const Token> tokens,
                                      const std::function<bool(Token)>& ends_sentence, std::uint64_t seed) {
  std::vector<std::span<const Token>> sentences;
  for (std::size_t begin = 0, i = 0; i < tokens.size(); ++i)
    if (i + 1 == tokens.size() || i + 1 - begin == kLongestSentence || ends_sentence(tokens[i])) {
      sentences.push_back(tokens.subspan(begin, i + 1 - begin));
      begin = i + 1;
    }
  // By hand: what std::shuffle and distributions draw is the library's affair.
  std::mt19937_64 random(seed);
  for (std::size_t left = sentences.size(); left > 1; --left)
    std::swap(sentences[left - 1], sentences[random() % left]);
  std::vector<Token> all;
  all.reserve(tokens.size());
  for (const auto& sentence : sentences) all.insert(all.end(), sentence.begin(), sentence.end());
  return all;
}

std::vector<Index> copy_targets(std::span<const Token> tokens, Index near, Index begin) {
  const auto n = static_cast<Index>(tokens.size());
  RW_CHECK(near >= 1 && near < begin && begin <= n);
  const auto pair_at = [&](Index t) {
    const auto half = [&](Index i) {
      return std::uint64_t{static_cast<std::uint32_t>(tokens[static_cast<std::size_t>(i)])};
    };
    return half(t - 1) << 32 | half(t);
  };
  std::unordered_set<std::uint64_t> far_pairs, near_pairs;
  for (Index t = 1; t < near; ++t) far_pairs.insert(pair_at(t));
  std::vector<Index> targets;
  for (Index t = near; t < n; ++t) {
    const std::uint64_t pair = pair_at(t);
    if (t >= begin && far_pairs.contains(pair) && !near_pairs.contains(pair)) targets.push_back(t);
    near_pairs.insert(pair);
  }
  return targets;
}

}  // namespace rw
