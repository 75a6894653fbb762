// SPDX-License-Identifier: Apache-2.0
#include "results/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace rw {
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

/// P(T_df > t).
double t_tail(double t, int df) {
  const double outside = incomplete_beta(df / 2.0, 0.5, df / (df + t * t));
  return t > 0 ? outside / 2 : 1 - outside / 2;
}

/// P(N(0, 1) < x).
double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

/// t_quantile(0.95, df), kept: all rows of a run have the same number of documents.
double quantile_95(int df) {
  thread_local int known_df = 0;
  thread_local double known = 0;
  if (df != known_df) known = t_quantile(0.95, df), known_df = df;
  return known;
}

/// Mean, deviation and n.
Interval moments(const std::vector<double>& values) {
  RW_CHECK(!values.empty());
  Interval result;
  result.n = static_cast<int>(values.size());
  // Equal values have no spread, and a sum of their n-th parts would leave one of rounding.
  if (std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; })) {
    result.mean = values[0];
    return result;
  }
  for (double v : values) result.mean += v / result.n;
  double squares = 0;
  for (double v : values) squares += (v - result.mean) * (v - result.mean);
  if (result.n >= 2) result.deviation = std::sqrt(squares / (result.n - 1));
  return result;
}

}  // namespace

double t_quantile(double probability, int df) {
  RW_CHECK(df >= 1 && probability > 0 && probability < 1);
  double low = 0, high = 1;
  auto inside = [&](double t) { return 1 - 2 * t_tail(t, df); };
  while (inside(high) < probability && high < 1e12) high *= 2;
  for (int step = 0; step < 60; ++step) {
    const double t = (low + high) / 2;
    (inside(t) < probability ? low : high) = t;
  }
  return (low + high) / 2;
}

Interval t_interval(const std::vector<double>& values) {
  Interval result = moments(values);
  if (result.n >= 3) {
    const double half =
        quantile_95(result.n - 1) * result.deviation / std::sqrt(static_cast<double>(result.n));
    result.low = result.mean - half;
    result.high = result.mean + half;
  }
  return result;
}

Interval bootstrap_interval(const std::vector<double>& values, int resamples, std::uint64_t seed) {
  RW_CHECK(resamples >= 100);
  Interval result = t_interval(values);
  if (result.n < 3 || !std::isfinite(*result.low)) return result;
  Random random(seed);
  const auto n = static_cast<std::uint32_t>(values.size());
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& mean : means) {
    double sum = 0;
    for (std::uint32_t d = 0; d < n; ++d) sum += values[random.below(n)];
    mean = sum / n;
  }
  const double tail = normal_below(-std::sqrt(n / (n - 1.0)) * quantile_95(result.n - 1));
  // Rounded outwards: an interval may be too wide, never too narrow.
  const auto cut = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(tail * (resamples + 1)) - 1, 0);
  std::nth_element(means.begin(), means.begin() + cut, means.end());
  result.low = means[static_cast<std::size_t>(cut)];
  std::nth_element(means.begin() + cut, means.end() - 1 - cut, means.end());
  result.high = *(means.end() - 1 - cut);
  return result;
}

Interval interval(const std::vector<double>& values) {
  return values.size() < kBootstrapFrom ? t_interval(values) : bootstrap_interval(values);
}

Interval jackknife_interval(std::size_t n, const std::function<double(std::size_t)>& statistic) {
  RW_CHECK(n >= 1);
  const double all = statistic(n), size = static_cast<double>(n);
  std::vector<double> pseudo(n, all);
  for (std::size_t k = 0; k < n && n > 1; ++k) pseudo[k] = size * all - (size - 1) * statistic(k);
  Interval result = t_interval(pseudo);
  if (result.low) *result.low += all - result.mean, *result.high += all - result.mean;
  result.mean = all;
  return result;
}

