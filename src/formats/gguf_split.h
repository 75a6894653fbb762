// SPDX-License-Identifier: Apache-2.0
/// A model in several GGUF files, as llama.cpp's gguf-split writes them: NAME-00001-of-00003.gguf has the
/// metadata, the others split.no, split.count and tensors of their own.
#pragma once
#include <functional>
#include <memory>

#include "formats/model_file.h"

namespace rw {

using OpenGguf = std::function<std::unique_ptr<ModelFile>(const std::string& path)>;

/// `named`, opened from `path`, where it is the whole model; else all files of its set as one model,
/// whichever of them was named. `open` opens one of the others. Errors: Error that names the file that is
/// missing, is of another set or number, repeats a tensor or contradicts the metadata.
std::unique_ptr<ModelFile> join_gguf_split(std::unique_ptr<ModelFile> named, const std::string& path,
                                           const OpenGguf& open);

/// "NAME" of "NAME-00002-of-00003.gguf"; empty where the name does not end so.
std::string split_prefix(const std::string& path);

}  // namespace rw
