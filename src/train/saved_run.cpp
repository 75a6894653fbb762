// SPDX-License-Identifier: Apache-2.0
#include "train/saved_run.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "core/hash.h"
#include "core/json.h"
#include "core/output_folder.h"
#include "core/text_file.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "checkpoint-";

std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// Oldest first.
std::vector<fs::path> checkpoints(const std::string& folder) {
  std::vector<fs::path> paths;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.size() == kPrefix.size() + 9 && name.starts_with(kPrefix) &&
        name.find_first_not_of("0123456789", kPrefix.size()) == name.npos)
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// What the manifest says, or an Error that names the file.
std::string checked_bytes(const fs::path& path, const JsonInput& manifest, const std::string& name) {
  const std::string place = path / name;
  std::string bytes = read_bytes(place);
  const std::string expected = manifest.at("files").at(name).get<std::string>();
  if (const std::string found = sha256(bytes); found != expected)
    throw Error(place, "the bytes that were written (SHA-256 " + expected.substr(0, 16) + ")",
                found.substr(0, 16),
                "damaged since; take " + path.string() + " away to go on from the one before");
  return bytes;
}

}  // namespace

void save_run(const std::string& folder, const TrainerState& state, const std::string& of) {
  const std::string path = fmt::format("{}/{}{:09}", folder, kPrefix, state.step);
  std::error_code none;
  if (fs::exists(path, none)) return;  // this very state: a run that ended where it was saved
  OutputFolder out(path);
  Json files = Json::object();
  for (const StateArray& array : state.arrays) {
    out.write(array.name + ".f32", bytes_of(array.values));
    files[array.name + ".f32"] = sha256(bytes_of(array.values));
  }
  const std::string run = dump_json({{"step", state.step}, {"recent", state.recent}, {"of", of}}, 1) + "\n";
  out.write("run.json", run);
  files["run.json"] = sha256(run);
  out.write("manifest.json", dump_json({{"files", files}}, 1) + "\n");
  out.commit();
  std::vector<fs::path> all = checkpoints(folder);
  for (std::size_t i = 0; i + 2 < all.size(); ++i) fs::remove_all(all[i], none);
}

std::string newest_checkpoint(const std::string& folder) {
  const std::vector<fs::path> all = checkpoints(folder);
  return all.empty() ? "" : all.back().string();
}

std::optional<std::string> resume_run(const std::string& folder, Trainer& trainer) {
  const std::string newest = newest_checkpoint(folder);
  if (newest.empty()) return std::nullopt;
  const fs::path path = newest;
  const std::string manifest_place = path / "manifest.json";
  try {
    const JsonInput manifest = parse_json(read_bytes(manifest_place), manifest_place);
    const JsonInput run = parse_json(checked_bytes(path, manifest, "run.json"), (path / "run.json").string());
    std::vector<std::pair<std::span<float>, std::string>> read;  // all are checked before the first is taken
    for (const StateArray& array : trainer.state().arrays) {
      std::string bytes = checked_bytes(path, manifest, array.name + ".f32");
      if (bytes.size() != array.values.size_bytes())
        throw Error((path / (array.name + ".f32")).string(), fmt::format("{} bytes", array.values.size_bytes()),
                    fmt::format("{}", bytes.size()));
      read.emplace_back(array.values, std::move(bytes));
    }
    for (auto& [values, bytes] : read) std::memcpy(values.data(), bytes.data(), bytes.size());
    trainer.go_on_from(run.at("step").get<Index>(), run.at("recent").get<std::vector<double>>());
    return run.at("of").get<std::string>();
  } catch (const JsonInput::exception& e) {
    throw Error(newest, "what a checkpoint holds", e.what());
  }
}

}  // namespace ropewalk
