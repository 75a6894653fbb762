// SPDX-License-Identifier: Apache-2.0
#include "model/rope_divisors.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "methods/factors.h"

namespace rw {
namespace {

constexpr double kLow = 1, kHigh = 4, kTolerance = 1e-4;

bool explains(Index trained, double factor, const std::vector<double>& divisors, int rotary_dim,
              double base) {
  const std::vector<double> plain = plain_theta(rotary_dim, base),
                            bent = wavelength_ramp(rotary_dim, base, factor, trained, kLow, kHigh);
  for (std::size_t m = 0; m < divisors.size(); ++m)
    if (std::abs(plain[m] / bent[m] / divisors[m] - 1) > kTolerance) return false;
  return true;
}

}  // namespace

Index original_length(const std::vector<double>& divisors, int rotary_dim, double rope_base) {
  if (divisors.empty() || !(rope_base > 1)) return 0;
  const double factor = *std::max_element(divisors.begin(), divisors.end());
  const std::vector<double> plain = plain_theta(rotary_dim, rope_base);
  for (std::size_t m = 0; m < divisors.size(); ++m) {
    const double kept = (1 / divisors[m] - 1 / factor) / (1 - 1 / factor);
    if (!(kept > 0.01 && kept < 0.99)) continue;  // at a bend, or all divisors are 1
    const double trained = 2 * std::numbers::pi * (kLow + kept * (kHigh - kLow)) / plain[m];
    if (!(trained >= 2 && trained <= 1 << 30)) return 0;
    const auto length = static_cast<Index>(std::llround(trained));
    return explains(length, factor, divisors, rotary_dim, rope_base) ? length : 0;
  }
  return 0;
}

}  // namespace rw
