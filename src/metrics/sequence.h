// SPDX-License-Identifier: Apache-2.0
/// What the metrics share once words or characters are numbers: n-grams and longest common subsequences.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace rw {

using Id = std::uint32_t;
using Ids = std::vector<Id>;

/// Numbers 0, 1, ... for things as they are first seen.
template <class Thing>
class Numbering {
 public:
  template <class Things>
  Ids operator()(const Things& things) {
    Ids ids;
    ids.reserve(things.size());
    for (const Thing& thing : things)
      ids.push_back(numbers_.try_emplace(thing, static_cast<Id>(numbers_.size())).first->second);
    return ids;
  }
  std::size_t size() const { return numbers_.size(); }

 private:
  std::unordered_map<Thing, Id> numbers_;
};

struct NgramCount {
  std::int64_t hypothesis = 0, reference = 0,
               matches = 0;  ///< matches are clipped: sum of min of both counts
};
/// For each order 1 .. max_order. Exact: an n-gram is the pair of an (n-1)-gram's number and an id.
std::vector<NgramCount> count_ngrams(std::span<const Id> hypothesis, std::span<const Id> reference,
                                     int max_order);

/// Longest common subsequences, 64 symbols of `a` at a time (Crochemore et al. 2001, Hyyro 2004): n m / 64
/// steps. One object serves many calls over the same numbering.
class CommonSubsequence {
 public:
  /// REQUIRES: every id below n_ids.
  explicit CommonSubsequence(std::size_t n_ids) : masks_(n_ids, 0) {}

  /// Memory: a byte for each symbol of `b`.
  std::size_t length(std::span<const Id> a, std::span<const Id> b);
  /// Sets hit[i] for the positions of `a` in one longest subsequence: walking back from the end, rouge_score
  /// drops the last symbol of `a` unless dropping that of `b` leaves a longer one.
  /// Memory: n m / 512 bytes and 8 for each symbol of `b`.
  void mark(std::span<const Id> a, std::span<const Id> b, std::vector<char>& hit);

 private:
  /// Reads `b` with the block of `a`; carries[j] is what block k - 1 carried over at j, then what this one
  /// does. Returns the number of symbols this block adds. With `columns`, stores each state: bit i is 0 where
  /// LCS(a[..i], b[..j]) is one more than LCS(a[..i-1], b[..j]).
  std::size_t read_block(std::span<const Id> block, std::span<const Id> b, std::vector<char>& carries,
                         std::uint64_t* columns);

  std::vector<std::uint64_t> masks_;  // for each id, where the block has it; all 0 between calls
};

}  // namespace rw
