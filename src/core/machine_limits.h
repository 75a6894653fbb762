// SPDX-License-Identifier: Apache-2.0
/// What the system lets this process use: a container's limits (Linux control groups, version 1 and 2), which
/// the numbers of the host (/proc/meminfo, the count of cores) do not show.
#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace rw {

/// The text of a file, or nothing where it cannot be read. Tests give a made-up file system.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

/// Of a file of the system, which says no size: at most 1 MiB of it.
std::optional<std::string> read_system_file(const std::string& path);

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// cpu.max of version 2, "200000 100000" or "max 100000": microseconds in each period. The cores that they
/// are, kUnlimited for "max" and for text that is no such pair.
double cores_of_cpu_max(std::string_view text);
/// cpu.cfs_quota_us and cpu.cfs_period_us of version 1; a quota of -1 is none.
double cores_of_quota(std::string_view quota, std::string_view period);
/// memory.max or memory.limit_in_bytes: bytes, kUnlimited for "max", for text that is no number, and from
/// 2^60 on (version 1 writes the largest number that it has).
double bytes_of_limit(std::string_view text);

/// The limits of this process's groups and of all groups above them, as far as they are mounted. Every file
/// that is missing or not understood limits nothing.
struct MachineLimits {
  double cores = kUnlimited;        ///< processor time in each second, in seconds
  double memory_left = kUnlimited;  ///< bytes: limit - (usage - what the kernel can take back at once)
};
MachineLimits read_machine_limits(const ReadText& read = read_system_file);

/// Threads that are worth starting: the cores that the process may run on (cpusets are among what
/// sched_getaffinity says), and no more than `limit`, rounded up; at least 1.
int usable_cores(int allowed, double limit);

}  // namespace rw
