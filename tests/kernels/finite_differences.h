// SPDX-License-Identifier: Apache-2.0
/// Gradients against finite differences of the loss that they are of.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace rw {

/// df/dt at 0 to h^4: two central differences (Richardson). h is a power of two, so that a float32 parameter
/// on a coarser grid moves by it exactly.
template <class F>
double derivative(const F& f, double h = 0x1p-10) {
  return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
}

/// Each of some 12 entries of x, spread over it: gradient[i] = d loss() / d x[i], to 1e-6 of it (or of a
/// thousandth of the largest entry, where an entry is a difference of others that cancel).
template <class T, class F>
void expect_gradient(const char* what, std::vector<T>& x, const std::vector<double>& gradient, const F& loss,
                     double h = 0x1p-10) {
  ASSERT_EQ(x.size(), gradient.size()) << what;
  double largest = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  ASSERT_GT(largest, 0) << what << ": a loss that does not depend on it tests nothing";
  const std::size_t step = x.size() / 12 + 1;
  for (std::size_t i = 0; i < x.size(); i += step) {
    const T before = x[i];
    const double found = derivative(
        [&](double t) {
          x[i] = static_cast<T>(static_cast<double>(before) + t);
          return loss();
        },
        h);
    x[i] = before;
    EXPECT_NEAR(gradient[i], found, 1e-6 * std::max(std::abs(found), 1e-3 * largest))
        << what << ", entry " << i;
  }
}

}  // namespace rw
