// SPDX-License-Identifier: Apache-2.0
#include "model/forward.h"

namespace ropewalk {
namespace {

const float* or_null(const std::vector<float>& v) { return v.empty() ? nullptr : v.data(); }

Norm rms_norm(const ModelConfig& c, const std::vector<float>& weight) {
  return {.weight = weight.data(), .eps = c.rms_eps};
}

/// The rows of a step that its plan is of: how many stand before them, and how many they are.
struct Rows {
  Index first, n;
};
Rows rows_of(const LayerStep& step) {
  return {step.plan->row_begin - step.keys->key_begin, step.plan->n_rows};
}

/// q (of the plan's rows, from the first row of a.q on), k, v (of all n) = Wq norm(x), Wk norm(x), Wv
/// norm(x), with biases where the model has them
void project(const Model& model, const LayerWeights& w, const LayerStep& step, Index n, Activations& a) {
  const ModelConfig& c = model.config();
  const Backend& b = model.backend();
  const Rows rows = rows_of(step);
  const Output kvq[] = {{.w = w.wk.get(), .bias = or_null(w.bk), .y = a.k.data()},
                        {.w = w.wv.get(), .bias = or_null(w.bv), .y = a.v.data()},
                        {.w = w.wq.get(), .bias = or_null(w.bq), .y = a.q.data()}};
  const Norm norm = rms_norm(c, w.attn_norm);
  Input x{.x = a.x.data(), .n_rows = n, .norm = &norm};
  if (rows.n == n) {
    b.linear(x, kvq, step.stage);
  } else {
    b.linear(x, {kvq, 2}, step.stage);
    x.x += rows.first * c.d_model, x.n_rows = rows.n;
    if (rows.n > 0) b.linear(x, {kvq + 2, 1}, step.stage);
  }
  if (!c.qk_norm) return;
  b.norm(a.k.data(), n * c.n_kv_heads, c.head_dim, rms_norm(c, w.k_norm), a.k.data());
  b.norm(a.q.data(), rows.n * c.n_heads, c.head_dim, rms_norm(c, w.q_norm), a.q.data());
}

/// x += Wo attention(q, k, v), in the plan's rows
void attention_block(const Model& model, const LayerWeights& w, const LayerStep& step, KvLayer& kv, Index n,
                     Activations& a) {
  const ModelConfig& c = model.config();
  const Backend& b = model.backend();
  project(model, w, step, n, a);
  b.append(kv, a.k.data(), a.v.data(), *step.keys);
  const Rows rows = rows_of(step);
  if (rows.n == 0) return;
  const KvLayer* seen = &kv;
  if (step.scratch != nullptr) {
    b.rotate_into(*step.scratch, kv, *step.rotated_keys);
    seen = step.scratch;
  }
  const AttentionTask task{
      .q = a.q.data(), .kv = seen, .plan = step.plan, .pointwise = step.pointwise, .out = a.attended.data()};
  b.attention({&task, 1}, c.n_heads);
  const Output residual{
      .w = w.wo.get(), .bias = or_null(w.bo), .y = a.x.data() + rows.first * c.d_model, .add = true};
  b.linear({.x = a.attended.data(), .n_rows = rows.n}, {&residual, 1}, step.stage);
}

/// x += Wdown (silu(Wgate norm(x)) * Wup norm(x)), in the plan's rows
void feed_forward_block(const Model& model, const LayerWeights& w, const LayerStep& step, Activations& a) {
  const Rows rows = rows_of(step);
  if (rows.n == 0) return;
  float* x = a.x.data() + rows.first * model.config().d_model;
  const Norm norm = rms_norm(model.config(), w.ffn_norm);
  model.backend().feed_forward({.x = x, .n_rows = rows.n, .norm = &norm},
                               {.gate = w.w_gate.get(), .up = w.w_up.get(), .down = w.w_down.get()}, x, true,
                               step.stage);
}

}  // namespace

Activations::Activations(const ModelConfig& c, Index n)
    : x(n * c.d_model),
      q(n * c.n_heads * c.head_dim),
      attended(n * c.n_heads * c.head_dim),
      k(n * c.n_kv_heads * c.head_dim),
      v(n * c.n_kv_heads * c.head_dim) {}

void forward(const Model& model, std::span<const Token> tokens, std::span<const LayerStep> steps,
             std::span<const std::unique_ptr<KvLayer>> cache, Activations& a) {
  const Weights& weights = model.weights();
  const auto n = static_cast<Index>(tokens.size());
  for (Index t = 0; t < n; ++t)
    embed(weights, tokens[static_cast<std::size_t>(t)], a.x.data() + t * model.config().d_model);
  for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
    attention_block(model, weights.layers[layer], steps[layer], *cache[layer], n, a);
    feed_forward_block(model, weights.layers[layer], steps[layer], a);
  }
}

void output_logits(const Model& model, const float* x, Index n_rows, Stage stage, float* logits) {
  const Output output{.w = model.weights().output.get(), .y = logits};
  const Norm norm = rms_norm(model.config(), model.weights().output_norm);
  model.backend().linear({.x = x, .n_rows = n_rows, .norm = &norm}, {&output, 1}, stage);
}

}  // namespace ropewalk
