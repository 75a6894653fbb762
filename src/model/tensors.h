// SPDX-License-Identifier: Apache-2.0
/// Which tensors a model computes with, and of which shape.
#pragma once
#include "model/config.h"

namespace rw {

struct NeededTensor {
  std::string name;
  std::vector<Index> shape;
};
/// Every tensor that the forward reads, in the order of the model, each once.
std::vector<NeededTensor> needed_tensors(const ModelConfig& config);

/// Every tensor that the forward reads must be there, of the shape that the numbers of the file give and of a
/// weight type that is computed with; every tensor of the file must be one of them: a model with more is
/// refused, never run wrongly. Reads no weights. Errors: Error that names the tensor.
void check_tensors(const ModelFile& file, const ModelConfig& config);

}  // namespace rw
