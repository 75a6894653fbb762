// SPDX-License-Identifier: Apache-2.0
/// For tests of Training<float>: the definition beside the instruction set in force, on the same numbers.
#pragma once
#include <functional>

#include "kernels/training.h"
#include "weights.h"

namespace rw {

inline std::shared_ptr<Context> context_of(int threads) {
  return std::make_shared<Context>(ContextOptions{.threads = threads, .isa = {}});
}
inline const Training<double>& training_definition() {
  static const auto made = make_reference_training(context_of(0));
  return *made;
}
/// The set's operations on two threads.
inline const Training<float>& training_under_test() {
  static const auto made = make_cpu_training(context_of(2));
  return *made;
}

/// The same numbers for both.
struct Both {
  std::vector<float> f;
  std::vector<double> d;
  explicit Both(std::vector<float> x) : f(std::move(x)), d(f.begin(), f.end()) {}
  Both(Index n, unsigned seed, float deviation = 1) : Both(numbers(n, seed, deviation)) {}
  template <class T>
  T* data() {
    if constexpr (std::is_same_v<T, float>)
      return f.data();
    else
      return d.data();
  }
  /// Root of the mean square of what float32 makes otherwise, over that of the definition.
  double error() const {
    const std::vector<float> expected(d.begin(), d.end());
    return relative_error(f, expected);
  }
};

/// Sums of random signs round by 2^-24 times the root of their number; those of 2^16 by 2e-5 at most. What
/// products sum up to a few thousand numbers stays well below this (seen: 3e-7).
constexpr double kF32Error = 1e-6;

}  // namespace rw
