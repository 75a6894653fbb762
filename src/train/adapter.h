// SPDX-License-Identifier: Apache-2.0
/// Low-rank pairs as an adapter that PEFT puts on the model in transformers.
#pragma once
#include <optional>
#include <string>

#include "core/output_folder.h"
#include "methods/file_settings.h"
#include "train/parameters.h"

namespace rw {

struct AdapterOptions {
  /// base_model_name_or_path: a folder, or a name on a hub; empty: the source's, as a whole path.
  std::string base = {};
  /// A method that the pairs were trained under. PEFT has no place for it: base_config.json holds the keys
  /// that the base model's config.json needs.
  std::optional<FileSettings> settings = {};
};

/// Writes a folder, in place of another where `existing` says so: adapter_config.json (LORA, r, lora_alpha,
/// target_modules), and adapter_model.safetensors, float32, with "base_model.model." before and
/// ".lora_A.weight" or
/// ".lora_B.weight" behind each module's name. Rows of B are as the folder of the model orders those of W.
/// From a folder, modules are named as it names them; from a GGUF as folders of the families whose modules
/// are called like Llama's. Errors: Error for a model without pairs, fused modules (their parts cannot have
/// pairs of their own), and a GGUF of a family whose folders are named otherwise.
void write_adapter(const LearningModel& model, const AdapterOptions& options, const std::string& folder,
                   Existing existing = Existing::kRefused);
/// Writes nothing. Errors: those of write_adapter that do not come from values or the disk: what is trained
/// would have no adapter.
void require_adapter(const LearningModel& model);

}  // namespace rw
