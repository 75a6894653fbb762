// SPDX-License-Identifier: Apache-2.0
/// The shared pieces. Everything is in double; a factor of 1 gives plain RoPE's very bits.
#include "methods/factors.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace rw {

namespace {

[[noreturn]] void refuse_unknown_original(const Parameters& p, std::string_view parameter) {
  p.refuse(fmt::format("{} to be given", parameter), "a model whose file does not tell its original length",
           "it has frequency factors only");
}

}  // namespace

ParameterInfo factor_parameter() {
  return {"factor", "how many times longer than trained", "", "1 to 65536", "n / trained, never below 1"};
}
ParameterInfo original_parameter() {
  return {"trained", "trained length", "tokens", "2 to 2^30", "the model's original length (n_ctx_original)"};
}
ParameterInfo trained_parameter() {
  return {"trained", "trained length", "tokens", "2 to 2^30", "the model's trained length (n_ctx_train)"};
}
ParameterInfo replace_parameter() {
  return {"replace", "1: replaces a scaling of the model's own", "", "0 or 1", "0"};
}
ParameterInfo growth_parameter() {
  return {"factor", "growth per trained length beyond the first", "", "1 to 65536", "1"};
}
ParameterInfo grow_parameter() {
  return {"grow",
          "1: a generated token at p uses length p + 1, as published; 0: the request's length fixes it", "",
          "0 or 1", "0"};
}
ParameterInfo window_parameter(std::string default_text) {
  return {"window", "keys seen exactly, the query included", "tokens", "1 to 2^30", std::move(default_text)};
}

ParameterInfo beta_fast_parameter() {
  return {"beta_fast", "turns from which a pair is kept", "turns", "1e-6 to 1e6", "32"};
}
ParameterInfo beta_slow_parameter() {
  return {"beta_slow", "turns up to which a pair is interpolated", "turns", "1e-6 to 1e6", "1"};
}

double read_factor(const Parameters& p, const RopeContext& context, Index trained) {
  if (trained == 0 && !p.given("factor")) refuse_unknown_original(p, "factor");
  const double times = trained == 0 ? 1 : static_cast<double>(context.n) / static_cast<double>(trained);
  return p.number("factor", times > 1 ? few_digits(times) : 1, 1, 65536);
}

Index read_original(const Parameters& p, const RopeContext& context) {
  if (context.n_ctx_original == 0 && !p.given("trained")) refuse_unknown_original(p, "trained");
  return p.integer("trained", context.n_ctx_original, 2, Index{1} << 30);
}

Index read_trained(const Parameters& p, const RopeContext& context) {
  return p.integer("trained", context.n_ctx_train, 2, Index{1} << 30);
}

void require_base(const Parameters& p, const RopeContext& context) {
  if (!(context.rope_base > 1))
    p.refuse("a model with a rope base above 1", fmt::format("{}", context.rope_base));
}

void require_pairs(const Parameters& p, const RopeContext& context) {
  require_base(p, context);
  if (context.rotary_dim <= 2)
    p.refuse("a model that rotates 4 dims or more", fmt::format("{}", context.rotary_dim), "pi works there");
}

void require_causal(const Parameters& p, const RopeContext& context, std::string_view why) {
  if (context.bidirectional)
    p.refuse("a model that sees the tokens up to the current one", "an encoder, which sees both sides", why);
}

std::function<double(Index)> keys_of_row(const RopeContext& context) {
  if (context.bidirectional) return [n = static_cast<double>(context.n)](Index) { return n; };
  return [](Index i) { return static_cast<double>(i + 1); };
}

Factors with_frequencies(FrequencyScaling frequencies) {
  Factors f;
  f.frequencies = std::move(frequencies);
  return f;
}
Factors with_distance(DistanceMap distance) {
  Factors f;
  f.distance = std::move(distance);
  return f;
}
Factors with_mask(Mask mask) {
  Factors f;
  f.mask = std::move(mask);
  return f;
}
Factors with_scale(LogitScale scale) {
  Factors f;
  f.scale = std::move(scale);
  return f;
}

