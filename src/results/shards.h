// SPDX-License-Identifier: Apache-2.0
/// Results of --shard k/n: whether the files of all shards are here.
#pragma once
#include <string>
#include <vector>

#include "results/record.h"

namespace rw {

/// "2/3" as k and n; {0, 0}: no shard.
std::pair<int, int> shard_from(const std::string& text);

/// "Only a part of the plan: 2 of 3 shards; ..."; empty: all of it, as far as records tell. A run of
/// another shard, or of none, that went on with the same file counts, whichever n it had.
std::string missing_shards(const std::vector<Record>& records);

}  // namespace rw
