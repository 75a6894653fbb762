// SPDX-License-Identifier: Apache-2.0
/// The matrices of a layer by the tensors that hold them, and how each learns. A tensor may hold several, one
/// behind the other: a pair beside it has one A, and each matrix its rows of B.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "model/weights.h"
#include "train/parameters.h"

namespace rw {

/// A matrix of a layer: rows of the tensor `name` ("attn_q", as in "blk.0.attn_q.weight"), from first_row on.
struct LayerMatrix {
  std::string_view name;
  const Matrix* weights;
  LearningMatrix* learning;
  Index first_row = 0;
};
/// Those that a layer has.
std::vector<LayerMatrix> layer_matrices(const LayerSpec& spec, const LayerWeights& weights,
                                        LearningLayer& learning);

/// What pairs may stand beside, by the names of tensors.
std::span<const std::string_view> low_rank_targets();

/// Whether a tensor of two dimensions is a matrix, by its name: norms may have a row for each head, and a
/// convolution has one for each channel.
bool is_matrix_name(std::string_view name);

}  // namespace rw