std::vector<double> plain_theta(int rotary_dim, double base) {
  std::vector<double> theta(static_cast<std::size_t>(rotary_dim) / 2);
  for (std::size_t m = 0; m < theta.size(); ++m)
    theta[m] = std::pow(base, -2.0 * static_cast<double>(m) / rotary_dim);
  return theta;
}

std::vector<double> interpolated(std::vector<double> theta, double factor) {
  for (double& t : theta) t /= factor;
  return theta;
}

std::vector<double> ntk_theta(int rotary_dim, double base, double factor) {
  if (factor == 1) return plain_theta(rotary_dim, base);
  const double d = rotary_dim;
  return plain_theta(rotary_dim, base * std::pow(factor, d / (d - 2)));
}

YarnRamp read_ramp(const Parameters& p, const RopeContext& context) {
  YarnRamp ramp;
  ramp.trained = read_original(p, context);
  require_base(p, context);
  ramp.factor = read_factor(p, context, ramp.trained);
  ramp.beta_fast = p.number("beta_fast", 32, 1e-6, 1e6);
  ramp.beta_slow = p.number("beta_slow", 1, 1e-6, 1e6);
  if (ramp.beta_slow > ramp.beta_fast)
    p.refuse("beta_slow up to beta_fast", fmt::format("{} and {}", ramp.beta_slow, ramp.beta_fast));
  return ramp;
}

namespace {

/// The pairs, as fractions, between which a ramp runs.
std::pair<double, double> ramp_ends(int rotary_dim, double base, const YarnRamp& ramp) {
  const double d = rotary_dim;
  auto pair_at = [&](double rotations) {
    return d * std::log(static_cast<double>(ramp.trained) / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(base));
  };
  double low = pair_at(ramp.beta_fast), high = pair_at(ramp.beta_slow);
  if (ramp.truncate) low = std::floor(low), high = std::ceil(high);
  return {std::max(low, 0.0), std::min(high, d - 1)};
}

}  // namespace

std::vector<double> yarn_theta(int rotary_dim, double base, const YarnRamp& ramp) {
  std::vector<double> theta = plain_theta(rotary_dim, base);
  if (ramp.factor == 1) return theta;
  auto [low, high] = ramp_ends(rotary_dim, base, ramp);
  if (low == high) high += 0.001;
  for (std::size_t m = 0; m < theta.size(); ++m) {
    const double interpolate = std::clamp((static_cast<double>(m) - low) / (high - low), 0.0, 1.0);
    theta[m] = interpolate * theta[m] / ramp.factor + (1 - interpolate) * theta[m];
  }
  return theta;
}

Factors with_mixed_radix(const Parameters& p, const RopeContext& context,
                         double (*exponent)(double q, double band)) {
  const YarnRamp ramp = read_ramp(p, context);
  const double s = p.number("attention_factor", yarn_mscale(ramp.factor), 1e-6, 1e6);
  std::vector<double> theta = plain_theta(context.rotary_dim, context.rope_base);
  const auto [low, high] = ramp_ends(context.rotary_dim, context.rope_base, ramp);
  for (std::size_t m = 0; m < theta.size(); ++m) {
    const double q = static_cast<double>(m) - low, band = high - low;
    if (q > 0) theta[m] /= q >= band ? ramp.factor : std::pow(ramp.factor, exponent(q, band));
  }
  return with_frequencies(fixed(std::move(theta), s * s));
}

double yarn_mscale(double factor, double m) { return factor <= 1 ? 1 : 0.1 * m * std::log(factor) + 1; }

std::vector<double> wavelength_ramp(int rotary_dim, double base, double factor, Index trained, double low,
                                    double high) {
  std::vector<double> theta = plain_theta(rotary_dim, base);
  if (factor == 1) return theta;
  for (double& t : theta) {
    const double rotations = static_cast<double>(trained) * t / (2 * std::numbers::pi);
    const double keep =
        high > low ? std::clamp((rotations - low) / (high - low), 0.0, 1.0) : rotations >= low;
    t = keep == 1 ? t : (1 - keep) * t / factor + keep * t;
  }
  return theta;
}

