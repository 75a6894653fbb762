// SPDX-License-Identifier: Apache-2.0
/// Byte-pair encoding by ranked merges, over bytes (GPT-2) or over characters with bytes as fallback
/// (Llama-2 as tokenizer.json spells it).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace rw {

/// Merge rules: pair of ids -> rank (lower first) and id of the result.
class Merges {
 public:
  /// Each rule names two pieces; they and their concatenation must be in the vocabulary.
  /// Errors: Error for one that is not.
  void add(const Vocabulary& vocabulary, std::string_view left, std::string_view right);
  /// "left right", split at the space (a space inside a piece is not possible in this spelling).
  void add(const Vocabulary& vocabulary, std::string_view rule);

  /// Rules of one rank, the next: each pair joins to `result`. Ids of one vocabulary.
  void add(std::span<const std::pair<Token, Token>> pairs, Token result);

  /// Applies the rules to `symbols` in place: always the lowest rank, the leftmost among equals.
  /// O(n log n) for n symbols. A negative symbol merges with nothing.
  void apply(std::vector<Token>& symbols) const;
  std::size_t size() const { return rules_.size(); }

 private:
  struct Rule {
    std::uint32_t rank;
    Token result;
  };
  static std::uint64_t key(Token left, Token right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) | static_cast<std::uint32_t>(right);
  }
  const Rule* find(Token left, Token right) const {
    if (left < 0 || right < 0) return nullptr;
    const auto it = rules_.find(key(left, right));
    return it == rules_.end() ? nullptr : &it->second;
  }
  void apply_short(std::vector<Token>& symbols) const;
  void apply_long(std::vector<Token>& symbols) const;

  struct Hash {
    std::size_t operator()(std::uint64_t x) const {
      x *= 0x9e3779b97f4a7c15ull;
      return x ^ (x >> 32);
    }
  };
  std::unordered_map<std::uint64_t, Rule, Hash> rules_;
  std::uint32_t next_rank_ = 0;
};

}  // namespace rw
