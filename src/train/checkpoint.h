// SPDX-License-Identifier: Apache-2.0
/// Checkpoints: folders FOLDER/step-000123, each whole or not there, whatever moment a run is killed at.
///
/// A checkpoint is written into a temporary folder; its files, then manifest.json, which has the bytes and
/// the SHA-256 of each and of itself; all is written through to the disk, and the folder is renamed: where
/// one of that step is there already, both are swapped in one step. One that is taken away is renamed first.
/// Every other name than a checkpoint's is a private one (core/output_folder.h: .step-000123.ropewalk-new).
/// So what has the name of a checkpoint was whole once, and what is not as it was written says so by its
/// hashes.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/types.h"

namespace rw {

struct CheckpointFile {
  std::string name;  ///< letters, digits, . _ -
  std::span<const std::byte> bytes;
};

/// Writes the checkpoint of a step and then takes away all but the newest `keep`, and what killed processes
/// left. `about`: an object with what else the run needs to go on (seed, hash of its settings, place in its
/// data). One of that step that is there already is replaced, once the new one is whole. One process at a
/// time writes to a folder (core/folder_lock.h). A folder by a checkpoint's name without a manifest is
/// somebody's own, and stays. Errors: Error where it cannot be written, a full disk and such a folder in its
/// place included; the checkpoints that were there stay.
void write_checkpoint(const std::string& folder, Index step, std::span<const CheckpointFile> files,
                      const Json& about, int keep = 2);

/// What a manifest says.
struct CheckpointManifest {
  struct Entry {
    std::size_t bytes = 0;
    std::string sha256;
  };
  Index step = 0;
  JsonInput about;
  std::map<std::string, Entry> files;  ///< by plain names
};
/// Errors: Error naming `place` for what is no manifest as it was written.
CheckpointManifest parse_checkpoint_manifest(std::string_view text, const std::string& place);

class Checkpoint {
 public:
  /// Reads the manifest and every file. Errors: Error naming the file that is missing, or is not of the
  /// bytes or the hash that were written.
  explicit Checkpoint(std::string path);

  const std::string& path() const { return path_; }
  Index step() const { return manifest_.step; }
  const JsonInput& about() const { return manifest_.about; }
  bool has(const std::string& name) const { return manifest_.files.contains(name); }
  std::size_t n_bytes(const std::string& name) const { return entry(name).bytes; }
  /// A file's bytes into memory of the same size; they are checked once more. Errors: Error, by its name.
  void read(const std::string& name, std::span<std::byte> to) const;

 private:
  const CheckpointManifest::Entry& entry(const std::string& name) const;
  std::string path_;
  CheckpointManifest manifest_;
};

/// Steps of the folder's checkpoints, the oldest first; none where there is no such folder. Reads alone: one
/// that was set aside (core/output_folder.h) counts, and gets its name again with the next that is written.
std::vector<Index> checkpoint_steps(const std::string& folder);
/// Where the checkpoint of such a step lies.
std::string checkpoint_path(const std::string& folder, Index step);

/// The newest checkpoint; nullopt where there is none. Errors: Error where it is damaged, unless `older_too`:
/// then that is told on standard error, and the one before is tried; the Error of the newest where none is
/// whole.
std::optional<Checkpoint> latest_checkpoint(const std::string& folder, bool older_too = false);

}  // namespace rw
