// SPDX-License-Identifier: Apache-2.0
/// Pieces that published methods are made of: shared parameters, frequencies, distance maps, masks. They
/// are here, and not in the methods' files, because several methods differ only in numbers.
#pragma once
#include "methods/parameters.h"

namespace rw {

/// Parameters that several methods have, so that they read the same everywhere.
ParameterInfo factor_parameter();
ParameterInfo original_parameter();  ///< `trained` of frequency methods: n_ctx_original
ParameterInfo trained_parameter();   ///< `trained` of logit scales: n_ctx_train
ParameterInfo replace_parameter();
ParameterInfo growth_parameter();  ///< `factor` of dynamic methods
ParameterInfo grow_parameter();
ParameterInfo window_parameter(std::string default_text);
ParameterInfo beta_fast_parameter();
ParameterInfo beta_slow_parameter();

/// max(1, n / trained) in few_digits, or as given. Tokens asked for over tokens trained. Errors: UsageError
/// where it is not given and `trained` is 0 (unknown).
double read_factor(const Parameters& p, const RopeContext& context, Index trained);
/// The length that frequencies bend around, or as given. Errors: UsageError where neither is known.
Index read_original(const Parameters& p, const RopeContext& context);
/// The trained length of the model as shipped, or as given.
Index read_trained(const Parameters& p, const RopeContext& context);

/// Errors: UsageError unless there are two pairs at least (d - 2 divides) and the base is above 1.
void require_pairs(const Parameters& p, const RopeContext& context);
/// Errors: UsageError unless the base is above 1 (its logarithm divides).
void require_base(const Parameters& p, const RopeContext& context);

/// Errors: UsageError where the context is of both directions, for a method that has no form there.
void require_causal(const Parameters& p, const RopeContext& context, std::string_view why);
/// Where the context is of both directions, the tokens that a logit scale is made for at row i: all n; else
/// the i + 1 up to the row.
std::function<double(Index i)> keys_of_row(const RopeContext& context);

Factors with_frequencies(FrequencyScaling frequencies);
Factors with_distance(DistanceMap distance);
Factors with_mask(Mask mask);
Factors with_scale(LogitScale scale);

// ---------------------------------------------------------------- frequencies, (rotary_dim / 2) in rad/token

/// theta_m = base^(-2m / rotary_dim).
std::vector<double> plain_theta(int rotary_dim, double base);
/// theta / factor; the same bits for factor 1.
std::vector<double> interpolated(std::vector<double> theta, double factor);
/// NTK-aware: base * factor^(d / (d - 2)). REQUIRES: rotary_dim > 2 or factor == 1.
std::vector<double> ntk_theta(int rotary_dim, double base, double factor);

/// YaRN's released ramp: linear in the pair index between the pairs that turn beta_fast and beta_slow times
/// within the trained length (jquesnelle/yarn; transformers `_compute_yarn_parameters`).
struct YarnRamp {
  double factor = 1, beta_fast = 32, beta_slow = 1;
  Index trained = 0;
  bool truncate = true;
};
/// factor, trained, beta_fast and beta_slow. Errors: UsageError unless beta_slow <= beta_fast and the base is
/// above 1.
YarnRamp read_ramp(const Parameters& p, const RopeContext& context);
std::vector<double> yarn_theta(int rotary_dim, double base, const YarnRamp& ramp);
/// MrRoPE: theta_m / factor^exponent(q, band) between the ramp's ends, q = m - low pairs into a band of
/// high - low pairs; untouched up to low, divided by factor from high on; logits of the rotated dims times
/// attention_factor^2. Errors: UsageError (see read_ramp).
Factors with_mixed_radix(const Parameters& p, const RopeContext& context,
                         double (*exponent)(double q, double band));
/// 0.1 * m * ln(factor) + 1, and 1 where factor <= 1.
double yarn_mscale(double factor, double m = 1);
/// Ramp over wavelengths: kept where trained * theta / 2pi >= high, divided by factor where <= low, linear
/// between. ntk-by-parts (low 1, high 32) and llama3 (1, 4) are this function.
std::vector<double> wavelength_ramp(int rotary_dim, double base, double factor, Index trained, double low,
                                    double high);

/// max(1, factor * n / trained - (factor - 1)): the growth of all dynamic methods (transformers).
double dynamic_growth(double factor, Index n, Index trained);

/// A dynamic method: `at(s)` gives the frequencies of growth s, with the parameters trained, factor and grow.
/// Errors: UsageError (see read_original).
Factors with_growth(const Parameters& p, const RopeContext& context, std::function<Frequencies(double s)> at);
/// How such a method differs from the released code, which caches keys rotated.
inline constexpr const char* kGrowthDiffers =
    "the length is the request's, so all keys share one table; grow=1 follows the published recurrence with "
    "unrotated keys (the released code caches rotated ones, which then disagree)";

/// Frequencies that do not depend on the length.
FrequencyScaling fixed(std::vector<double> theta, double rotary_gain = 1);

// ---------------------------------------------------------------- distances

/// delta(i, j) = i - j.
DistanceMap identity_map();
/// Keys [0, far_end(i)) of row i through the far region, the rest at i - j.
struct FarRegion {
  std::function<Index(Index i)> far_end;
  std::function<double(Index i)> query_position;
  std::function<double(Index j)> key_position;  ///< empty: keys stay at j and both regions share one variant
  Index near_window = kForever;                 ///< the near variant is read only this close behind
  Index sink = 0, window = kForever;            ///< the far variant is read only there (DistanceMap::Variant)
};
/// delta is the paper's formula for every pair, written independently of the regions.
DistanceMap near_far_map(FarRegion far, std::function<double(Index i, Index j)> delta);
/// far_end of the maps that are exact within a window that counts the query itself.
std::function<Index(Index i)> beyond(Index window);

// ---------------------------------------------------------------- masks

/// visible: j <= i and (i - j < window or j < sink); in both directions |i - j| < window or j < sink. The
/// window counts the query itself.
Mask lambda_mask(const RopeContext& context, Index sink, Index window);
/// Every key that a row may see: up to the row, or all n.
Mask whole_mask(const RopeContext& context);
/// Visible where both see.
Mask intersection(const Mask& a, const Mask& b);

}  // namespace rw
