// SPDX-License-Identifier: Apache-2.0
#include "formats/model_path.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "core/error.h"
#include "formats/gguf_split.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

/// Sorted names in a folder for which `wanted` holds.
template <class Wanted>
std::vector<std::string> names_in(const fs::path& folder, const Wanted& wanted) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (const std::string name = entry->path().filename().string(); wanted(name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void fail_several(const std::string& folder, const std::vector<std::string>& names) {
  throw Error(folder, "one model",
              fmt::format("{}: {}", names.size(),
                          fmt::join(names.begin(),
                                    names.begin() + std::min<std::ptrdiff_t>(8, std::ssize(names)), ", ")),
              "name one of them");
}

/// refs/main names a folder of snapshots/: a plain name, since it is data.
std::string main_revision(const fs::path& root) {
  std::error_code none;
  if (!fs::is_regular_file(root / "refs" / "main", none)) return "";  // a pipe would be waited for
  std::ifstream in(root / "refs" / "main");
  std::string revision;
  in >> revision;
  const bool plain = !revision.empty() && revision[0] != '.' && revision.size() <= 128 &&
                     revision.find('/') == std::string::npos;
  std::error_code ignored;
  return plain && fs::is_directory(root / "snapshots" / revision, ignored) ? revision : "";
}

std::string find_snapshot(const std::string& root) {
  if (const std::string revision = main_revision(root); !revision.empty())
    return fmt::format("{}/snapshots/{}", root, revision);
  const auto names = names_in(fs::path(root) / "snapshots", [](const std::string& n) { return n[0] != '.'; });
  if (names.size() > 1) fail_several(root + "/snapshots", names);
  if (names.empty())
    throw Error(root, "a downloaded revision in snapshots/", "none", "download the model first");
  return fmt::format("{}/snapshots/{}", root, names[0]);
}

/// Of a folder without a model: what it has instead, where that is known. Errors: Error.
void tell_other_folder(const std::string& folder) {
  std::error_code ignored;
  if (fs::exists(fs::path(folder) / "adapter_config.json", ignored))
    throw Error(folder, "a model", "an adapter, which lies beside one",
                "the whole model is model.gguf or a folder with config.json");
  const auto models = names_in(folder, [&](const std::string& name) {
    return fs::is_regular_file(fs::path(folder) / name / "model.gguf", ignored);
  });
  if (!models.empty())
    throw Error(folder, "a model", fmt::format("folders of some: {}", fmt::join(models, ", ")),
                fmt::format("{}/{}", folder, models[0]));
}

/// The only GGUF model of a folder; the folder itself where there is none.
std::string find_gguf(const std::string& folder) {
  const auto names = names_in(folder, [](const std::string& n) { return n.ends_with(".gguf"); });
  if (names.empty()) return tell_other_folder(folder), folder;
  const std::string set = split_prefix(names[0]);
  const bool one_set = !set.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return split_prefix(name) == set;
  });
  if (names.size() > 1 && !one_set) fail_several(folder, names);
  return fmt::format("{}/{}", folder, names[0]);
}

/// The folder whose config.json or weights were named; empty where it is none.
std::string folder_of(const fs::path& named) {
  std::error_code ignored;
  const std::string name = named.filename().string();
  if (name != "config.json" && name != "model.safetensors.index.json" && !name.ends_with(".safetensors"))
    return "";
  const fs::path folder = named.has_parent_path() ? named.parent_path() : fs::path(".");
  return fs::is_regular_file(named, ignored) && fs::exists(folder / "config.json", ignored) ? folder.string()
                                                                                            : "";
}

}  // namespace

std::string find_model(const std::string& path) {
  std::error_code ignored;
  if (std::string folder = folder_of(path); !folder.empty()) return folder;
  if (!fs::is_directory(path, ignored) || fs::exists(fs::path(path) / "config.json", ignored)) return path;
  std::string folder = path;
  const auto models = names_in(folder, [](const std::string& n) { return n.starts_with("models--"); });
  if (models.size() > 1) fail_several(folder, models);
  if (models.size() == 1) folder += "/" + models[0];
  if (fs::is_directory(fs::path(folder) / "snapshots", ignored)) folder = find_snapshot(folder);
  if (fs::exists(fs::path(folder) / "config.json", ignored)) return folder;
  return find_gguf(folder);
}

}  // namespace rw