int documents_needed(double deviation, double half_width, double confidence, double spare, double widen) {
  RW_CHECK(std::isfinite(deviation) && std::isfinite(half_width) && confidence > 0 && confidence < 1);
  RW_CHECK(widen > 0);
  if (deviation == 0) return 2;
  // (widen t + spare) s / sqrt(n) <= h, asked the other way round: what t may be, as a probability.
  auto enough = [&](int n) {
    const double t = (half_width * std::sqrt(static_cast<double>(n)) / deviation - spare) / widen;
    return t > 0 && 2 * t_tail(t, n - 1) <= 1 - confidence;
  };
  int low = 2, high = kManyDocuments;  // the half-width falls with n, so halve the range
  while (low < high) {
    const int n = (low + high) / 2;
    if (enough(n))
      high = n;
    else
      low = n + 1;
  }
  return low;
}

Proportion proportion(double k, Index n) {
  RW_CHECK(n >= 1 && k >= 0 && k <= static_cast<double>(n));
  constexpr double kZ = 1.959963984540054;
  const double count = static_cast<double>(n), share = k / count;
  const double middle = share + kZ * kZ / (2 * count), scale = 1 + kZ * kZ / count;
  const double half = kZ * std::sqrt(share * (1 - share) / count + kZ * kZ / (4 * count * count));
  // At 0 and n of n the end is exact in the formula but not in its rounding.
  return {k, n, share, k == 0 ? 0 : (middle - half) / scale, k == count ? 1 : (middle + half) / scale};
}

double p_above(const std::vector<double>& values, double bound, double widen) {
  RW_CHECK(values.size() >= 2 && widen > 0);
  const Interval sample = moments(values);
  RW_CHECK(std::isfinite(sample.mean) && std::isfinite(sample.deviation));
  if (sample.deviation == 0) return sample.mean > bound ? 0 : 1;
  const double error = widen * sample.deviation / std::sqrt(static_cast<double>(sample.n));
  return t_tail((sample.mean - bound) / error, sample.n - 1);
}

double p_below(const std::vector<double>& values, double bound, double widen) {
  std::vector<double> mirrored = values;
  for (double& v : mirrored) v = -v;
  return p_above(mirrored, -bound, widen);
}

double p_differs(const std::vector<double>& values, double centre) {
  return std::min(1.0, 2 * std::min(p_above(values, centre), p_below(values, centre)));
}

double p_sign_flip(const std::vector<double>& values, std::uint64_t seed) {
  RW_CHECK(!values.empty());
  std::vector<double> sizes;
  double seen = 0;
  for (double v : values) {
    RW_CHECK(std::isfinite(v));
    seen += v;
    if (v != 0) sizes.push_back(std::abs(v));
  }
  const double total = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  // The sum with some signs turned is total - 2 x what was turned; equal sums differ by rounding.
  const double most_turned = (total - seen) / 2 + 1e-9 * total;
  constexpr std::size_t kExact = 16;
  constexpr int kDraws = 20000;
  if (sizes.size() <= kExact) {
    const std::size_t n_ways = std::size_t{1} << sizes.size();
    std::vector<double> turned(n_ways);  // of each set of signs: that without its highest one, and that one
    std::size_t hits = 1;                // nothing turned: total >= seen
    for (std::size_t way = 1, high = 0; way < n_ways; ++way) {
      if (way >> (high + 1) != 0) ++high;
      turned[way] = turned[way ^ (std::size_t{1} << high)] + sizes[high];
      hits += turned[way] <= most_turned;
    }
    return static_cast<double>(hits) / static_cast<double>(n_ways);
  }
  Random random(seed);
  int hits = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    double turned = 0;
    std::uint64_t signs = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i, signs >>= 1) {
      if (i % 64 == 0) signs = random.next();
      if (signs & 1) turned += sizes[i];
    }
    hits += turned <= most_turned;
  }
  return (1.0 + hits) / (1.0 + kDraws);
}

double p_mcnemar(Index only_a, Index only_b) {
  RW_CHECK(only_a >= 0 && only_b >= 0);
  const Index n = only_a + only_b, least = std::min(only_a, only_b);
  // P(X <= k) of a binomial is an incomplete beta function; k = n / 2 of both sides is all there is (n = 0
  // too).
  if (2 * least == n) return 1;
  return std::min(1.0,
                  2 * incomplete_beta(static_cast<double>(n - least), static_cast<double>(least + 1), 0.5));
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double greatest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    greatest = std::max(greatest, std::min(1.0, static_cast<double>(order.size() - i) * p[order[i]]));
    adjusted[order[i]] = greatest;
  }
  return adjusted;
}

}  // namespace rw
