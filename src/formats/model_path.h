// SPDX-License-Identifier: Apache-2.0
/// What a user may name as a model: a GGUF file, a folder with config.json, and folders that hold one of
/// these.
#pragma once
#include <string>

namespace rw {

/// The GGUF file or folder with config.json that `path` means. Followed are: a model in the Hugging Face
/// cache (models--OWNER--NAME: the revision in refs/main, else the only one in snapshots/), the cache itself
/// with one model in it, a folder with one GGUF model (one file, or the files of one split set), and
/// config.json or a .safetensors file, which stand for their folder. Any other path comes back as it is.
/// Errors: Error that lists the candidates where there are several.
std::string find_model(const std::string& path);

}  // namespace rw
