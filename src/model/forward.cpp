// SPDX-License-Identifier: Apache-2.0
#include "model/forward.h"

namespace ropewalk {
namespace {

const float* or_null(const std::vector<float>& v) { return v.empty() ? nullptr : v.data(); }

/// x += Wo attention(Wq norm(x), Wk norm(x), Wv norm(x))
void attention_block(const Model& model, const LayerWeights& w, const LayerStep& step, KvLayer& kv, Index n,
                     Activations& a) {
  const ModelConfig& c = model.config();
  const Backend& b = model.backend();
  b.rms_norm(a.x.data(), n, c.d_model, w.attn_norm.data(), c.rms_eps, a.y.data());
  b.matmul(a.y.data(), n, *w.wq, or_null(w.bq), a.q.data());
  b.matmul(a.y.data(), n, *w.wk, or_null(w.bk), a.k.data());
  b.matmul(a.y.data(), n, *w.wv, or_null(w.bv), a.v.data());
  if (c.qk_norm) {
    b.rms_norm(a.q.data(), n * c.n_heads, c.head_dim, w.q_norm.data(), c.rms_eps, a.q.data());
    b.rms_norm(a.k.data(), n * c.n_kv_heads, c.head_dim, w.k_norm.data(), c.rms_eps, a.k.data());
  }
  b.append(kv, a.k.data(), a.v.data(), *step.keys);
  const KvLayer* seen = &kv;
  if (step.scratch != nullptr) {
    b.rotate_into(*step.scratch, kv, *step.rotated_keys);
    seen = step.scratch;
  }
  const AttentionTask task{
      .q = a.q.data(), .kv = seen, .plan = step.plan, .pointwise = step.pointwise, .out = a.attended.data()};
  b.attention({&task, 1}, c.n_heads);
  b.matmul(a.attended.data(), n, *w.wo, nullptr, a.y.data());
  b.add(a.x.data(), a.y.data(), n * c.d_model);
}

/// x += Wdown (silu(Wgate norm(x)) * Wup norm(x))
void feed_forward_block(const Model& model, const LayerWeights& w, Index n, Activations& a) {
  const ModelConfig& c = model.config();
  const Backend& b = model.backend();
  b.rms_norm(a.x.data(), n, c.d_model, w.ffn_norm.data(), c.rms_eps, a.y.data());
  b.matmul(a.y.data(), n, *w.w_gate, nullptr, a.gate.data());
  b.matmul(a.y.data(), n, *w.w_up, nullptr, a.up.data());
  b.silu_mul(a.gate.data(), a.up.data(), n * c.d_ff);
  b.matmul(a.gate.data(), n, *w.w_down, nullptr, a.y.data());
  b.add(a.x.data(), a.y.data(), n * c.d_model);
}

}  // namespace

Activations::Activations(const ModelConfig& c, Index n)
    : x(n * c.d_model),
      y(n * c.d_model),
      q(n * c.n_heads * c.head_dim),
      attended(n * c.n_heads * c.head_dim),
      k(n * c.n_kv_heads * c.head_dim),
      v(n * c.n_kv_heads * c.head_dim),
      gate(n * c.d_ff),
      up(n * c.d_ff) {}

void forward(const Model& model, std::span<const Token> tokens, std::span<const LayerStep> steps,
             std::span<const std::unique_ptr<KvLayer>> cache, Activations& a) {
  const Weights& weights = model.weights();
  const auto n = static_cast<Index>(tokens.size());
  for (Index t = 0; t < n; ++t)
    embed(weights, tokens[static_cast<std::size_t>(t)], a.x.data() + t * model.config().d_model);
  for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
    attention_block(model, weights.layers[layer], steps[layer], *cache[layer], n, a);
    feed_forward_block(model, weights.layers[layer], n, a);
  }
}

void output_logits(const Model& model, const float* x, Index n_rows, float* normed, float* logits) {
  const ModelConfig& c = model.config();
  model.backend().rms_norm(x, n_rows, c.d_model, model.weights().output_norm.data(), c.rms_eps, normed);
  model.backend().matmul(normed, n_rows, *model.weights().output, nullptr, logits);
}

}  // namespace ropewalk
