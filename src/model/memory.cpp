// SPDX-License-Identifier: Apache-2.0
#include "model/memory.h"

#include <sys/resource.h>
#ifdef __APPLE__
#include <mach/mach.h>
#endif

#include <algorithm>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/machine_limits.h"

namespace rw {

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

#ifdef __APPLE__
/// Pages that nothing holds, or files alone.
std::size_t free_memory() {
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t size = HOST_VM_INFO64_COUNT;
  if (::host_statistics64(::mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages),
                          &size) != KERN_SUCCESS)
    return 0;
  return (std::size_t{pages.free_count} + pages.external_page_count + pages.purgeable_count) * ::vm_page_size;
}
#else
std::size_t free_memory() { return read_bytes("/proc/meminfo", "MemAvailable:"); }
#endif

}  // namespace

std::size_t memory_left(std::size_t of_host, double of_group) {
  if (of_group == kUnlimited) return of_host;
  const auto group = static_cast<std::size_t>(std::max(of_group, 1.0));  // 0 would be: it does not say
  return of_host == 0 ? group : std::min(of_host, group);
}

std::size_t available_for_files() { return memory_left(free_memory(), read_machine_limits().memory_left); }

std::size_t available_memory() {
  const std::size_t left = available_for_files();
  rlimit addresses{};
  if (::getrlimit(RLIMIT_AS, &addresses) != 0 || addresses.rlim_cur == RLIM_INFINITY) return left;
  const std::size_t mapped = read_bytes("/proc/self/status", "VmSize:");
  return memory_left(left,
                     std::max(0.0, static_cast<double>(addresses.rlim_cur) - static_cast<double>(mapped)));
}

std::size_t peak_memory() {
#ifdef __APPLE__
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::size_t>(usage.ru_maxrss) : 0;
#else
  return read_bytes("/proc/self/status", "VmHWM:");
#endif
}

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

void require_memory(std::string_view what, std::size_t bytes, std::string_view hint) {
  const std::size_t available = available_memory();
  if (available != 0 && bytes > available)
    throw Error(what, fmt::format("{} MiB of free memory", bytes >> 20),
                fmt::format("{} MiB", available >> 20), hint);
}

}  // namespace rw
