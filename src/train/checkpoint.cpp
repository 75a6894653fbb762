// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/bytes.h"
#include "core/checked.h"
#include "core/hash.h"
#include "core/output_folder.h"
#include "core/tell.h"
#include "formats/mapped_file.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-", kManifest = "manifest.json";
constexpr Index kMostSteps = 1'000'000'000'000;
constexpr const char* kDamaged =
    "it was damaged after it was written; take this folder away to go on from the checkpoint before";

std::string folder_of_step(const std::string& folder, Index step) {
  return fmt::format("{}/{}{:06}", folder, kPrefix, step);
}

/// nullopt for what no checkpoint is called.
std::optional<Index> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return {};
  const std::string digits = name.substr(kPrefix.size());
  if (digits.size() < 6 || digits.size() > 12 || digits.find_first_not_of("0123456789") != digits.npos)
    return {};
  const Index step = std::stoll(digits);
  if (fmt::format("{:06}", step) != digits) return {};
  return step;
}

/// A name from a manifest is data: of a file of this folder, and no other.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name[0] != '.' && name != kManifest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

std::string hash_of(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.text();
}

/// Nobody takes it for a checkpoint from the first moment on.
void take_away(const std::string& path) {
  std::error_code error;
  const std::string dying = name_while_written(path);
  fs::remove_all(dying, error);
  fs::rename(path, dying, error);
  if (!error) fs::remove_all(dying, error);
}

/// The step of a private name with this ending (core/output_folder.h).
std::optional<Index> step_of_private(const std::string& name, std::string_view ending) {
  if (!name.starts_with('.') || !name.ends_with(ending)) return {};
  return step_of(name.substr(1, name.size() - 1 - ending.size()));
}

/// A folder by a checkpoint's name that has none in it is somebody's own: no checkpoint ever has its name
/// without its manifest.
bool is_written(const std::string& path) {
  std::error_code none;
  return fs::exists(fs::path(path) / kManifest, none);
}

/// What killed processes left, by names that are ours alone. Where a file system has no swap, a checkpoint
/// that was set aside gets its name again where there is no other of its step.
void clean(const std::string& folder) {
  std::error_code none;
  std::vector<fs::path> left;
  std::vector<Index> aside;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (const auto step = step_of_private(name, kEndSetAside)) aside.push_back(*step);
    if (step_of_private(name, kEndWhileWritten) || step_of_private(name, kEndSetAside))
      left.push_back(entry.path());
  }
  for (const Index step : aside) return_set_aside(folder_of_step(folder, step));
  for (const fs::path& path : left) fs::remove_all(path, none);
}

}  // namespace

void write_checkpoint(const std::string& folder, Index step, std::span<const CheckpointFile> files,
                      const Json& about, int keep) {
  RW_CHECK(step >= 0 && step < kMostSteps && keep >= 1);
  std::error_code error;
  fs::create_directories(folder, error);
  clean(folder);
  const std::string path = folder_of_step(folder, step);
  if (fs::exists(fs::symlink_status(path, error)) && !is_written(path))
    throw Error(path, "a checkpoint, or nothing by that name", "something without manifest.json",
                "move it away, and go on with --resume");
  OutputFolder out(path, Existing::kReplaced);
  Json listed = Json::object();
  for (const CheckpointFile& file : files) {
    RW_CHECK(is_plain_name(file.name) && !listed.contains(file.name));
    out.write(file.name, {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()});
    listed[file.name] = {{"bytes", file.bytes.size()}, {"sha256", hash_of(file.bytes)}};
  }
  Json manifest{{"format", 1}, {"step", step}, {"about", about}, {"files", listed}};
  manifest["sha256"] = sha256(dump_json(JsonInput::parse(dump_json(manifest))));
  out.write(kManifest, dump_json(manifest, 1) + "\n");
  out.commit();
  std::vector<Index> steps = checkpoint_steps(folder);
  std::erase_if(steps, [&](Index other) { return !is_written(folder_of_step(folder, other)); });
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < steps.size(); ++i)
    if (steps[i] != step) take_away(folder_of_step(folder, steps[i]));
}

