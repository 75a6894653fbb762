// SPDX-License-Identifier: Apache-2.0
/// Which model it is: what results and tuned settings are kept under.
#pragma once
#include <string>

#include "formats/model_file.h"

namespace rw {

/// 64 hexadecimal digits, the same for the same model under another path. SHA-256 over
/// - all metadata of a GGUF file, its tokenizer included; of a folder the files of its configuration and
///   tokenizer, whole (not README.md and what else lies there);
/// - the name, type, shape and size of every tensor;
/// - the weights: all of them where they take up to 64 MiB; else the first, the middle and the last 4 KiB of
///   every tensor, so that 40 GB take a second and not a minute.
/// Seen are therefore another quantisation, fine-tune or merge (it changes blocks everywhere), and a changed
/// norm or bias vector (read whole). Not seen is a change of single weights between the samples: for that,
/// and to compare with what a hub says of a file, take `inspect --sha256`. Split and joined GGUF files of one
/// model are one model. Versions up to 0.1.0 hashed whole files: their results are not continued. Errors:
/// Error when a file cannot be read. Any thread.
std::string model_id(const ModelFile& file);

}  // namespace rw
