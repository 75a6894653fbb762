// SPDX-License-Identifier: Apache-2.0
#include "model/feed_forward.h"

namespace rw {
namespace {

/// The dense part of a layer, or what all rows share beside experts.
FeedForward dense_part(const LayerPass& layer) {
  const LayerWeights& w = layer.w;
  return {.gate = w.w_gate.get(),
          .up = w.w_up.get(),
          .down = w.w_down.get(),
          .gate_bias = w.b_gate.get(),
          .up_bias = w.b_up.get(),
          .down_bias = w.b_down.get(),
          .activation = layer.spec.ffn.activation};
}

Experts experts_of(const LayerPass& layer, const FeedForward& shared) {
  const ExpertsSpec& spec = layer.spec.ffn.experts;
  const ExpertWeights& w = layer.w.experts;
  return {.routing = {.n_experts = spec.n_experts,
                      .n_used = spec.n_used,
                      .gating = spec.gating,
                      .choice_bias = w.choice_bias.get(),
                      .n_groups = spec.n_groups,
                      .n_groups_used = spec.n_groups_used,
                      .group_by_two = spec.group_by_two,
                      .renormalise = spec.renormalise,
                      .scale = spec.scale},
          .router = w.router.get(),
          .router_bias = w.router_bias.get(),
          .each = w.each,
          .shared = shared.up != nullptr ? &shared : nullptr,
          .shared_gate = w.shared_gate.get(),
          .ahead = layer.held.ahead()};
}

/// y = norm(dense(norm x)) + norm(experts(norm x)), with norms and rows of the router of their own
void side_by_side(const LayerPass& layer, const Rows& rows, const NormWeights& norm_weights, float* y,
                  Index d_model, Activations& a) {
  const Backend& b = layer.backend;
  const ApartWeights& w = layer.w.apart;
  const Norm norm = norm_of(layer.spec, norm_weights), experts_norm = norm_of(layer.spec, w.experts_norm),
             router_norm = norm_of(layer.spec, w.router_norm);
  const FeedForward dense = dense_part(layer);
  Experts experts = experts_of(layer, {});
  experts.router_norm = &router_norm;
  float* of_experts = a.beside.reserve(b, rows.n() * d_model);
  Index begin = 0;
  for (const auto& [stage, n] :
       {std::pair{Stage::kPrefill, rows.n_read}, std::pair{Stage::kDecode, rows.n_written}}) {
    if (n > 0) {
      const float* x = rows.x + begin * d_model;
      b.feed_forward({.x = x, .n_rows = n, .norm = &norm}, dense, y + begin * d_model, false, stage);
      b.experts({.x = x, .n_rows = n, .norm = &experts_norm}, experts, of_experts + begin * d_model, false,
                stage);
    }
    begin += n;
  }
  b.norm(y, rows.n(), d_model, norm_of(layer.spec, w.dense_post_norm), y);
  b.norm(of_experts, rows.n(), d_model, norm_of(layer.spec, w.experts_post_norm), of_experts);
  b.add_scaled(of_experts, rows.n() * d_model, 1, y);
}

}  // namespace

void feed_forward(const LayerPass& layer, const Rows& rows, const NormWeights& norm_weights, float* y,
                  bool add, Index d_model, Activations& a) {
  if (layer.spec.ffn.apart) return side_by_side(layer, rows, norm_weights, y, d_model, a);
  const Norm norm = norm_of(layer.spec, norm_weights);
  const float scale = layer.spec.post_norm ? 1 : layer.spec.residual_multiplier;
  FeedForward dense = dense_part(layer);
  const bool mixed = layer.spec.ffn.experts.n_experts > 0;
  const float* x = rows.x;
  for (const auto& [stage, n] :
       {std::pair{Stage::kPrefill, rows.n_read}, std::pair{Stage::kDecode, rows.n_written}}) {
    const Input input{.x = x, .n_rows = n, .norm = layer.spec.pre_norm ? &norm : nullptr};
    if (n > 0 && mixed) {
      Experts experts = experts_of(layer, dense);
      experts.scale = scale;
      layer.backend.experts(input, experts, y, add, stage);
    } else if (n > 0) {
      dense.scale = scale;
      layer.backend.feed_forward(input, dense, y, add, stage);
    }
    x += n * d_model, y += n * d_model;
  }
}

}  // namespace rw
