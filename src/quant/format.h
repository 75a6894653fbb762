// SPDX-License-Identifier: Apache-2.0
/// The weight formats: one file each in formats/, registered by format.cpp; block.h says what a file holds.
#pragma once
#include <cstddef>
#include <string>

#include "core/registry.h"
#include "core/types.h"

namespace rw {

/// A way to store a row of weights as blocks of equal size.
struct WeightFormat {
  std::string name;      ///< "F32", "Q4_1" ... as GGUF names it, or safetensors
  int ggml_type = -1;    ///< id in GGUF files; below 0 where they have it not
  Index block_size = 1;  ///< weights in a block
  Index block_bytes = 0;
  /// out[0 .. n) = the n weights stored at `blocks`. REQUIRES: n is a multiple of block_size. `blocks`
  /// need not be aligned. This is the definition: scalar, exact, equal to the `gguf` package to the bit.
  void (*dequantize)(const std::byte* blocks, float* out, Index n) = nullptr;
};

/// nullptr when no file of this folder has that GGUF type id.
const WeightFormat* find_weight_format(std::uint32_t ggml_type);

}  // namespace rw
