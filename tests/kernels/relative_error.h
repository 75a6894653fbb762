// SPDX-License-Identifier: Apache-2.0
/// How far two lists of numbers are apart, for tests of kernels and models.
#pragma once
#include <cmath>
#include <vector>

namespace rw {

/// Root of the mean square of a - b over that of b: rounding adds up in it as it does in a model, and one
/// wrong factor shows where a bound on the largest difference must leave room for the worst of many
/// roundings.
inline double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double d = static_cast<double>(a.at(i)) - static_cast<double>(b[i]);
    error += d * d, size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return a.size() == b.size() && std::isfinite(error) ? std::sqrt(error / size) : INFINITY;
}

}  // namespace rw
