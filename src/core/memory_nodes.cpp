// SPDX-License-Identifier: Apache-2.0
#include "core/memory_nodes.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "core/machine_limits.h"

namespace rw {
namespace {

constexpr int kMostCores = 1 << 16;

std::vector<int> allowed_cores() {
  std::vector<int> cores;
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &set)) cores.push_back(core);
#else
  for (unsigned core = 0; core < std::thread::hardware_concurrency(); ++core)
    cores.push_back(static_cast<int>(core));
#endif
  if (cores.empty()) cores.push_back(0);
  return cores;
}

}  // namespace

std::vector<int> parse_cores(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::vector<int> cores;
  const auto number = [&text](int& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc() && value >= 0 && value < kMostCores;
  };
  while (!text.empty()) {
    int first = 0, last = 0;
    if (!number(first)) return {};
    last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      if (!number(last) || last < first) return {};
    }
    for (int core = first; core <= last; ++core) cores.push_back(core);
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return {};
    text.remove_prefix(1);
  }
  return cores;
}

MemoryNodes read_memory_nodes(const std::string& sys, const std::vector<int>& allowed) {
  const std::string folder = sys + "/devices/system/node/";
  MemoryNodes nodes;
  std::size_t n_found = 0;
  for (const int node : parse_cores(read_system_file(folder + "online").value_or(""))) {
    std::vector<int> cores;
    const std::string list = folder + "node" + std::to_string(node) + "/cpulist";
    for (const int core : parse_cores(read_system_file(list).value_or("")))
      if (std::find(allowed.begin(), allowed.end(), core) != allowed.end()) cores.push_back(core);
    n_found += cores.size();
    if (!cores.empty()) nodes.push_back(std::move(cores));
  }
  if (n_found != allowed.size()) return {allowed};
  return nodes;
}

const MemoryNodes& usable_nodes() {
  static const MemoryNodes nodes = read_memory_nodes("/sys", allowed_cores());
  return nodes;
}

std::size_t node_of_thread(const MemoryNodes& nodes, int thread, int n) {
  std::size_t all = 0;
  for (const auto& cores : nodes) all += cores.size();
  std::size_t core = static_cast<std::size_t>(thread) * all / static_cast<std::size_t>(n), node = 0;
  while (core >= nodes[node].size()) core -= nodes[node++].size();
  return node;
}

}  // namespace rw