double dynamic_growth(double factor, Index n, Index trained) {
  if (n <= trained) return 1;
  return std::max(1.0, factor * static_cast<double>(n) / static_cast<double>(trained) - (factor - 1));
}

Factors with_growth(const Parameters& p, const RopeContext& context,
                    std::function<Frequencies(double s)> at) {
  const Index trained = read_original(p, context);
  const double factor = p.number("factor", 1, 1, 65536);
  const bool grow = p.flag("grow", false);
  if (grow) require_causal(p, context, "grow=1 follows the tokens as they are written: leave it out");
  return with_frequencies(
      {[at = std::move(at), trained, factor](Index n) { return at(dynamic_growth(factor, n, trained)); },
       grow && context.n > trained});
}

FrequencyScaling fixed(std::vector<double> theta, double rotary_gain) {
  return {[f = Frequencies{std::move(theta), rotary_gain}](Index) { return f; }, false};
}

DistanceMap identity_map() {
  const auto same = [](Index p) { return static_cast<double>(p); };
  return {.variants = {{same, 0, kForever}},
          .regions = {{same, 0}},
          .split =
              [](Index i) {
                return Segments{{0, i + 1, 0}};
              },
          .delta = [](Index i, Index j) { return static_cast<double>(i - j); }};
}

DistanceMap near_far_map(FarRegion far, std::function<double(Index, Index)> delta) {
  const auto same = [](Index p) { return static_cast<double>(p); };
  DistanceMap map;
  map.variants.push_back({same, 0, far.key_position ? far.near_window : kForever});
  if (far.key_position) map.variants.push_back({far.key_position, far.sink, far.window});
  map.regions = {{same, 0}, {far.query_position, far.key_position ? 1 : 0}};
  map.split = [far_end = std::move(far.far_end)](Index i) -> Segments {
    const Index border = far_end(i);
    if (border <= 0) return {{0, i + 1, 0}};
    return {{0, border, 1}, {border, i + 1, 0}};
  };
  map.delta = std::move(delta);
  return map;
}

std::function<Index(Index)> beyond(Index window) {
  return [window](Index i) { return std::max<Index>(0, i - window + 1); };
}

namespace {

/// The keys [0, end) that are first ones or lie in [begin, end).
KeyRanges lambda_ranges(Index sink, Index begin, Index end) {
  if (begin <= sink) return {{0, end}};
  if (sink == 0) return {{begin, end}};
  return {{0, sink}, {begin, end}};
}

}  // namespace

Mask lambda_mask(const RopeContext& context, Index sink, Index window) {
  if (!context.bidirectional)
    return {.ranges = [=](Index i) { return lambda_ranges(sink, std::max<Index>(0, i - window + 1), i + 1); },
            .visible = [=](Index i, Index j) { return j <= i && (i - j < window || j < sink); },
            .sink = sink,
            .window = window};
  const Index n = context.n;
  return {.ranges =
              [=, first = std::min(sink, n)](Index i) {
                const Index begin = std::max<Index>(0, i - window + 1), end = std::min(n, i + window);
                return lambda_ranges(first, begin, begin <= first ? std::max(first, end) : end);
              },
          .visible = [=](Index i, Index j) { return j < n && (std::abs(i - j) < window || j < sink); },
          .sink = sink,
          .window = window};
}

Mask whole_mask(const RopeContext& context) { return lambda_mask(context, 0, kForever); }

Mask intersection(const Mask& a, const Mask& b) {
  return {.ranges =
              [x = a.ranges, y = b.ranges](Index i) {
                KeyRanges both;
                for (const auto& [begin, end] : x(i))
                  for (const auto& [other_begin, other_end] : y(i))
                    if (std::max(begin, other_begin) < std::min(end, other_end))
                      both.push_back({std::max(begin, other_begin), std::min(end, other_end)});
                return both;
              },
          .visible = [x = a.visible, y = b.visible](Index i, Index j) { return x(i, j) && y(i, j); },
          .sink = std::max(a.sink, b.sink),
          .window = std::min(a.window, b.window)};
}

}  // namespace rw
