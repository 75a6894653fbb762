// SPDX-License-Identifier: Apache-2.0
/// Numbers for tests of the operations of training.
#pragma once
#include "finite_differences.h"
#include "kernels/training.h"
#include "weights.h"

namespace rw {

inline const Training<double>& definition() {
  static const auto made =
      make_reference_training(std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}}));
  return *made;
}

inline std::vector<double> doubles(Index n, unsigned seed, float deviation = 1) {
  const std::vector<float> x = numbers(n, seed, deviation);
  return {x.begin(), x.end()};
}
inline std::vector<double> zeros(Index n) { return std::vector<double>(static_cast<std::size_t>(n)); }
inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b.at(i);
  return sum;
}
/// For what is kept in float32: values on a grid that steps of 2^-10 and 2^-9 keep to.
inline std::vector<float> on_grid(Index n, unsigned seed, float deviation, float around = 0) {
  std::vector<float> x = numbers(n, seed, deviation);
  for (float& v : x) v = around + std::round(v * 1024) / 1024;
  return x;
}
inline std::vector<float> floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

}  // namespace rw
