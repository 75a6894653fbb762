// SPDX-License-Identifier: Apache-2.0
/// A model with new weights as a file or a folder that this engine, llama.cpp and transformers read.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/output_folder.h"
#include "methods/file_settings.h"
#include "model/model.h"
#include "train/new_weights.h"

namespace rw {

struct WriteOptions {
  /// Of new weights: "F32", "F16", "BF16"; of a GGUF's matrices "Q8_0" too. Empty: as the source has them.
  std::string type = {};
  /// A method that the file says of itself; nullopt: what the source says.
  std::optional<FileSettings> settings = {};
  /// What a GGUF says of itself: general.name, general.description, general.license. A folder has no such
  /// place.
  std::vector<std::pair<std::string, std::string>> general = {};
};

/// Whether the source is a GGUF: the container in which its copies are always written.
bool is_gguf(const Model& source);

/// Before it is trained. Errors: those of write_model, in the container of the source, that do not come from
/// values, settings or the disk.
void require_writable(const LearningModel& learning, const std::string& type);

/// Writes the source with `weights` in place of its own: to a GGUF file where `path` ends in .gguf, else to a
/// new folder. Containers are kept, names, fused tensors, pairing and offsets too, and what is not new is
/// copied: all keys of a GGUF; of a folder config.json, tokenizer and other files of its configuration. Of a
/// model of Llama's kind with a byte-level BPE tokenizer the container may be the other one
/// (train/llama_containers.h). A file or a folder is there whole or not at all; what is there by that name
/// stays until then: a file is replaced, a folder where `existing` says so. Errors: Error that names what
/// cannot be written; a UsageError for the type, and where the container cannot say the settings.
void write_model(const Model& source, const NewWeights& weights, const WriteOptions& options,
                 const std::string& path, Existing existing = Existing::kRefused);

}  // namespace rw
