// SPDX-License-Identifier: Apache-2.0
/// What the writers of model files share: types of weights, and a method said in the file.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/write_gguf.h"
#include "methods/file_settings.h"

namespace rw {

/// Errors: UsageError for what is neither empty nor F32, F16, BF16 or, in a GGUF, Q8_0.
void require_written_type(const std::string& type, bool gguf);
/// Errors: Error where the type cannot be written, or the rows are no multiple of its block.
void require_rows_fit(const std::string& tensor, const std::vector<Index>& shape, const std::string& type);

/// general.file_type of llama.cpp for one of the types.
std::uint32_t gguf_file_type(const std::string& type);
/// The settings in place of the scaling that `keys` say. Errors: UsageError where a GGUF cannot say them.
void set_gguf_settings(const FileSettings& settings, const std::string& arch, std::vector<GgufKey>& keys);
/// WriteOptions::general in place of what `keys` say.
void set_gguf_general(const std::vector<std::pair<std::string, std::string>>& general,
                      std::vector<GgufKey>& keys);
/// write_gguf with rope_freqs.weight behind the others, where it is not empty.
void write_gguf_with_freqs(const std::string& path, std::span<const GgufKey> keys,
                           std::vector<TensorToWrite> tensors, const TensorSource& source,
                           std::span<const float> rope_freqs);
/// The settings in place of what a config.json says of RoPE and its length. A multimodal one holds the
/// language model's numbers in text_config.
void set_config_settings(const FileSettings& settings, Json& config);
/// The same of its text. `place`: for messages. Errors: Error for no JSON.
std::string config_saying(const std::string& text, const std::string& place, const FileSettings& settings);
/// Errors: UsageError where config.json cannot say the settings.
void require_config_settings(const FileSettings& settings);

}  // namespace rw
