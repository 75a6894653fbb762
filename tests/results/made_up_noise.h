// SPDX-License-Identifier: Apache-2.0
/// Seeded noise of mean 0 and deviation 1, the same with every library.
#pragma once
#include <cmath>
#include <functional>

#include "core/random.h"

namespace rw {

/// Box-Muller; std's distributions differ from one library to the next.
inline double normal(Random& random) {
  return std::sqrt(-2 * std::log(random.uniform())) * std::cos(2 * 3.14159265358979324 * random.uniform());
}
inline double exponential(Random& random) { return -std::log(random.uniform()) - 1; }
/// exp(0.5 z), mean 0, deviation 1; skewness 1.75.
inline double lognormal(Random& random) {
  const double square = 0.25, mean = std::exp(square / 2);
  return (std::exp(0.5 * normal(random)) - mean) / (mean * std::sqrt(std::exp(square) - 1));
}

using Noise = std::function<double(Random&)>;

}  // namespace rw