CheckpointManifest parse_checkpoint_manifest(std::string_view text, const std::string& place) {
  const auto refuse = [&](std::string_view expected, std::string_view found) {
    throw Error(place, expected, found, kDamaged);
  };
  JsonInput manifest = parse_json(text, place, 16u << 20, 8);
  const auto own = manifest.is_object() ? manifest.find("sha256") : manifest.end();
  if (own == manifest.end() || !own->is_string()) refuse("the hash of the manifest in it", "none");
  const std::string said = own->get<std::string>();
  manifest.erase("sha256");
  if (const std::string found = sha256(dump_json(manifest)); found != said)
    refuse("the manifest that was written (SHA-256 " + said.substr(0, 16) + ")", found.substr(0, 16));
  const auto number = [&](const JsonInput& object, const char* key, Index most) {
    const auto value = object.is_object() ? object.find(key) : object.end();
    if (value == object.end() || !value->is_number_unsigned())
      refuse(fmt::format("a whole number {}", key), "none");
    return Checked(value->get<std::uint64_t>(), place).in(0, most);
  };
  CheckpointManifest result;
  if (number(manifest, "format", 1) != 1) refuse("format 1", "another");
  result.step = number(manifest, "step", kMostSteps);
  if (!manifest.contains("about") || !manifest["about"].is_object() || !manifest.contains("files") ||
      !manifest["files"].is_object())
    refuse("about and files", "something else");
  result.about = manifest["about"];
  for (const auto& [name, entry] : manifest["files"].items()) {
    if (!is_plain_name(name)) refuse("plain names of files", "'" + name.substr(0, 80) + "'");
    const Index bytes = number(entry, "bytes", Index{1} << 60);
    if (!entry.contains("sha256") || !entry["sha256"].is_string()) refuse("a hash of " + name, "none");
    result.files[name] = {static_cast<std::size_t>(bytes), entry["sha256"].get<std::string>()};
  }
  return result;
}

Checkpoint::Checkpoint(std::string path) : path_(std::move(path)) {
  const std::string place = fmt::format("{}/{}", path_, kManifest);
  {
    const MappedFile file(place);
    manifest_ = parse_checkpoint_manifest(
        {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, place);
  }
  if (step_of(fs::path(path_).filename().string()).value_or(step()) != step())
    throw Error(place, "the step that the folder is called by", fmt::format("{}", step()), kDamaged);
  for (const auto& [name, file] : manifest_.files) read(name, {});
}

const CheckpointManifest::Entry& Checkpoint::entry(const std::string& name) const {
  const auto found = manifest_.files.find(name);
  if (found == manifest_.files.end())
    throw Error(path_, "a file " + name, "none", "it is of another kind of run");
  return found->second;
}

void Checkpoint::read(const std::string& name, std::span<std::byte> to) const {
  const CheckpointManifest::Entry& said = entry(name);
  const std::string place = fmt::format("{}/{}", path_, name);
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(place, error))) throw Error(place, "a file", "none", kDamaged);
  const MappedFile file(place);
  if (file.bytes().size() != said.bytes)
    throw Error(place, fmt::format("{} bytes", said.bytes), fmt::format("{}", file.bytes().size()), kDamaged);
  if (const std::string found = hash_of(file.bytes()); found != said.sha256)
    throw Error(place, "the bytes that were written (SHA-256 " + said.sha256.substr(0, 16) + ")",
                found.substr(0, 16), kDamaged);
  if (to.empty()) return;
  if (to.size() != said.bytes)
    throw Error(place, fmt::format("{} bytes", to.size()), fmt::format("{}", said.bytes),
                "the checkpoint is of a model of another size, or of another optimizer");
  copy_bytes(to.data(), file.bytes().data(), to.size());
}

std::vector<Index> checkpoint_steps(const std::string& folder) {
  std::vector<Index> steps;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    auto step = step_of(name);
    if (!step) step = step_of_private(name, kEndSetAside);
    if (step && entry.is_directory(none)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

std::string checkpoint_path(const std::string& folder, Index step) {
  const std::string path = folder_of_step(folder, step), aside = name_set_aside(path);
  std::error_code none;
  return !fs::exists(fs::symlink_status(path, none)) && fs::is_directory(aside, none) ? aside : path;
}

std::optional<Checkpoint> latest_checkpoint(const std::string& folder, bool older_too) {
  std::optional<Error> newest;
  std::vector<Index> steps = checkpoint_steps(folder);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) try {
      return Checkpoint(checkpoint_path(folder, *step));
    } catch (const Error& e) {
      if (!older_too) throw;
      tell("{}\n", e.what());
      if (!newest) newest = e;
    }
  if (newest) throw Error(*newest);
  return {};
}

}  // namespace rw
