// SPDX-License-Identifier: Apache-2.0
#include "train/export_target.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/json.h"
#include "core/output_file.h"
#include "core/text_file.h"
#include "train/export_gguf.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

bool is_anything(const std::string& path) {
  std::error_code none;
  return fs::exists(fs::symlink_status(path, none));
}

/// Where a path leads, there or not.
fs::path resolved(const std::string& path) {
  std::error_code none;
  return fs::weakly_canonical(fs::absolute(behind_links(path), none), none);
}

/// Whether `path` is `folder`, or in it.
bool is_in(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end();
}

/// The names that an export listed; empty where none did.
std::set<std::string> files_listed_in(const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, kExportList);
  std::set<std::string> names;
  std::error_code none;
  if (!fs::is_regular_file(fs::symlink_status(path, none))) return names;
  try {
    const JsonInput list = parse_json(read_bytes(path, std::size_t{1} << 20), path);
    for (const JsonInput& name : list.at("files")) names.insert(name.get<std::string>());
  } catch (const std::exception&) {  // somebody else's
    names.clear();
  }
  return names;
}

/// Empty, or nothing in it that an export did not list.
bool is_own_folder(const std::string& folder) {
  const std::set<std::string> names = files_listed_in(folder);
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
    if (!names.contains(entry->path().filename().string())) return false;
  return !failed;
}

[[noreturn]] void refuse_other(const std::string& out, const char* expected) {
  throw Error(out, expected, "something else, which stays", "name another, or take that one away");
}

/// Errors: Error where the disk has not the room for a copy of the source.
void require_room(const ModelFile& source, const std::string& out) {
  std::error_code error;
  const fs::path above = resolved(out).parent_path();
  const fs::space_info space = fs::space(above, error);
  if (error) return;  // writing says what is wrong
  std::uintmax_t bytes = 0;
  for (const std::string& file : source.files()) bytes += fs::file_size(file, error);
  if (!error && space.available < bytes)
    throw Error(out, fmt::format("{} MB of free disk for the copy", bytes / 1000000 + 1),
                fmt::format("{} MB", space.available / 1000000),
                "make room, or name a place on another disk");
}

}  // namespace

void require_out(const ExportTarget& target, const ModelFile& source, const std::string& out) {
  const std::string place = "--out " + out;
  if (!target.folder && !out.ends_with(".gguf"))
    throw UsageError(place, "a file that ends in .gguf", "another name", "--out model-32k.gguf");
  if (target.folder && out.ends_with(".gguf"))
    throw UsageError(place, "a folder", "the name of a file",
                     fmt::format("--to {} writes a folder", target.name));
  const fs::path to = resolved(out);
  for (const std::string& file : source.files())
    if (is_in(resolved(file), to))
      throw UsageError(place, "a place for what is written that holds nothing of the model", file,
                       "choose another name");
  if (is_in(resolved(source.path()), to))
    throw UsageError(place, "a place for what is written", "the model itself", "choose another name");
  std::error_code none;
  const fs::file_status there = fs::status(out, none);
  if (is_anything(out)) {
    if (target.folder && !(fs::is_directory(there) && is_own_folder(out)))
      refuse_other(out, "the name of a new folder, or of one that export wrote");
    if (!target.folder && !(fs::is_regular_file(there) && is_exported_gguf(out)))
      refuse_other(out, "the name of a new file, or of one that export wrote");
  }
  require_room(source, out);
}

void write_export_list(const OutputFolder& folder, const ExportRequest& request,
                       std::vector<std::string> files) {
  files.emplace_back(kExportList);
  const Json list{{"ropewalk", "export"},
                  {"method", request.method.text()},
                  {"length", request.context.n},
                  {"files", files}};
  folder.write(kExportList, dump_json(list, 2) + "\n");
}

}  // namespace rw
