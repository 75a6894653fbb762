// SPDX-License-Identifier: Apache-2.0
#include "metrics/sequence.h"

#include <algorithm>
#include <bit>

namespace rw {
namespace {

constexpr std::size_t kBlock = 64;

std::span<const Id> block_of(std::span<const Id> a, std::size_t k) {
  return a.subspan(k * kBlock, std::min(kBlock, a.size() - k * kBlock));
}

}  // namespace

std::vector<NgramCount> count_ngrams(std::span<const Id> hypothesis, std::span<const Id> reference,
                                     int max_order) {
  std::vector<NgramCount> result(static_cast<std::size_t>(max_order));
  Ids hyp(hypothesis.size(), 0), ref(reference.size(), 0);  // numbers of the (n-1)-grams that start here
  for (std::size_t n = 1; n <= result.size(); ++n) {
    std::unordered_map<std::uint64_t, Id> numbers;
    std::vector<std::int64_t> counts;  // left in the reference
    NgramCount& count = result[n - 1];
    const auto number = [&](std::span<const Id> ids, Ids& starts, std::size_t i) {
      const std::uint64_t key = (std::uint64_t{starts[i]} << 32) | ids[i + n - 1];
      const Id id = numbers.try_emplace(key, static_cast<Id>(numbers.size())).first->second;
      if (id == counts.size()) counts.push_back(0);
      return starts[i] = id;
    };
    for (std::size_t i = 0; i + n <= reference.size(); ++i) {
      ++counts[number(reference, ref, i)];
      ++count.reference;
    }
    for (std::size_t i = 0; i + n <= hypothesis.size(); ++i) {
      std::int64_t& left = counts[number(hypothesis, hyp, i)];
      ++count.hypothesis;
      if (left > 0) --left, ++count.matches;
    }
  }
  return result;
}

std::size_t CommonSubsequence::read_block(std::span<const Id> block, std::span<const Id> b,
                                          std::vector<char>& carries, std::uint64_t* columns) {
  for (std::size_t i = 0; i < block.size(); ++i) masks_[block[i]] |= std::uint64_t{1} << i;
  std::uint64_t state = ~std::uint64_t{0};
  for (std::size_t j = 0; j < b.size(); ++j) {
    const std::uint64_t found = state & masks_[b[j]];
    const std::uint64_t half = state + found, sum = half + static_cast<std::uint64_t>(carries[j]);
    carries[j] = static_cast<char>((half < state) | (sum < half));
    state = sum | (state & ~found);
    if (columns != nullptr) columns[j] = state;
  }
  for (Id id : block) masks_[id] = 0;
  return static_cast<std::size_t>(std::popcount(~state));  // bits past a short block stay 1
}

std::size_t CommonSubsequence::length(std::span<const Id> a, std::span<const Id> b) {
  std::vector<char> carries(b.size(), 0);
  std::size_t result = 0;
  for (std::size_t k = 0; k * kBlock < a.size(); ++k)
    result += read_block(block_of(a, k), b, carries, nullptr);
  return result;
}

void CommonSubsequence::mark(std::span<const Id> a, std::span<const Id> b, std::vector<char>& hit) {
  const std::size_t blocks = (a.size() + kBlock - 1) / kBlock;
  std::vector<std::vector<bool>> before(blocks);  // carries into each block; its states are computed anew
  std::vector<char> carries(b.size(), 0);
  for (std::size_t k = 0; k < blocks; ++k) {
    before[k].assign(carries.begin(), carries.end());
    if (k + 1 < blocks) read_block(block_of(a, k), b, carries, nullptr);
  }
  std::vector<std::uint64_t> columns(b.size());
  std::size_t i = a.size(), j = b.size();
  for (std::size_t k = blocks; k-- > 0 && j > 0;) {
    std::copy(before[k].begin(), before[k].end(), carries.begin());
    read_block(block_of(a, k), b.first(j), carries, columns.data());
    while (i > k * kBlock && j > 0) {
      if (a[i - 1] == b[j - 1]) {
        hit[--i] = 1;
        --j;
      } else if (((columns[j - 1] >> ((i - 1) % kBlock)) & 1u) == 0) {
        --j;  // without a[i-1] it would be shorter, so it is as long without b[j-1]
      } else {
        --i;
      }
    }
  }
}

}  // namespace rw
