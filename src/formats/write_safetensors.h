// SPDX-License-Identifier: Apache-2.0
/// Writes a safetensors file: u64 length of the header, the header (JSON, padded with spaces to 8 bytes),
/// data.
#pragma once
#include <span>
#include <string>

#include "formats/write_tensors.h"

namespace rw {

/// A file, whole or not at all (core/output_file.h), with the metadata {"format": "pt"}, which transformers
/// asks for. Types are safetensors' ("BF16"). Larger types must stand first, as in the format's own writer,
/// so that data are aligned for readers that map the file: sort with safetensors_before. Errors: Error where
/// it cannot be written; LogicError where a source gives more or fewer bytes than its type and shape take.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const TensorSource& source);

/// The order of the format's own writer: larger types first, then names.
bool safetensors_before(const TensorToWrite& a, const TensorToWrite& b);

}  // namespace rw
