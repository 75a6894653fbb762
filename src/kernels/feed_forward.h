// SPDX-License-Identifier: Apache-2.0
/// Weight matrices, and the feed-forward part of a layer.
#pragma once
#include <cstddef>
#include <vector>

#include "core/types.h"
#include "kernels/kinds.h"
#include "quant/format.h"

namespace rw {

/// A weight matrix as its file stores it: n_out rows of n_in weights, `stride` bytes from row to row, or
/// where `scattered` says. LIFETIME: the bytes outlive every Matrix made of it.
struct WeightRows {
  Index n_out = 0, n_in = 0;
  const WeightFormat* format = nullptr;
  const std::byte* first = nullptr;
  Index stride = 0;
  std::vector<const std::byte*> scattered = {};  // (n_out), or empty

  const std::byte* row(Index r) const {
    return scattered.empty() ? first + r * stride : scattered[static_cast<std::size_t>(r)];
  }
  /// Rows [begin, begin + n).
  WeightRows part(Index begin, Index n) const {
    WeightRows some{.n_out = n, .n_in = n_in, .format = format, .first = row(begin), .stride = stride};
    if (scattered.empty()) return some;
    some.scattered.assign(scattered.begin() + begin, scattered.begin() + begin + n);
    for (Index r = 0; r < n; ++r)
      if (row(begin + r) != some.first + r * stride) return some;
    some.scattered.clear();  // these lie one behind the other
    return some;
  }
  /// Bytes of a row. REQUIRES: n_in is a multiple of the format's block_size.
  Index row_bytes() const { return n_in / format->block_size * format->block_bytes; }
};

/// What a backend keeps of a weight matrix.
class Matrix {
 public:
  virtual ~Matrix() = default;
  Index n_out = 0, n_in = 0;
  std::size_t bytes = 0;       ///< memory held beside the file's
  std::size_t file_bytes = 0;  ///< of the file: what a generated token reads
};

/// y = scale W_down h, h = act(W_gate x) * (W_up x), or act(W_up x) where nothing is gated; biases where they
/// are given.
struct FeedForward {
  const Matrix* gate = nullptr;  // (d_ff, n_in), or null: not gated
  const Matrix* up = nullptr;    // (d_ff, n_in)
  const Matrix* down = nullptr;  // (n_out, d_ff)
  const float* gate_bias = nullptr;
  const float* up_bias = nullptr;
  const float* down_bias = nullptr;
  Activation activation = Activation::kSilu;
  float scale = 1;
};

}  // namespace rw
