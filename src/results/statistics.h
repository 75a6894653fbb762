// SPDX-License-Identifier: Apache-2.0
/// Statistics over documents: the document is the unit of replication, never the token.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/types.h"

namespace rw {

struct Interval {
  double mean = 0;
  std::optional<double> low, high;  ///< 95 %; absent with fewer than 3 documents
  double deviation = 0;             ///< standard deviation over documents
  int n = 0;
};

/// The t quantile: P(|T_df| <= t) = probability. df >= 1, probability in (0, 1).
double t_quantile(double probability, int df);
/// Mean of per-document values with a 95 % t-interval (which covers 95 % down to 5 documents, where a
/// bootstrap covers 85 %). REQUIRES: not empty.
Interval t_interval(const std::vector<double>& values);
/// The same by resampling documents. The percentiles stand at Phi(-+ sqrt(n / (n - 1)) t_{0.975, n-1})
/// instead of 2.5 % and 97.5 %, since plain ones are too narrow by exactly that (93.6 % at 30 documents). The
/// same values and seed give the same interval. Values that are not finite: as t_interval. REQUIRES: not
/// empty. Source: Efron 1979; expanded percentiles: Hesterberg, The American Statistician 69 (2015).
Interval bootstrap_interval(const std::vector<double>& values, int resamples = 10000,
                            std::uint64_t seed = 20150101);
/// From this many documents on the bootstrap, which follows skewed data; below, the t-interval, which holds
/// what it promises with few.
inline constexpr int kBootstrapFrom = 30;
/// t_interval or bootstrap_interval, by the number of documents.
Interval interval(const std::vector<double>& values);

/// A statistic of n documents that is no mean over them, such as corpus BLEU: its value for all, with the
/// t-interval of the delete-one jackknife's pseudo-values n s(all) - (n - 1) s(all but k) around it. Of a
/// mean it is t_interval. `statistic(k)`: without document k; k = n: of all. REQUIRES: n >= 1. Source: Tukey,
/// Ann. Math. Stat. 29 (1958).
Interval jackknife_interval(std::size_t n, const std::function<double(std::size_t)>& statistic);

/// Nobody measures more, and a guess of so many from a few is none.
inline constexpr int kManyDocuments = 1000;
/// Documents needed for a half-width of `half_width` at the deviation seen: n = ((widen t + spare) s / h)^2;
/// 2 at least. `spare` is what the mean may still wander, in standard errors: 0 gets there about every other
/// time. `widen` as in p_above. kManyDocuments says "that many or more". REQUIRES: both finite; confidence in
/// (0, 1); widen > 0.
int documents_needed(double deviation, double half_width, double confidence = 0.95, double spare = 0,
                     double widen = 1);

/// k of n (an answer may count in part) with Wilson's 95 % interval, which stays inside [0, 1] and says
/// something at 0 and at n of n. REQUIRES: 0 <= k <= n, n >= 1. Source: Wilson, J. Am. Stat. Assoc. 22
/// (1927).
struct Proportion {
  double k = 0;
  Index n = 0;
  double value = 0, low = 0, high = 0;
};
Proportion proportion(double k, Index n);

/// One-sided t-test of "the mean is greater than `bound`": the p-value, small when it is. Values that are all
/// the same decide alone (0 or 1). Paired when the values are differences. `widen`: the standard error is
/// taken so many times as wide, for values that lean (results/verdict.h). REQUIRES: 2 values, all finite.
double p_above(const std::vector<double>& values, double bound, double widen = 1);
/// The same of "the mean is less than `bound`".
double p_below(const std::vector<double>& values, double bound, double widen = 1);
/// Two-sided t-test of "the mean is not `centre`". All values equal `centre`: 1.
double p_differs(const std::vector<double>& values, double centre = 0);
/// Exact one-sided sign-flip (permutation) test of "the mean is above 0": the share of the 2^n ways to give
/// the values signs whose sum is at least the one seen. It assumes no distribution, only that under "no
/// difference" a paired difference is as likely d as -d: the test for shares of questions found, which are
/// anything but normal. The least p-value of n values is 2^-n; zeros never speak. Above 16 values that are
/// not 0, 20,000 seeded draws, (1 + hits) / (1 + draws), which holds its level too (Phipson and Smyth 2010).
/// REQUIRES: not empty, all finite. Sources: Fisher, The Design of Experiments (1935), section 21; Pitman,
/// Suppl. J. R. Stat. Soc. 4 (1937).
double p_sign_flip(const std::vector<double>& values, std::uint64_t seed = 20150101);
/// McNemar's exact test of paired yes/no outcomes, such as questions asked of two methods: `only_a` were
/// answered by the first alone, `only_b` by the second alone; those that both or neither answered say
/// nothing. Two-sided: min(1, 2 P(X <= min(only_a, only_b))), X binomial of their sum and 1/2; none of
/// either: 1. The unit is the question: it speaks for these documents, not for others. REQUIRES: both >= 0.
/// Source: McNemar, Psychometrika 12 (1947); exact form: Cochran, Biometrika 37 (1950).
double p_mcnemar(Index only_a, Index only_b);
/// Holm's step-down adjustment, in the order given: to reject what is at most a wrongly rejects anything with
/// a chance of at most a, whatever depends on whatever. The i-th smallest of m becomes
/// max over j <= i of min(1, (m - j + 1) p_j). Source: Holm, Scand. J. Stat. 6 (1979).
std::vector<double> holm(const std::vector<double>& p);

}  // namespace rw
