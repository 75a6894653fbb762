// SPDX-License-Identifier: Apache-2.0
/// Weights for tests: rows in any format of the engine, made of numbers or of random blocks.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/kernels.h"
#include "relative_error.h"

namespace rw {

/// Normal numbers that bfloat16 holds exactly, so that only sums and rotations round.
inline std::vector<float> numbers(Index n, unsigned seed, float deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> result(static_cast<std::size_t>(n));
  for (float& x : result) x = static_cast<float>(BFloat16(normal(generator)));
  return result;
}

/// The rows of a matrix and the bytes they point to, one byte off: blocks need no alignment.
class TestWeights {
 public:
  /// w (n_out, n_in) as F32.
  TestWeights(const std::vector<float>& w, Index n_out, Index n_in)
      : TestWeights(Registry<WeightFormat>::get("F32", "weight format"), n_out, n_in) {
    if (!w.empty()) std::memcpy(bytes_.data() + 1, w.data(), w.size() * sizeof(float));
  }
  /// Random blocks whose weights are finite, the largest of each between 2^-6 and 2.
  TestWeights(const WeightFormat& format, Index n_out, Index n_in, unsigned seed)
      : TestWeights(format, n_out, n_in) {
    std::mt19937 generator(seed);
    std::vector<float> w(static_cast<std::size_t>(format.block_size));
    for (std::size_t at = 1; at < bytes_.size(); at += static_cast<std::size_t>(format.block_bytes)) {
      float top = NAN;
      do {
        for (Index i = 0; i < format.block_bytes; ++i)
          bytes_[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(generator());
        format.dequantize(bytes_.data() + at, w.data(), format.block_size);
        top = 0;
        for (float x : w) top = std::isfinite(x) ? std::max(top, std::abs(x)) : INFINITY;
      } while (!(top > 0x1p-6f && top < 2));
    }
  }
  WeightRows rows() const {
    const Index stride = n_in_ / format_->block_size * format_->block_bytes;
    return {.n_out = n_out_, .n_in = n_in_, .format = format_, .first = bytes_.data() + 1, .stride = stride};
  }
  /// The weights (n_out, n_in).
  std::vector<float> values() const {
    std::vector<float> w(static_cast<std::size_t>(n_out_ * n_in_));
    format_->dequantize(bytes_.data() + 1, w.data(), n_out_ * n_in_);
    return w;
  }

 private:
  TestWeights(const WeightFormat& format, Index n_out, Index n_in)
      : n_out_(n_out), n_in_(n_in), format_(&format) {
    bytes_.resize(static_cast<std::size_t>(n_out * (n_in / format.block_size) * format.block_bytes) + 1);
  }
  Index n_out_, n_in_;
  const WeightFormat* format_;
  std::vector<std::byte> bytes_;
};

}  // namespace rw
