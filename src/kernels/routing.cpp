// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "kernels/experts.h"

namespace rw {
namespace {

std::vector<double> probabilities(const Routing& routing, const float* logits) {
  std::vector<double> p(logits, logits + routing.n_experts);
  if (routing.gating == Gating::kSigmoid) {
    for (double& x : p) x = 1 / (1 + std::exp(-x));
    return p;
  }
  const double top = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& x : p) sum += x = std::exp(x - top);
  for (double& x : p) x /= sum;
  return p;
}

/// The indices of the n largest, the largest first, of equal ones the smaller index first.
std::vector<Index> largest(const std::vector<double>& x, Index n) {
  std::vector<Index> order(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) order[i] = static_cast<Index>(i);
  std::partial_sort(order.begin(), order.begin() + n, order.end(), [&x](Index a, Index b) {
    const double left = x[static_cast<std::size_t>(a)], right = x[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  });
  order.resize(static_cast<std::size_t>(n));
  return order;
}

/// Experts of groups that are not asked score below all others.
void leave_groups(const Routing& routing, std::vector<double>& scores) {
  const auto n = static_cast<std::size_t>(routing.n_experts / routing.n_groups);  // of a group
  std::vector<double> of_groups;
  for (std::size_t begin = 0; begin < scores.size(); begin += n) {
    const std::vector<double> group(scores.begin() + static_cast<Index>(begin),
                                    scores.begin() + static_cast<Index>(begin + n));
    double score = 0;
    for (const Index i : largest(group, std::min<Index>(routing.group_by_two ? 2 : 1, static_cast<Index>(n))))
      score += group[static_cast<std::size_t>(i)];
    of_groups.push_back(score);
  }
  std::vector<bool> asked(of_groups.size());
  for (const Index g : largest(of_groups, routing.n_groups_used)) asked[static_cast<std::size_t>(g)] = true;
  for (std::size_t e = 0; e < scores.size(); ++e)
    if (!asked[e / n]) scores[e] = -INFINITY;
}

}  // namespace

std::vector<Choice> route(const Routing& routing, const float* logits) {
  RW_CHECK(1 <= routing.n_used && routing.n_used <= routing.n_experts);
  RW_CHECK(routing.n_groups >= 1 && routing.n_experts % routing.n_groups == 0);
  std::vector<Choice> chosen(static_cast<std::size_t>(routing.n_used));
  const std::vector<double> p = probabilities(routing, logits);
  std::vector<double> scores = p;
  for (std::size_t e = 0; routing.choice_bias != nullptr && e < scores.size(); ++e)
    scores[e] += static_cast<double>(routing.choice_bias[e]);
  if (std::any_of(scores.begin(), scores.end(), [](double x) { return !std::isfinite(x); })) {
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = {static_cast<Index>(i), NAN};
    return chosen;
  }
  if (routing.n_groups_used < routing.n_groups) leave_groups(routing, scores);
  std::vector<Index> experts = largest(scores, routing.n_used);
  std::sort(experts.begin(), experts.end());
  double sum = 0;
  for (const Index e : experts) sum += p[static_cast<std::size_t>(e)];
  // Sigmoids of very negative logits may all be 0: then nothing is divided, as in DeepSeek's code (+ 1e-20).
  const double factor = static_cast<double>(routing.scale) / (routing.renormalise && sum > 1e-20 ? sum : 1);
  for (std::size_t i = 0; i < chosen.size(); ++i)
    chosen[i] = {experts[i], static_cast<float>(p[static_cast<std::size_t>(experts[i])] * factor)};
  return chosen;
}

}  // namespace rw
