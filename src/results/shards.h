// SPDX-License-Identifier: Apache-2.0
/// Results of --shard k/n: whether the files of all shards are here.
#pragma once
#include <string>
#include <vector>

#include "results/record.h"

namespace rw {

/// "2/3" as k and n; {0, 0}: no shard.
std::pair<int, int> shard_from(const std::string& text);

/// What results say: `share`, "k/n", as it is of that many items; empty: of all. Shards behind the last item
/// have none, and are no part that could be missing.
std::string shard_of_items(const std::string& share, std::size_t n_items);

/// "Only a part of the plan: 2 of 3 shards; ..."; empty: all of it, as far as records tell. A run of
/// another shard, or of none, that went on with the same file counts, whichever n it had.
std::string missing_shards(const std::vector<Record>& records);

}  // namespace rw
