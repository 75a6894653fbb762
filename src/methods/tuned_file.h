// SPDX-License-Identifier: Apache-2.0
/// MODEL.ropewalk.json, beside a model: what tune found for it, one setting for each length.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "methods/auto.h"

namespace rw {

struct TunedFile {
  std::string version, model;  ///< of the program that wrote it last; the model's name
  std::string model_id;        ///< identity of the model that it is for
  Index n_ctx_train = 0;
  std::vector<TunedSetting> settings = {};  ///< by length, ascending

  /// The setting of just this length, or null.
  const TunedSetting* at(Index length) const;
  /// Puts a setting in, in the place of an older one at the same length.
  void put(TunedSetting setting);
};

std::string tuned_path(const std::string& model_path);

/// nullopt: there is no such file. Errors: Error for what tune did not write (also what is no regular file,
/// or over 4 MiB), or a setting that this program does not understand.
std::optional<TunedFile> read_tuned(const std::string& path);

/// The file appears whole or not at all. Errors: Error.
void write_tuned(const std::string& path, const TunedFile& file);

}  // namespace rw
