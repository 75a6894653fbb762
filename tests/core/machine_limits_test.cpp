// SPDX-License-Identifier: Apache-2.0
#include "core/machine_limits.h"

#include <gtest/gtest.h>

#include <map>

namespace rw {
namespace {

using Files = std::map<std::string, std::string>;
MachineLimits limits_of(const Files& files) {
  return read_machine_limits([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

const char* const kMountV2 =
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(MachineLimits, ReadQuotas) {
  EXPECT_EQ(cores_of_cpu_max("200000 100000\n"), 2);
  EXPECT_EQ(cores_of_cpu_max("50000 100000\n"), 0.5);
  EXPECT_EQ(cores_of_quota("150000\n", "100000\n"), 1.5);
  for (const char* none :
       {"max 100000\n", "", "200000", "x 100000", "200000 0", "-1 100000", "200000 100000 7"})
    EXPECT_EQ(cores_of_cpu_max(none), kUnlimited) << none;
  EXPECT_EQ(cores_of_quota("-1\n", "100000\n"), kUnlimited);
}

TEST(MachineLimits, ReadBytes) {
  EXPECT_EQ(bytes_of_limit("2147483648\n"), 2147483648.0);
  EXPECT_EQ(bytes_of_limit("0\n"), 0);
  for (const char* none : {"max\n", "", "9223372036854771712\n", "99999999999999999999999\n", "-1\n", "2G\n"})
    EXPECT_EQ(bytes_of_limit(none), kUnlimited) << none;
}

TEST(MachineLimits, CoresAreRoundedUpAndNeverNone) {
  EXPECT_EQ(usable_cores(64, 2), 2);
  EXPECT_EQ(usable_cores(64, 1.5), 2);
  EXPECT_EQ(usable_cores(64, 0.1), 1);
  EXPECT_EQ(usable_cores(2, 8), 2);
  EXPECT_EQ(usable_cores(2, kUnlimited), 2);
  EXPECT_EQ(usable_cores(0, kUnlimited), 1);
}

TEST(MachineLimits, Version2InAContainer) {
  const MachineLimits found =
      limits_of({{"/proc/self/cgroup", "0::/\n"},
                 {"/proc/self/mountinfo", kMountV2},
                 {"/sys/fs/cgroup/cpu.max", "200000 100000\n"},
                 {"/sys/fs/cgroup/memory.max", "1000000000\n"},
                 {"/sys/fs/cgroup/memory.current", "600000000\n"},
                 {"/sys/fs/cgroup/memory.stat", "anon 7\ninactive_file 100000000\n"}});
  EXPECT_EQ(found.cores, 2);
  EXPECT_EQ(found.memory_left, 500000000);  // files that were read once can be forgotten
}

TEST(MachineLimits, Version2TakesTheStrictestGroupAbove) {
  const MachineLimits found = limits_of({{"/proc/self/cgroup", "0::/user.slice/a.scope\n"},
                                         {"/proc/self/mountinfo", kMountV2},
                                         {"/sys/fs/cgroup/user.slice/a.scope/cpu.max", "max 100000\n"},
                                         {"/sys/fs/cgroup/user.slice/a.scope/memory.max", "3000\n"},
                                         {"/sys/fs/cgroup/user.slice/cpu.max", "400000 100000\n"},
                                         {"/sys/fs/cgroup/user.slice/memory.max", "2000\n"},
                                         {"/sys/fs/cgroup/user.slice/memory.current", "2500\n"}});
  EXPECT_EQ(found.cores, 4);
  EXPECT_EQ(found.memory_left, 0);
}

/// The mount's root is the container's group; /proc/self/cgroup names it as the host does.
TEST(MachineLimits, Version1InAContainer) {
  const Files files{
      {"/proc/self/cgroup",
       "12:cpuset:/docker/ab\n5:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n"},
      {"/proc/self/mountinfo",
       "40 31 0:33 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro master:9 - cgroup cgroup rw,cpu,cpuacct\n"
       "41 31 0:34 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "5000\n"},
      {"/sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n"},
      {"/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n"}};
  EXPECT_EQ(limits_of(files).cores, 3);
  EXPECT_EQ(limits_of(files).memory_left, 4500);
}

TEST(MachineLimits, Version1OnAHost) {
  const MachineLimits found =
      limits_of({{"/proc/self/cgroup", "4:memory:/jobs/7\n1:cpu:/\n0::/\n"},
                 {"/proc/self/mountinfo",
                  "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                  "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                  "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
                 {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                 {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
                 {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
                 {"/sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes", "4096\n"}});
  EXPECT_EQ(found.cores, kUnlimited);
  EXPECT_EQ(found.memory_left, 4096);
}

TEST(MachineLimits, NothingThatCanBeReadLimitsNothing) {
  for (const Files& files :
       {Files{},
        Files{{"/proc/self/cgroup", "\n::\nx"}, {"/proc/self/mountinfo", "- \n1 2 3 - \na b c d e f - \n"}},
        Files{{"/proc/self/cgroup", "0::/../../etc\n"}, {"/proc/self/mountinfo", kMountV2}}}) {
    EXPECT_EQ(limits_of(files).cores, kUnlimited);
    EXPECT_EQ(limits_of(files).memory_left, kUnlimited);
  }
  read_machine_limits();  // of this machine, whatever it is
}

}  // namespace
}  // namespace rw
