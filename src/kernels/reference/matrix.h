// SPDX-License-Identifier: Apache-2.0
/// What the definition keeps of a weight matrix: where its rows lie. Whoever changes float32 rows there
/// (training) is seen at the next use.
#pragma once
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "kernels/kernels.h"

namespace rw {

struct ReferenceMatrix final : Matrix {
  WeightRows weights;
  explicit ReferenceMatrix(WeightRows rows) : weights(std::move(rows)) {
    n_out = weights.n_out, n_in = weights.n_in;
    bytes = weights.scattered.size() * sizeof(std::byte*);
  }
  /// row `o` (n_in), expanded
  void row(Index o, float* out) const { weights.format->dequantize(weights.row(o), out, n_in); }
  /// all of them (n_out, n_in)
  std::vector<float> expanded() const {
    std::vector<float> w(static_cast<std::size_t>(n_out * n_in));
    for (Index o = 0; o < n_out; ++o) row(o, w.data() + o * n_in);
    return w;
  }
};

inline const ReferenceMatrix& reference_matrix(const Matrix& m) {
  return dynamic_cast<const ReferenceMatrix&>(m);
}

}  // namespace rw
