// SPDX-License-Identifier: Apache-2.0
#include "model/forward.h"

#include <algorithm>

namespace ropewalk {
namespace {

/// One layer of a pass.
struct Layer {
  const Backend& backend;
  const LayerSpec& spec;
  const LayerWeights& w;
  std::size_t index;
  bool last;
  std::span<const Piece> pieces;
};

/// outputs (+)= W x for the rows that are read and for those that were written, each with its own products.
void linear(const Backend& backend, const Rows& rows, Input input, std::initializer_list<Output> outputs) {
  std::array<Output, 3> part;
  Index begin = 0;
  for (const auto& [stage, n] :
       {std::pair{Stage::kPrefill, rows.n_read}, std::pair{Stage::kDecode, rows.n_written}}) {
    if (n > 0) {
      std::copy(outputs.begin(), outputs.end(), part.begin());
      for (Output& output : part)
        if (output.w != nullptr) output.y += begin * output.w->n_out;
      Input some = input;
      some.x += begin * outputs.begin()->w->n_in, some.n_rows = n;
      backend.linear(some, {part.data(), outputs.size()}, stage);
    }
    begin += n;
  }
}

/// k, v (of all rows) = Wk norm(x), Wv norm(x), and q (of those that go on) = Wq norm(x), with biases where
/// the model has them
void project(const Layer& layer, const Rows& all, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const LayerWeights& w = layer.w;
  const AttentionSpec& spec = layer.spec.attention;
  float* q = a.q.reserve(b, wanted.n() * spec.q_width());
  float* k = a.k.reserve(b, all.n() * spec.kv_width());
  float* v = a.v.reserve(b, all.n() * spec.kv_width());
  const Output to_k{.w = w.wk.get(), .bias = w.bk.get(), .y = k},
      to_v{.w = w.wv.get(), .bias = w.bv.get(), .y = v}, to_q{.w = w.wq.get(), .bias = w.bq.get(), .y = q};
  const Input x{.x = all.x, .norm = w.attn_norm.get(), .eps = layer.spec.norm_eps};
  if (wanted.n() == all.n()) {
    linear(b, all, x, {to_k, to_v, to_q});
  } else {
    linear(b, all, x, {to_k, to_v});
    linear(b, wanted, {.x = wanted.x, .norm = x.norm, .eps = x.eps}, {to_q});
  }
  if (spec.qk_norm == QkNorm::kNone) return;
  b.rms_norm(k, all.n() * spec.n_kv_heads, spec.head_dim, w.k_norm.get(), layer.spec.norm_eps, k);
  b.rms_norm(q, wanted.n() * spec.n_heads, spec.head_dim, w.q_norm.get(), layer.spec.norm_eps, q);
}

/// The new keys and values of each sequence, and what its rows ask of its cache.
void append_and_attend(const Layer& layer, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const AttentionSpec& spec = layer.spec.attention;
  float* attended = a.attended.reserve(b, wanted.n() * spec.q_width());
  a.tasks.clear();
  for (const Piece& piece : layer.pieces) {
    Sequence::State& s = *piece.sequence;
    LayerClass& plans = s.classes[s.class_of[layer.index]];
    KvLayer& kv = *s.cache[layer.index];
    const Index at = piece.row * spec.kv_width();
    b.append(kv, a.k.owner.get() + at, a.v.owner.get() + at, plans.keys);
    if (layer.last && piece.wanted.n() == 0) continue;
    if (plans.scratch != nullptr) b.rotate_into(*plans.scratch, kv, plans.rotated_keys);
    const Index first = (layer.last ? piece.wanted_row : piece.row) * spec.q_width();
    a.tasks.push_back({.q = a.q.owner.get() + first,
                       .kv = plans.scratch != nullptr ? plans.scratch.get() : &kv,
                       .plan = layer.last && s.last_in_part ? &s.last_plan : &plans.plan,
                       .pointwise = &plans.pointwise,
                       .out = attended + first});
  }
  if (!a.tasks.empty()) b.attention(a.tasks, spec.n_heads);
}

/// x += Wo attention(q, k, v), in the rows that go on
void attention_block(const Layer& layer, const Rows& all, const Rows& wanted, Activations& a) {
  project(layer, all, wanted, a);
  append_and_attend(layer, wanted, a);
  linear(layer.backend, wanted, {.x = a.attended.owner.get()},
         {{.w = layer.w.wo.get(), .bias = layer.w.bo.get(), .y = wanted.x, .add = true}});
}

/// x += Wdown (silu(Wgate norm(x)) * Wup norm(x))
void feed_forward_block(const Layer& layer, const Rows& rows, Index d_model) {
  const LayerWeights& w = layer.w;
  float* x = rows.x;
  for (const auto& [stage, n] :
       {std::pair{Stage::kPrefill, rows.n_read}, std::pair{Stage::kDecode, rows.n_written}}) {
    if (n > 0)
      layer.backend.feed_forward({.x = x, .n_rows = n, .norm = w.ffn_norm.get(), .eps = layer.spec.norm_eps},
                                 *w.w_gate, *w.w_up, *w.w_down, x, stage);
    x += n * d_model;
  }
}

/// The rows of x that are wanted: where they lie when they lie together, else copied beside each other.
Rows wanted_rows(const Backend& b, std::span<const Piece> pieces, const Rows& all, Index d_model,
                 Activations& a) {
  Rows wanted;
  for (const Piece& piece : pieces)
    (piece.stage == Stage::kPrefill ? wanted.n_read : wanted.n_written) += piece.wanted.n();
  const auto first_row = [](const Piece& p) { return p.row + p.wanted.begin - p.sequence->n_read; };
  if (pieces.size() == 1 || wanted.n() == all.n()) {
    wanted.x = all.x + (wanted.n() == all.n() ? 0 : first_row(pieces[0])) * d_model;
    return wanted;
  }
  wanted.x = a.wanted.reserve(b, wanted.n() * d_model);
  for (const Piece& piece : pieces)
    b.copy(all.x + first_row(piece) * d_model, piece.wanted.n() * d_model,
           wanted.x + piece.wanted_row * d_model);
  return wanted;
}

}  // namespace

float* Scratch::reserve(const Backend& backend, Index n) {
  if (n > size) owner = backend.buffer(n), size = n;
  return owner.get();
}

Rows forward(const Model& model, std::span<const Piece> pieces, Activations& a) {
  const ModelConfig& config = model.config();
  const Backend& b = model.backend();
  Rows all;
  for (const Piece& piece : pieces)
    (piece.stage == Stage::kPrefill ? all.n_read : all.n_written) += piece.n();
  all.x = a.x.reserve(b, all.n() * config.d_model);
  for (const Piece& piece : pieces)
    b.embed(model.weights().embedding, piece.tokens, all.x + piece.row * config.d_model);
  Rows on = all;  // the rows that go on behind keys and values
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const bool last = i + 1 == config.layers.size();
    const Layer layer{b, config.layers[i], model.weights().layers[i], i, last, pieces};
    if (last) on = wanted_rows(b, pieces, all, config.d_model, a);
    attention_block(layer, all, on, a);
    feed_forward_block(layer, on, config.d_model);
  }
  return on;
}

void output_logits(const Model& model, const float* x, Index n_rows, Stage stage, float* logits) {
  const Output output{.w = model.weights().output.get(), .y = logits};
  model.backend().linear({.x = x,
                          .n_rows = n_rows,
                          .norm = model.weights().output_norm.get(),
                          .eps = model.config().layers.back().norm_eps},
                         {&output, 1}, stage);
}

}  // namespace ropewalk
