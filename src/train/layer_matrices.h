// SPDX-License-Identifier: Apache-2.0
/// The matrices of a layer by the tensors that hold them. Some tensors hold several, one behind the other or
/// in turns: a pair beside such a tensor has one A, and each matrix its rows of B.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "model/weights.h"
#include "train/parameters.h"

namespace ropewalk {

/// Which rows of a tensor a matrix is.
struct MatrixRows {
  const Matrix* of = nullptr;
  LearningMatrix* learning = nullptr;
  Index first = 0;
  Index group = 0, group_stride = 0;  ///< LearningMatrix::group
  /// These rows of `all`, which are those of the tensor.
  WeightRows of_tensor(const WeightRows& all) const;
};

struct LayerMatrix {
  std::string name;               ///< "attn_q", as in "blk.0.attn_q.weight"
  std::vector<MatrixRows> parts;  ///< one at least
  Index n_in() const { return parts.front().of->n_in; }
  Index n_out() const;
};

/// Those of a layer that has weights, in the order of the engine.
std::vector<LayerMatrix> layer_matrices(const LayerSpec& spec, const LayerWeights& weights,
                                        LearningLayer& learning);
/// The names that a layer's matrices may have.
std::span<const char* const> layer_matrix_names();

/// Whether a tensor of two dimensions is a matrix by its name: norms may have a row for each head, a
/// convolution has one for each channel.
bool is_matrix_name(std::string_view name);

}  // namespace ropewalk
