// SPDX-License-Identifier: Apache-2.0
#include "judge/statistics.h"

#include <cmath>

#include "core/error.h"

namespace ropewalk {
namespace {

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (Lentz).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x)) /
      a;
  auto safe = [](double v) { return std::abs(v) < 1e-300 ? 1e-300 : v; };
  double c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), f = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d), c = safe(1 + even / c), f *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d), c = safe(1 + odd / c);
    f *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return front * f;
}

}  // namespace

double t_quantile(double probability, int df) {
  RW_CHECK(df >= 1 && probability > 0 && probability < 1);
  double low = 0, high = 1e6;
  for (int step = 0; step < 200; ++step) {
    const double t = (low + high) / 2;
    const double inside = 1 - incomplete_beta(df / 2.0, 0.5, df / (df + t * t));
    (inside < probability ? low : high) = t;
  }
  return (low + high) / 2;
}

Interval t_interval(const std::vector<double>& values) {
  RW_CHECK(!values.empty());
  Interval result;
  result.n = static_cast<int>(values.size());
  for (double v : values) result.mean += v / result.n;
  double squares = 0;
  for (double v : values) squares += (v - result.mean) * (v - result.mean);
  if (result.n >= 2) result.deviation = std::sqrt(squares / (result.n - 1));
  if (result.n >= 3) {
    const double half =
        t_quantile(0.95, result.n - 1) * result.deviation / std::sqrt(static_cast<double>(result.n));
    result.low = result.mean - half;
    result.high = result.mean + half;
  }
  return result;
}

int documents_needed(double deviation, double half_width) {
  RW_CHECK(std::isfinite(deviation) && std::isfinite(half_width));
  int low = 2, high = kManyDocuments;  // the half-width falls with n, so halve the range
  while (low < high) {
    const int n = (low + high) / 2;
    const double half = t_quantile(0.95, n - 1) * deviation / std::sqrt(static_cast<double>(n));
    if (half <= half_width)
      high = n;
    else
      low = n + 1;
  }
  return low;
}

}  // namespace ropewalk
