// SPDX-License-Identifier: Apache-2.0
/// LaMPE: how many distances are used follows the length; first and last ones are exact steps.
#include <algorithm>
#include <cmath>

#include "methods/factors.h"

namespace rw::published::lampe {
namespace {

/// Distances used for n tokens: the logistic curve, from a floor on, in whole tokens.
Index default_positions(const Parameters& p, const RopeContext& context, Index least) {
  const auto trained = static_cast<double>(context.n_ctx_train), n = static_cast<double>(context.n);
  const double cap = p.number("cap", 0.75 * trained, 1, Index{1} << 30);
  const double rate = p.number("rate", few_digits(0.8596 / trained), 0, 1);
  const double offset = p.number("offset", -2.4666, -1000, 1000);
  return std::max({static_cast<Index>(std::llround(cap / (1 + std::exp(-(rate * n + offset))))),
                   context.n_ctx_train * 3 / 16, least});
}

Factors build(const Parameters& p, const RopeContext& context) {
  const Index head = p.integer("head", std::max<Index>(1, context.n_ctx_train / 16), 1, Index{1} << 30);
  const Index tail = p.integer("tail", std::max<Index>(1, context.n_ctx_train / 32), 1, Index{1} << 30);
  const Index positions =
      p.integer("positions", default_positions(p, context, head + tail + 1), head + tail + 1, Index{1} << 32);
  const Index n = context.n;
  if (n <= positions) return with_distance(identity_map());
  const double slope = static_cast<double>(positions - head - tail) / static_cast<double>(n - head - tail);
  const auto bend = static_cast<double>(head);
  DistanceMap map;
  // Keys of the tail are among the first ones, since i < n.
  map.variants = {{[](Index j) { return static_cast<double>(j); }, tail, head + 1},
                  {[=](Index j) { return slope * static_cast<double>(j); }, 0, n - tail}};
  map.regions = {{[](Index i) { return static_cast<double>(i); }, 0},
                 {[=](Index i) { return slope * static_cast<double>(i) + (1 - slope) * bend; }, 1},
                 {[=](Index i) { return static_cast<double>(i - n + positions); }, 0}};
  map.split = [=](Index i) {
    const Index last = std::max<Index>(0, i - n + tail + 1), near = std::max<Index>(0, i - head);
    Segments segments;
    if (last > 0) segments.push_back({0, last, 2});
    if (near > last) segments.push_back({last, near, 1});
    segments.push_back({near, i + 1, 0});
    return segments;
  };
  map.delta = [=](Index i, Index j) {
    const Index x = i - j;
    if (x <= head) return static_cast<double>(x);
    if (x >= n - tail) return static_cast<double>(positions - n + x);
    return static_cast<double>((positions - head - tail) * (x - head)) /
               static_cast<double>(n - head - tail) +
           bend;
  };
  return with_distance(std::move(map));
}

const Register<MethodInfo> registered{{
    .name = "lampe",
    .aliases = {},
    .kind = "distance",
    .title = "LaMPE: the length says how many distances are used",
    .formula = "x = i - j; delta(i, j) = x where x <= head, positions - n + x where x >= n - tail, between "
               "them head + (x - head) (positions - head - tail) / (n - head - tail); i - j where n <= "
               "positions; positions(n) = max(3/16 trained, cap / (1 + exp(-(rate n + offset))))",
    .source = "arXiv 2508.02308 (2025); scar-on/LaMPE 4e3c91f",
    .differs =
        "the paper's map without its floor: fractional positions, and each key in one part; as published it "
        "also changes texts within the trained length, from n > positions on; the released code has another "
        "map (a grid of floor(m j / (n - 1)), not a function of i - j), which counts the keys on both "
        "borders twice while prefilling, moves the borders while decoding and exceeds m; n is the request's "
        "length; cap, rate and offset are the authors' fit of Llama 3 (1.0493e-4, -2.4666, 3/4) in units of "
        "its 8192 trained tokens, other models want a fit of their own; 3/16 trained is their constant 1536 "
        "for texts below 8192, which they drop at 8192 though the curve is lower there; their constant logit "
        "factor 1.1434, which their own example turns off, is left out (temperature:value=1.1434)",
    .parameters = {{"head", "largest distance that is exact", "tokens", "1 to 2^30", "trained / 16"},
                   {"tail", "last distances that grow by whole steps", "tokens", "1 to 2^30", "trained / 32"},
                   {"cap", "positions of very long texts", "tokens", "1 to 2^30", "3/4 trained"},
                   {"rate", "growth of the logistic curve per token", "1/token", "0 to 1",
                    "0.8596 / trained"},
                   {"offset", "the curve's exponent at length 0", "", "-1000 to 1000", "-2.4666"},
                   {"positions", "distances used", "tokens", "head + tail + 1 to 2^32",
                    "the curve, at least 3/16 trained"}},
    .example = "lampe:positions=8,head=4,tail=2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::lampe
