// SPDX-License-Identifier: Apache-2.0
#include "model/memory.h"

#include <fstream>
#include <string>

#include "core/error.h"

namespace ropewalk {

namespace {

/// The number in kibibytes after `key` at a line's start, in bytes; 0 where there is none.
std::size_t read_bytes(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string word; in >> word; in.ignore(256, '\n')) {
    std::size_t kibibytes = 0;
    if (word == key && in >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

std::size_t available_memory() { return read_bytes("/proc/meminfo", "MemAvailable:"); }

std::size_t peak_memory() { return read_bytes("/proc/self/status", "VmHWM:"); }

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

void require_memory(std::string_view what, std::size_t bytes, std::string_view hint) {
  const std::size_t available = available_memory();
  if (available != 0 && bytes > available)
    throw Error(what, fmt::format("{} MiB of free memory", bytes >> 20),
                fmt::format("{} MiB", available >> 20), hint);
}

}  // namespace ropewalk
