// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "evaluation/run_info.h"

namespace rw {

std::vector<std::string> expand_texts(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code none;
    if (!fs::is_directory(path, none)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    std::size_t n_folders = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      n_folders += entry.is_directory(none);
      if (entry.is_regular_file(none) &&
          (entry.path().extension() == ".txt" || entry.path().extension() == ".md") &&
          entry.path().stem() != "README")  // speaks of the texts
        inside.push_back(entry.path().string());
    }
    if (n_folders > 0)
      say(fmt::format("{}: {} in it {} not read", printable(path), counted(n_folders, "folder"),
                      n_folders == 1 ? "is" : "are"));
    if (inside.empty()) throw Error(path, "a folder with .txt or .md files", "none", "name the files");
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::size_t bytes_of_documents(int n, Index length) {
  constexpr std::size_t kLeast = std::size_t{64} << 20, kBytesPerToken = 16;
  return std::max(kLeast,
                  static_cast<std::size_t>(n) * static_cast<std::size_t>(length + 1) * kBytesPerToken);
}

std::string piped(const std::vector<std::string>& inputs) {
  return std::find(inputs.begin(), inputs.end(), "-") == inputs.end()
             ? ""
             : "  # - was standard input: pipe it in";
}

void say_acting_layers(const ModelConfig& config) {
  static bool said = false;
  if (const std::string line = acting_layers_line(config); !line.empty() && !std::exchange(said, true))
    say(line);
}

double parse_seconds(const std::string& text, const char* option) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used > 0 && unit.empty() && value == 0) return 0;
  if (used == 0 || scale == 0 || !(value >= 0 && value < 1e7))
    throw UsageError(option, "a time such as 90s, 8m or 2h", "'" + text + "'",
                     used > 0 && unit.empty() ? "say its unit: " + text + "s or " + text + "m"
                                              : "s, m and h are its units; 0 is no limit");
  return value * scale;
}

}  // namespace rw
