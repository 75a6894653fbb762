// SPDX-License-Identifier: Apache-2.0
/// quantization_config of a Hugging Face folder: how its matrices are packed.
#pragma once
#include "core/json.h"
#include "core/types.h"

namespace rw {

struct HfQuantisation {
  enum class Method { kNone, kFp8, kCompressedTensors, kGptq, kAwq };
  Method method = Method::kNone;
  Index group_size = 0;                     ///< GPTQ and AWQ: inputs that share a scale; 0: all
  bool zeros_less_one = false;              ///< GPTQ: what is stored is one less than the zero,
  bool words_less_ones = false;             ///< taken away from whole words, so that a zero of 0 borrows
  Index block_rows = 0, block_columns = 0;  ///< weights that share a scale where it has two such dimensions
};

/// Of the whole config.json. Errors: Error that names a way of quantising that is not read here.
HfQuantisation read_hf_quantisation(const JsonInput& config, const std::string& place);

}  // namespace rw
