// SPDX-License-Identifier: Apache-2.0
#include "results/shards.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <set>

#include "core/text.h"

namespace rw {

std::pair<int, int> shard_from(const std::string& text) {
  int k = 0, n = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d/%4d%n", &k, &n, &used) != 2 ||
      static_cast<std::size_t>(used) != text.size() || k < 1 || k > n)
    return {0, 0};
  return {k, n};
}

std::string shard_of_items(const std::string& share, std::size_t n_items) {
  const auto [k, n] = shard_from(share);
  return n > 1 ? fmt::format("{}/{}", k, std::min(n_items, static_cast<std::size_t>(n))) : "";
}

std::string missing_shards(const std::vector<Record>& records) {
  constexpr long kMost = 1 << 20;  // items of a plan that are looked at
  std::set<std::pair<int, int>> shards;
  long n_all = 1;  // item i and item i + n_all are of the same shards
  for (const Record& record : records) {
    const auto [k, n] = shard_from(record.shard);
    if (n == 0) return "";
    if (shards.emplace(n, k).second) n_all = std::min(kMost, std::lcm(n_all, static_cast<long>(n)));
  }
  std::vector<bool> here(static_cast<std::size_t>(n_all));
  for (const auto& [n, k] : shards)
    for (long i = k - 1; i < n_all; i += n) here[static_cast<std::size_t>(i)] = true;
  if (std::all_of(here.begin(), here.end(), [](bool one) { return one; }) || records.empty()) return "";
  const int n = shards.begin()->first;
  const std::string which = n == shards.rbegin()->first ? fmt::format("{} of {} shards", shards.size(), n)
                                                        : std::string("some of its shards");
  return fmt::format("Only a part of the plan: {}; the files of the others belong to it.", which);
}

}  // namespace rw
