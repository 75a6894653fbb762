// SPDX-License-Identifier: Apache-2.0
#include "model/forward.h"

#include <algorithm>

#include "model/feed_forward.h"
#include "model/latent.h"
#include "model/layer_pass.h"
#include "model/per_layer_embedding.h"
#include "model/recurrent.h"

namespace rw {
namespace {

/// heads (n_rows, n_heads, head_dim) of queries or keys, normalised where the layer does
void normalise_heads(const LayerPass& layer, const NormWeights& w, Index n_rows, int n_heads, float* heads) {
  const AttentionSpec& spec = layer.spec.attention;
  if (spec.qk_norm == QkNorm::kNone) return;
  Norm norm{.kind = spec.qk_norm_kind, .weight = w.weight.get(), .eps = layer.spec.norm_eps};
  if (spec.qk_norm == QkNorm::kPerHeadOwn) norm.n_weights = n_heads;
  if (spec.qk_norm == QkNorm::kPerHeadBehind) norm.weight = nullptr;
  const bool whole = spec.qk_norm == QkNorm::kWholeRow;
  layer.backend.norm(heads, whole ? n_rows : n_rows * n_heads,
                     whole ? Index{n_heads} * spec.head_dim : spec.head_dim, norm, heads);
}

/// k, v (of all rows) = Wk norm(x), Wv norm(x), and q (of those that go on) = Wq norm(x), with biases; no k
/// and v where another layer's are read, no product for v where it is what k is
void project_rows(const LayerPass& layer, const Rows& all, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const LayerWeights& w = layer.w;
  const AttentionSpec& spec = layer.spec.attention;
  const Output to_q{.w = w.wq.get(), .bias = w.bq.get(), .y = a.q.reserve(b, wanted.n() * spec.q_width())};
  const Norm norm = norm_of(layer.spec, w.attn_norm);
  const Norm* before = layer.spec.pre_norm ? &norm : nullptr;
  const Input from{.x = all.x, .norm = before}, from_wanted{.x = wanted.x, .norm = before};
  if (!layer.spec.keeps()) return linear(b, wanted, from_wanted, {to_q});
  const Output to_k{.w = w.wk.get(), .bias = w.bk.get(), .y = a.k.reserve(b, all.n() * spec.k_width())},
      to_v{.w = w.wv.get(), .bias = w.bv.get(), .y = a.v.reserve(b, all.n() * spec.v_width())};
  const bool together = wanted.n() == all.n();
  if (spec.value_is_key) {
    together ? linear(b, all, from, {to_k, to_q}) : linear(b, all, from, {to_k});
    b.copy(to_k.y, all.n() * spec.v_width(), to_v.y);
  } else {
    together ? linear(b, all, from, {to_k, to_v, to_q}) : linear(b, all, from, {to_k, to_v});
  }
  if (!together) linear(b, wanted, from_wanted, {to_q});
}

/// The same, the gate of what attention gives, and norms of heads where the layer has them.
void project(const LayerPass& layer, const Rows& all, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const LayerWeights& w = layer.w;
  const AttentionSpec& spec = layer.spec.attention;
  if (spec.latent.any()) return project_latent(layer, all, wanted, a);
  project_rows(layer, all, wanted, a);
  const Norm norm = norm_of(layer.spec, w.attn_norm);
  if (spec.output_gate)
    linear(b, wanted, {.x = wanted.x, .norm = layer.spec.pre_norm ? &norm : nullptr},
           {{.w = w.w_output_gate.get(), .y = a.gate.reserve(b, wanted.n() * spec.out_width())}});
  normalise_heads(layer, w.q_norm, wanted.n(), spec.n_heads, a.q.owner.get());
  if (!layer.spec.keeps()) return;
  normalise_heads(layer, w.k_norm, all.n(), spec.n_kv_heads, a.k.owner.get());
  if (spec.value_norm)
    b.norm(a.v.owner.get(), all.n() * spec.n_kv_heads, spec.v_dim(),
           {.kind = spec.qk_norm_kind, .eps = layer.spec.norm_eps}, a.v.owner.get());
}

/// The new keys and values of a group of heads of one sequence.
void append(const LayerPass& layer, const Piece& piece, Index group, KvLayer& kv, const LayerClass& plans,
            Activations& a) {
  const AttentionSpec& spec = layer.spec.attention;
  const Index first_head = group * kv.n_kv_heads;
  const float* k = a.k.owner.get() + piece.row * spec.k_width() + first_head * spec.head_dim;
  float* v = a.v.owner.get() + piece.row * spec.v_width() + first_head * spec.v_dim();
  if (spec.rotary_value)
    layer.backend.rotate(v, piece.n(), kv.n_kv_heads, spec.v_dim(), spec.v_width(), piece.sequence->n_read,
                         plans.pointwise.theta);
  layer.backend.append(kv, k, spec.k_width(), v, spec.v_width(), plans.keys);
}

/// The new keys and values of each sequence, and what its rows ask of its cache: a task for heads of a plan.
void append_and_attend(const LayerPass& layer, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const AttentionSpec& spec = layer.spec.attention;
  float* attended = a.attended.reserve(b, wanted.n() * spec.out_width());
  a.tasks.clear();
  for (const Piece& piece : layer.pieces) {
    Sequence::State& s = *piece.sequence;
    HeadGroups& groups =
        s.layers[layer.spec.kv_of >= 0 ? static_cast<std::size_t>(layer.spec.kv_of) : layer.index];
    const int n_heads = spec.n_heads / static_cast<int>(groups.size());
    for (std::size_t g = 0; g < groups.size(); ++g) {
      LayerClass& plans = s.classes[groups[g].plans];
      KvLayer& kv = *groups[g].kv;
      if (layer.spec.keeps()) append(layer, piece, static_cast<Index>(g), kv, plans, a);
      kv.layer = static_cast<int>(layer.index);  // which reads it now
      if (layer.last && piece.wanted.n() == 0) continue;
      if (plans.scratch != nullptr) {
        plans.scratch->layer = kv.layer;
        b.rotate_into(*plans.scratch, kv, plans.rotated_keys);
      }
      const Index row = layer.last ? piece.wanted_row : piece.row, head = static_cast<Index>(g) * n_heads;
      a.tasks.push_back({.q = a.q.owner.get() + row * spec.q_width() + head * spec.head_dim,
                         .kv = plans.scratch != nullptr ? plans.scratch.get() : &kv,
                         .plan = layer.last && s.last_in_part ? &plans.last_plan : &plans.plan,
                         .pointwise = &plans.pointwise,
                         .out = attended + row * spec.out_width() + head * spec.v_dim(),
                         .n_heads = n_heads,
                         .stride = spec.q_width(),
                         .out_stride = spec.out_width(),
                         .weight = layer.w.behind.get(),
                         .sinks = spec.sinks ? layer.w.sinks.get() + head : nullptr});
    }
  }
  if (!a.tasks.empty()) b.attention(a.tasks, spec.n_heads);
}

/// x += multiplier post_norm(part), part (n_rows, d_model); part is written over
void add_normed(const LayerPass& layer, const NormWeights& w, const Rows& rows, Index d_model, float* part) {
  layer.backend.norm(part, rows.n(), d_model, norm_of(layer.spec, w), part);
  layer.backend.add_scaled(part, rows.n() * d_model, layer.spec.residual_multiplier, rows.x);
}

/// x = norm(x), of layers that normalise sums
void norm_sum(const LayerPass& layer, const NormWeights& w, const Rows& rows, Index d_model) {
  if (layer.spec.norm_after_add)
    layer.backend.norm(rows.x, rows.n(), d_model, norm_of(layer.spec, w), rows.x);
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

/// What the layer's attention, or what stands in its place, gives before its output matrix.
const float* mix(const LayerPass& layer, const Rows& all, const Rows& on, Activations& a) {
  if (layer.spec.recurs()) return recur(layer, all, a);
  project(layer, all, on, a);
  append_and_attend(layer, on, a);
  const AttentionSpec& spec = layer.spec.attention;
  if (!spec.output_gate) return a.attended.owner.get();
  layer.backend.activate(a.gate.owner.get(), a.attended.owner.get(), on.n() * spec.out_width(),
                         Activation::kSigmoid);
  return a.gate.owner.get();
}

/// on.x += (or its own way of adding) what the layer's first part gives
void add_mixed(const LayerPass& layer, const Rows& all, const Rows& on, Index d_model, float* part,
               Activations& a) {
  const LayerSpec& spec = layer.spec;
  const LayerWeights& w = layer.w;
  const Input mixed{.x = mix(layer, all, on, a)};
  if (spec.post_norm) {
    linear(layer.backend, on, mixed, {{.w = w.wo.get(), .bias = w.bo.get(), .y = part}});
    add_normed(layer, w.attn_post_norm, on, d_model, part);
  } else {
    linear(
        layer.backend, on, mixed,
        {{.w = w.wo.get(), .bias = w.bo.get(), .y = on.x, .add = true, .scale = spec.residual_multiplier}});
  }
  norm_sum(layer, w.attn_norm, on, d_model);
}

/// The layer, as layer_spec.h says it. `on`: the rows that go on behind what rows learn of each other; from
/// the last layer that keeps something on those that are wanted.
void run_layer(const LayerPass& layer, const Rows& all, Rows& on, Index d_model, Activations& a) {
  const Backend& b = layer.backend;
  const LayerSpec& spec = layer.spec;
  const LayerWeights& w = layer.w;
  if (layer.first_of_last && !spec.recurs()) on = wanted_rows(b, layer.pieces, all, d_model, a);
  float* part = spec.parallel || spec.post_norm ? a.part.reserve(b, on.n() * d_model) : nullptr;
  if (spec.parallel)  // both parts are of the same x
    feed_forward(layer, on, spec.one_norm ? w.attn_norm : w.ffn_norm, part, false, d_model, a);
  if (spec.mixes()) add_mixed(layer, all, on, d_model, part, a);
  if (layer.first_of_last && spec.recurs()) on = wanted_rows(b, layer.pieces, all, d_model, a);
  if (spec.parallel) {
    b.add_scaled(part, on.n() * d_model, 1, on.x);
  } else if (spec.post_norm) {
    feed_forward(layer, on, w.ffn_norm, part, false, d_model, a);
    add_normed(layer, w.ffn_post_norm, on, d_model, part);
  } else if (spec.feeds_forward()) {
    feed_forward(layer, on, w.ffn_norm, on.x, true, d_model, a);
    norm_sum(layer, w.ffn_norm, on, d_model);
  }
}

/// What stands behind a layer.
void finish_layer(const Model& model, const LayerPass& layer, const Rows& on, Activations& a) {
  const ModelConfig& config = model.config();
  if (config.per_layer_width > 0) add_per_layer_embedding(config, layer, on, a);
  if (layer.spec.output_scale) layer.backend.scale(on.x, on.n() * config.d_model, layer.w.output_scale);
}

/// all.x = the rows of the tokens, as EmbeddingSpec says
void embed(const Model& model, std::span<const Piece> pieces, const Rows& all, Activations& a) {
  const ModelConfig& config = model.config();
  const EmbeddingSpec& spec = config.embedding;
  const Weights& w = model.weights();
  const Backend& b = model.backend();
  float* x = spec.projected ? a.embedded.reserve(b, all.n() * spec.width) : all.x;
  for (const Piece& piece : pieces)
    b.embed(w.embedding, piece.tokens, config.embedding_multiplier, w.token_types.get(),
            x + piece.row * spec.width);
  if (spec.norm) b.norm(x, all.n(), spec.width, norm_of(config.layers[0], w.embedding_norm), x);
  if (spec.projected)
    linear(b, all, {.x = x}, {{.w = w.projection.get(), .bias = w.projection_bias.get(), .y = all.x}});
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
  embed(model, pieces, all, a);
  if (config.per_layer_width > 0) make_per_layer_embeddings(model, pieces, all, a);
  Rows on = all;  // the rows that go on behind keys and values
  const std::size_t keeping = config.last_keeping_layer();
  const Taken taken = taken_by(config, all.n());
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const WeightPager::Held held(model.pager(), i, taken);
    const LayerPass layer{
        b, config.layers[i], model.weights().layers[i], i, i >= keeping, i == keeping, pieces, held};
    run_layer(layer, i > keeping ? on : all, on, config.d_model, a);
    finish_layer(model, layer, on, a);
  }
  return on;
}

void output_logits(const Model& model, const float* x, Index n_rows, Stage stage, Activations& a,
                   float* logits) {
  const ModelConfig& c = model.config();
  const WeightPager::Held held(model.pager(), c.layers.size(), Taken::kSomeExperts);
  const Weights& w = model.weights();
  const Norm norm{.kind = c.output_norm,
                  .weight = w.output_norm.weight.get(),
                  .bias = w.output_norm.bias.get(),
                  .eps = c.output_norm_eps};
  if (c.output_transform) {
    const Index width = c.embedding.width;
    float* y = a.embedded.reserve(model.backend(), n_rows * width);
    const Output transform{.w = w.transform.get(), .bias = w.transform_bias.get(), .y = y};
    model.backend().linear({.x = x, .n_rows = n_rows}, {&transform, 1}, stage);
    model.backend().activate(y, nullptr, n_rows * width, c.layers[0].ffn.activation);
    x = y;
  }
  const Output output{
      .w = w.output.get(), .bias = w.output_bias.get(), .y = logits, .scale = c.logit_multiplier};
  model.backend().linear({.x = x, .n_rows = n_rows, .norm = c.has_output_norm ? &norm : nullptr},
                         {&output, 1}, stage);
  if (c.logit_soft_cap > 0) model.backend().soft_cap(logits, n_rows * c.n_vocab, c.logit_soft_cap);
}

}  // namespace rw
