// SPDX-License-Identifier: Apache-2.0
/// A mixture of experts: the feed-forward part of a layer as a choice among many small ones.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "kernels/feed_forward.h"
#include "kernels/norm.h"

namespace rw {

/// What a router's logits become. kSoftmax: e^logit / sum of all e^logit. kSigmoid: 1 / (1 + e^-logit), each
/// for itself.
enum class Gating { kSoftmax, kSigmoid };

/// Which experts a row takes, and with which weights: of the probabilities p, those of the n_used experts
/// with the largest p + choice_bias. Where experts stand in n_groups equal groups, only those of the
/// n_groups_used groups with the largest score are asked: the score is the largest p + choice_bias of the
/// group, or with group_by_two the sum of the two largest. The weights are their p (without the bias),
/// divided by their sum with renormalise, times scale.
///
/// Source: Shazeer et al., 1701.06538 (top-k gating); groups: DeepSeek-V2, 2405.04434; sigmoid, bias and
/// group_by_two: DeepSeek-V3, 2412.19437, equations 15 and 16.
struct Routing {
  Index n_experts = 0, n_used = 0;
  Gating gating = Gating::kSoftmax;
  const float* choice_bias = nullptr;  // (n_experts), or null
  Index n_groups = 1, n_groups_used = 1;
  bool group_by_two = false;
  bool renormalise = false;
  float scale = 1;
};

/// An expert that a row takes.
struct Choice {
  Index expert = 0;
  float weight = 0;
};

/// The n_used experts of one row, in the order of their indices, of its logits (n_experts); of equal ones the
/// one with the smaller index. Where a probability or a bias is no finite number, all weights are NaN.
/// REQUIRES: 1 <= n_used <= n_experts; n_groups divides n_experts; the groups that are asked hold n_used
/// experts. Any thread.
std::vector<Choice> route(const Routing& routing, const float* logits);

/// y = scale (sum over the experts e that `routing` chooses of weight_e f_e(x) + g(x) s(x)), f_e and s
/// feed-forward parts, g(x) = sigmoid(shared_gate x) or 1. The sum runs over experts in the order of their
/// indices, the shared one last. With router_norm the router (and shared_gate) read rows normalised by it,
/// and the experts those that the input's norm makes.
struct Experts {
  Routing routing;
  const Matrix* router = nullptr;          // (n_experts, n_in), made with Precision::kF32
  const Norm* router_norm = nullptr;       // of the rows that are routed, in place of the input's, or null
  const float* router_bias = nullptr;      // (n_experts), or null
  std::span<const FeedForward> each = {};  // (n_experts)
  const FeedForward* shared = nullptr;     // of all rows, or null
  const Matrix* shared_gate = nullptr;     // (1, n_in), made with Precision::kF32, or null: 1
  float scale = 1;
  /// Told each expert that some row takes, before its weights are read; or null.
  const std::function<void(Index expert)>* ahead = nullptr;
};

}  // namespace rw
