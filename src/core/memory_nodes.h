// SPDX-License-Identifier: Apache-2.0
/// Machines whose memory lies in several nodes, each near to some of the cores.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// The cores of each node.
using MemoryNodes = std::vector<std::vector<int>>;

/// "0-3,8,10-11" as the kernel writes lists of cores; empty for text that is no such list.
std::vector<int> parse_cores(std::string_view text);

/// Nodes that have some of the `allowed` cores, and which; one node with all of them where `sys` (a machine's
/// /sys) tells of none, or leaves some out.
MemoryNodes read_memory_nodes(const std::string& sys, const std::vector<int>& allowed);

/// Of this machine and process. Read once.
const MemoryNodes& usable_nodes();

/// Which node thread `thread` of n belongs to: threads stand in blocks, as many on a node as it has of the
/// cores. REQUIRES: 0 <= thread < n; a node with a core.
std::size_t node_of_thread(const MemoryNodes& nodes, int thread, int n);

}  // namespace rw
