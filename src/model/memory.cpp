// SPDX-License-Identifier: Apache-2.0
#include "model/memory.h"

#include <fstream>
#include <string>

#include "core/error.h"

namespace ropewalk {

std::size_t available_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key;
  std::size_t kibibytes = 0;
  while (in >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    in.ignore(256, '\n');
  }
  return 0;
}

void require_memory(std::string_view what, std::size_t bytes, std::string_view hint) {
  const std::size_t available = available_memory();
  if (available != 0 && bytes > available)
    throw Error(what, fmt::format("{} MiB of free memory", bytes >> 20),
                fmt::format("{} MiB", available >> 20), hint);
}

}  // namespace ropewalk
