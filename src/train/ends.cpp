// SPDX-License-Identifier: Apache-2.0
#include "train/ends.h"

#include "model/sequence.h"

namespace rw {

// ---------------------------------------------------------------- embeddings

template <class T>
TrainingEmbedding<T>::TrainingEmbedding(const Training<T>& ops, const ModelConfig& config,
                                        const Weights& weights, const LearningModel& learning)
    : ops_(ops), learning_(learning), config_(config), w_(weights) {
  const LayerSpec& spec = config_.layers[0];
  norm_ = {.kind = spec.norm,
           .weight = w_.embedding_norm.weight.get(),
           .bias = w_.embedding_norm.bias.get(),
           .eps = spec.norm_eps};
}

template <class T>
typename TrainingEmbedding<T>::Rows TrainingEmbedding<T>::take(Carver<T>& from, Index n_rows) const {
  const EmbeddingSpec& spec = config_.embedding;
  Rows rows;
  if (!spec.norm && !spec.projected) return rows;
  rows.raw = from.take(n_rows * spec.width);
  rows.d_raw = from.take(n_rows * spec.width);
  if (spec.norm) rows.normed = from.take(n_rows * spec.width);
  if (spec.norm && spec.projected) rows.d_normed = from.take(n_rows * spec.width);
  return rows;
}

template <class T>
Index TrainingEmbedding<T>::scratch(Index n_rows) const {
  Carver<T> counts;
  take(counts, n_rows);
  return counts.most();
}

template <class T>
void TrainingEmbedding<T>::embed(std::span<const Token> tokens, const Rows& rows) const {
  ops_.embed(w_.embedding, tokens, config_.embedding_multiplier, w_.token_types.get(), rows.raw);
  if (config_.embedding.norm)
    ops_.norm(rows.raw, static_cast<Index>(tokens.size()), config_.embedding.width, norm_, rows.normed);
}

template <class T>
void TrainingEmbedding<T>::forward(std::span<const Token> tokens, T* scratch, T* x) const {
  const EmbeddingSpec& spec = config_.embedding;
  const auto n_rows = static_cast<Index>(tokens.size());
  Carver<T> from(scratch);
  Rows rows = take(from, n_rows);
  if (!spec.projected) (spec.norm ? rows.normed : rows.raw) = x;
  embed(tokens, rows);
  if (spec.projected)
    ops_.linear(spec.norm ? rows.normed : rows.raw, n_rows, *w_.projection, w_.projection_bias.get(), 1,
                false, x);
}

template <class T>
void TrainingEmbedding<T>::backward(std::span<const Token> tokens, const T* dx, T* scratch,
                                    T* gradient) const {
  if (learning_.embedding < 0) return;  // frozen, and nothing is below it
  const EmbeddingSpec& spec = config_.embedding;
  const auto n_rows = static_cast<Index>(tokens.size());
  const Index n = n_rows * spec.width;
  Carver<T> from(scratch);
  const Rows rows = take(from, n_rows);
  if (rows.raw != nullptr) embed(tokens, rows);
  const T* d = dx;
  if (spec.projected) {
    T* to = spec.norm ? rows.d_normed : rows.d_raw;
    set_zero(ops_, to, n);
    const LearnedLinear<T> projection{ops_, w_.projection.get(), w_.projection_bias.get(),
                                      &learning_.projection, learning_.projection_bias};
    projection.backward(spec.norm ? rows.normed : rows.raw, d, n_rows, 1, to, gradient, nullptr, nullptr);
    d = to;
  }
  if (spec.norm) {
    set_zero(ops_, rows.d_raw, n);
    norm_backward(ops_, rows.raw, d, n_rows, spec.width, norm_, learning_.embedding_norm, rows.d_raw,
                  gradient);
    d = rows.d_raw;
  }
  ops_.embed_backward(tokens, d, spec.width, config_.embedding_multiplier, gradient + learning_.embedding,
                      learning_.token_types >= 0 ? gradient + learning_.token_types : nullptr);
}

// ---------------------------------------------------------------- logits and loss

template <class T>
TrainingOutput<T>::TrainingOutput(const Training<T>& ops, const ModelConfig& config, const Weights& weights,
                                  const LearningModel& learning)
    : ops_(ops),
      learning_(learning),
      config_(config),
      width_(config_.output_transform ? config_.embedding.width : config_.d_model),
      transform_{ops, weights.transform.get(), weights.transform_bias.get(), &learning.transform,
                 learning.transform_bias},
      output_{ops, weights.output.get(), weights.output_bias.get(), &learning.output, learning.output_bias} {
  const NormWeights& w = weights.output_norm;
  norm_ = {.kind = config_.output_norm,
           .weight = w.weight.get(),
           .bias = w.bias.get(),
           .eps = config_.output_norm_eps};
}

template <class T>
typename TrainingOutput<T>::Slab TrainingOutput<T>::take(Carver<T>& from, Index n) const {
  Slab slab;
  slab.hidden = from.take(n * config_.d_model);
  slab.d_hidden = from.take(n * config_.d_model);
  if (config_.output_transform) {
    slab.transformed = from.take(n * width_);
    slab.active = from.take(n * width_);
    slab.d_active = from.take(n * width_);
  }
  if (config_.has_output_norm) {
    slab.normed = from.take(n * width_);
    slab.d_normed = from.take(n * width_);
  }
  slab.logits = from.take(n * config_.n_vocab);
  if (config_.logit_soft_cap > 0) slab.capped = from.take(n * config_.n_vocab);
  return slab;
}

template <class T>
Index TrainingOutput<T>::scratch(Index n_rows) const {
  Carver<T> counts;
  take(counts, std::min(n_rows, kSlabRows));
  return counts.most();
}

template <class T>
void TrainingOutput<T>::forward(const Slab& slab, Index n) const {
  if (config_.output_transform) {
    transform_.forward(slab.hidden, n, 1, false, slab.transformed, nullptr);
    ops_.activate(nullptr, slab.transformed, n * width_, config_.layers[0].ffn.activation, slab.active);
  }
  if (config_.has_output_norm) ops_.norm(before_norm(slab), n, width_, norm_, slab.normed);
  output_.forward(before_output(slab), n, config_.logit_multiplier, false, slab.logits, nullptr);
  if (config_.logit_soft_cap > 0) {
    ops_.soft_cap(slab.logits, n * config_.n_vocab, config_.logit_soft_cap);
    copy(ops_, slab.logits, n * config_.n_vocab, slab.capped);
  }
}

/// d_hidden =, slab.logits are their gradient.
template <class T>
void TrainingOutput<T>::backward(const Slab& slab, Index n, T* gradient) const {
  if (config_.logit_soft_cap > 0)
    ops_.soft_cap_backward(slab.capped, slab.logits, n * config_.n_vocab, config_.logit_soft_cap,
                           slab.logits);
  T* d_before_norm = config_.output_transform ? slab.d_active : slab.d_hidden;
  T* d_before_output = config_.has_output_norm ? slab.d_normed : d_before_norm;
  set_zero(ops_, d_before_output, n * width_);
  output_.backward(before_output(slab), slab.logits, n, config_.logit_multiplier, d_before_output, gradient,
                   nullptr, nullptr);
  if (config_.has_output_norm) {
    set_zero(ops_, d_before_norm, n * width_);
    norm_backward(ops_, before_norm(slab), slab.d_normed, n, width_, norm_, learning_.output_norm,
                  d_before_norm, gradient);
  }
  if (!config_.output_transform) return;
  ops_.activate_backward(nullptr, slab.transformed, slab.d_active, n * width_,
                         config_.layers[0].ffn.activation, nullptr, slab.d_active);
  set_zero(ops_, slab.d_hidden, n * config_.d_model);
  transform_.backward(slab.hidden, slab.d_active, n, 1, slab.d_hidden, gradient, nullptr, nullptr);
}

template <class T>
void TrainingOutput<T>::run(const T* x, std::span<const Token> targets, std::span<const T> weights,
                            T* scratch, double* losses, T* dx, T* gradient) const {
  const Index d_model = config_.d_model;
  Carver<T> from(scratch);
  const Slab slab = take(from, std::min(static_cast<Index>(targets.size()), kSlabRows));
  std::fill(losses, losses + targets.size(), 0.0);
  std::vector<Index> rows;
  std::vector<Token> slab_targets;
  std::vector<T> slab_weights;
  std::vector<double> slab_losses;
  const auto finish = [&] {
    const auto n = static_cast<Index>(rows.size());
    if (n == 0) return;
    forward(slab, n);
    slab_losses.resize(rows.size());
    ops_.cross_entropy(slab.logits, config_.n_vocab, slab_targets, slab_weights.data(), slab_losses.data());
    for (std::size_t i = 0; i < rows.size(); ++i) losses[rows[i]] = slab_losses[i];
    if (dx != nullptr) {
      backward(slab, n, gradient);
      for (std::size_t i = 0; i < rows.size(); ++i)
        ops_.add_scaled(slab.d_hidden + static_cast<Index>(i) * d_model, d_model, 1, dx + rows[i] * d_model);
    }
    rows.clear(), slab_targets.clear(), slab_weights.clear();
  };
  for (std::size_t row = 0; row < targets.size(); ++row) {
    if (targets[row] == kNoToken) continue;
    const T* hidden = x + static_cast<Index>(row) * d_model;
    std::copy(hidden, hidden + d_model, slab.hidden + static_cast<Index>(rows.size()) * d_model);
    rows.push_back(static_cast<Index>(row));
    slab_targets.push_back(targets[row]), slab_weights.push_back(weights[row]);
    if (static_cast<Index>(rows.size()) == kSlabRows) finish();
  }
  finish();
}

template class TrainingEmbedding<float>;
template class TrainingEmbedding<double>;
template class TrainingOutput<float>;
template class TrainingOutput<double>;

}  // namespace rw
