// SPDX-License-Identifier: Apache-2.0
#include "judge/near_copies.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace rw {
namespace {

constexpr std::size_t kMostWindows = std::size_t{1} << 22;  // that are kept
constexpr std::size_t kMostHolders = 16;  // of a window, with which its other holders are compared

/// A hash in which every bit depends on every token.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Different windows of words, at least half of them known, whose hash is a multiple of `every`, a power of
/// two.
std::vector<std::uint64_t> windows_of(std::span<const Token> tokens, std::span<const Token> unknown,
                                      std::uint64_t every) {
  constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15u;
  std::uint64_t oldest = 1, rolling = 0;  // kBase^kCopyWindow; sum of token * kBase^age
  for (std::size_t i = 0; i < kCopyWindow; ++i) oldest *= kBase;
  const auto is_unknown = [&](Token token) -> std::size_t {
    return std::binary_search(unknown.begin(), unknown.end(), token) ? 1 : 0;
  };
  std::size_t n_unknown = 0;
  std::vector<std::uint64_t> windows;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    n_unknown += is_unknown(tokens[i]);
    if (i >= kCopyWindow) n_unknown -= is_unknown(tokens[i - kCopyWindow]);
    rolling = rolling * kBase + static_cast<std::uint64_t>(tokens[i]) + 1;
    if (i >= kCopyWindow) rolling -= oldest * (static_cast<std::uint64_t>(tokens[i - kCopyWindow]) + 1);
    if (i + 1 < kCopyWindow || 2 * n_unknown > kCopyWindow) continue;
    if (const std::uint64_t hash = mixed(rolling); (hash & (every - 1)) == 0) windows.push_back(hash);
  }
  std::sort(windows.begin(), windows.end());
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  return windows;
}

}  // namespace

std::optional<NearCopy> near_copy(const std::vector<Passage>& passages, std::span<const Token> unknown) {
  std::size_t total = 0;
  for (const Passage& p : passages) total += p.tokens.size();
  std::uint64_t every = 1;
  while (total / every > kMostWindows) every *= 2;
  std::vector<std::size_t> n(passages.size());
  std::vector<std::pair<std::uint64_t, std::size_t>> all;  // window, passage
  for (std::size_t i = 0; i < passages.size(); ++i) {
    const std::vector<std::uint64_t> windows = windows_of(passages[i].tokens, unknown, every);
    n[i] = windows.size();
    for (std::uint64_t window : windows) all.emplace_back(window, i);
  }
  std::sort(all.begin(), all.end());
  std::unordered_map<std::uint64_t, std::size_t> shared;  // by pair of passages, the first in the upper half
  for (std::size_t begin = 0, end; begin < all.size(); begin = end) {
    for (end = begin; end < all.size() && all[end].first == all[begin].first; ++end)
      for (std::size_t other = begin; other < std::min(end, begin + kMostHolders); ++other)
        if (passages[all[other].second].owner != passages[all[end].second].owner)
          ++shared[std::uint64_t{all[other].second} << 32 | all[end].second];
  }
  std::optional<NearCopy> most;
  for (const auto& [pair, count] : shared) {
    const std::size_t a = pair >> 32, b = pair & 0xffffffffu;
    const NearCopy copy{passages[a].owner, passages[b].owner,
                        static_cast<double>(count) / static_cast<double>(std::min(n[a], n[b]))};
    const auto rank = [](const NearCopy& c) { return std::tuple(-c.share, c.first, c.second); };
    if (copy.share >= kCopyShare && (!most || rank(copy) < rank(*most))) most = copy;
  }
  return most;
}

}  // namespace rw
