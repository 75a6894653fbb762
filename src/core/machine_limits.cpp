// SPDX-License-Identifier: Apache-2.0
#include "core/machine_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

namespace rw {
namespace {

/// A whole number at the text's start, with nothing but white space behind it.
std::optional<double> whole_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && text.front() != '-') return kUnlimited;
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

bool lists(const std::string& comma_separated, std::string_view name) {
  std::istringstream in(comma_separated);
  for (std::string one; std::getline(in, one, ',');)
    if (one == name) return true;
  return false;
}

/// This process's group in the hierarchy of `controller` ("" for version 2), from /proc/self/cgroup.
std::optional<std::string> group_path(const std::string& text, std::string_view controller) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

/// A mounted hierarchy: where it stands, and which of its groups is seen there.
struct Mount {
  std::string root, point;
};

/// From /proc/self/mountinfo: "31 23 0:28 ROOT POINT options - TYPE source CONTROLLERS".
std::optional<Mount> find_mount(const std::string& text, std::string_view controller) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> words = words_of(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const std::string& type = dash[1];
    if (controller.empty() ? type == "cgroup2" : type == "cgroup" && lists(dash[3], controller))
      return Mount{words[3], words[4]};
  }
  return std::nullopt;
}

/// The folders of this process's group and of those above it, up to the mount. A container sees its own group
/// as the mount's root, and may be told a path outside of it: then the mount itself is its group.
std::vector<std::string> group_folders(const Mount& mount, std::string path) {
  if (mount.root != "/" && (path + "/").rfind(mount.root + "/", 0) == 0) path.erase(0, mount.root.size());
  if (path.find("..") != std::string::npos) path.clear();
  std::vector<std::string> folders;
  while (!path.empty() && path != "/") {
    folders.push_back(mount.point + (path[0] == '/' ? "" : "/") + path);
    path.erase(std::min(path.rfind('/'), path.size()));
  }
  folders.push_back(mount.point);
  return folders;
}

/// The number behind `key` in lines "key number" (memory.stat), 0 where there is none.
double stat_value(const std::string& text, std::string_view key) {
  std::istringstream in(text);
  double value = 0;
  for (std::string word; in >> word && in >> value;)
    if (word == key) return value;
  return 0;
}

struct Reader {
  const ReadText& read;
  std::string groups, mounts;

  std::string text(const std::string& path) const { return read(path).value_or(""); }
  std::vector<std::string> folders(std::string_view controller) const {
    const std::optional<std::string> path = group_path(groups, controller);
    const std::optional<Mount> mount = find_mount(mounts, controller);
    return path && mount ? group_folders(*mount, *path) : std::vector<std::string>{};
  }
  /// What is left of a limit: pages of files can be taken back, as in the host's MemAvailable. `all`: the
  /// prefix of sums over a group and those below it.
  double left(const std::string& folder, const char* limit, const char* usage, const std::string& all) const {
    const double bytes = bytes_of_limit(text(folder + "/" + limit));
    if (bytes == kUnlimited) return kUnlimited;
    const std::string stat = text(folder + "/memory.stat");
    const double used = whole_number(text(folder + "/" + usage)).value_or(0) -
                        stat_value(stat, all + "inactive_file") - stat_value(stat, all + "active_file");
    return std::max(0.0, bytes - std::max(0.0, used));
  }
};

}  // namespace

std::optional<std::string> read_system_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(std::size_t{1} << 20, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return text;
}

double cores_of_quota(std::string_view quota, std::string_view period) {
  const std::optional<double> time = whole_number(quota), every = whole_number(period);
  return time && every && *time > 0 && *every > 0 ? *time / *every : kUnlimited;
}

double cores_of_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return kUnlimited;
  return cores_of_quota(text.substr(0, space), text.substr(space + 1));
}

double bytes_of_limit(std::string_view text) {
  constexpr double kNone = 1152921504606846976.0;  // 2^60
  const std::optional<double> bytes = whole_number(text);
  return bytes && *bytes >= 0 && *bytes < kNone ? *bytes : kUnlimited;
}

MachineLimits read_machine_limits(const ReadText& read) {
  Reader reader{read, read("/proc/self/cgroup").value_or(""), read("/proc/self/mountinfo").value_or("")};
  MachineLimits limits;
  for (const std::string& folder : reader.folders("")) {
    limits.cores = std::min(limits.cores, cores_of_cpu_max(reader.text(folder + "/cpu.max")));
    limits.memory_left =
        std::min(limits.memory_left, reader.left(folder, "memory.max", "memory.current", ""));
  }
  for (const std::string& folder : reader.folders("cpu"))
    limits.cores = std::min(limits.cores, cores_of_quota(reader.text(folder + "/cpu.cfs_quota_us"),
                                                         reader.text(folder + "/cpu.cfs_period_us")));
  for (const std::string& folder : reader.folders("memory"))
    limits.memory_left = std::min(
        limits.memory_left, reader.left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"));
  return limits;
}

int usable_cores(int allowed, double limit) {
  if (limit >= allowed) return std::max(1, allowed);
  return std::max(1, static_cast<int>(std::ceil(limit)));
}

}  // namespace rw
