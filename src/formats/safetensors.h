// SPDX-License-Identifier: Apache-2.0
/// safetensors: u64 header length, a JSON header {name: {dtype, shape, data_offsets}}, tensor data.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "formats/model_file.h"

namespace rw {

/// The tensors, in file order, with their own names. Rules of the format are all checked: offsets contiguous
/// from 0 to the end of the file without holes or overlaps, sizes equal to shape x dtype, keys unique.
/// Stricter than the format in one thing: a tensor without elements, which no model computes with, is
/// refused. Errors: Error. `bytes` must outlive the result.
std::vector<TensorInfo> parse_safetensors(std::span<const std::byte> bytes, const std::string& place);

}  // namespace rw
