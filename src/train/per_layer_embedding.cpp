// SPDX-License-Identifier: Apache-2.0
#include "train/per_layer_embedding.h"

#include <cmath>
#include <numbers>

#include "model/sequence.h"

namespace rw {

constexpr auto kShare = static_cast<float>(1 / std::numbers::sqrt2);  // of each of the two that are added

// ---------------------------------------------------------------- of all layers

template <class T>
TrainingPerLayerEmbeddings<T>::TrainingPerLayerEmbeddings(const Training<T>& ops, const ModelConfig& config,
                                                          const Weights& weights,
                                                          const LearningModel& learning)
    : ops_(ops),
      config_(config),
      w_(weights),
      learning_(learning),
      projection_{ops, weights.per_layer_projection.get(), nullptr, &learning.per_layer_projection} {}

template <class T>
Norm TrainingPerLayerEmbeddings<T>::norm() const {
  const LayerSpec& spec = config_.layers[0];
  return {.kind = spec.norm, .weight = w_.per_layer_norm.weight.get(), .eps = spec.norm_eps};
}

template <class T>
typename TrainingPerLayerEmbeddings<T>::Slab TrainingPerLayerEmbeddings<T>::take(Carver<T>& from,
                                                                                 Index n) const {
  Slab slab;
  slab.projected = from.take(n * width());
  slab.normed = from.take(n * width());
  return slab;
}

template <class T>
Index TrainingPerLayerEmbeddings<T>::scratch(Index n_rows) const {
  if (width() == 0) return 0;
  Carver<T> counts;
  take(counts, std::min(n_rows, kSlabRows));
  return 2 * counts.most();  // backward has the gradients of both
}

template <class T>
void TrainingPerLayerEmbeddings<T>::forward(std::span<const Token> tokens, const T* x0, T* scratch,
                                            T* e) const {
  const auto n_rows = static_cast<Index>(tokens.size());
  const Index w = config_.per_layer_width, d_model = config_.d_model;
  ops_.embed(w_.per_layer_embedding, tokens, std::sqrt(static_cast<float>(w)) * kShare, nullptr, e);
  for (Index row = 0; row < n_rows; row += kSlabRows) {
    const Index n = std::min(n_rows - row, kSlabRows);
    Carver<T> from(scratch);
    const Slab slab = take(from, n);
    projection_.forward(x0 + row * d_model, n, 1 / std::sqrt(static_cast<float>(d_model)), false,
                        slab.projected, nullptr);
    ops_.norm(slab.projected, n * config_.n_layers(), w, norm(), slab.normed);
    ops_.add_scaled(slab.normed, n * width(), kShare, e + row * width());
  }
}

template <class T>
void TrainingPerLayerEmbeddings<T>::backward(std::span<const Token> tokens, const T* x0, const T* d_e,
                                             T* scratch, T* dx0, T* gradient) const {
  const auto n_rows = static_cast<Index>(tokens.size());
  const Index w = config_.per_layer_width, d_model = config_.d_model;
  const float scale = 1 / std::sqrt(static_cast<float>(d_model));
  for (Index row = 0; row < n_rows; row += kSlabRows) {
    const Index n = std::min(n_rows - row, kSlabRows);
    Carver<T> from(scratch);
    const Slab slab = take(from, n), d = take(from, n);
    projection_.forward(x0 + row * d_model, n, scale, false, slab.projected, nullptr);
    set_zero(ops_, d.normed, n * width());
    ops_.add_scaled(d_e + row * width(), n * width(), kShare, d.normed);
    set_zero(ops_, d.projected, n * width());
    norm_backward(ops_, slab.projected, d.normed, n * config_.n_layers(), w, norm(), learning_.per_layer_norm,
                  d.projected, gradient);
    projection_.backward(x0 + row * d_model, d.projected, n, scale, dx0 + row * d_model, gradient, nullptr,
                         nullptr);
  }
  if (learning_.per_layer_embedding < 0) return;
  ops_.embed_backward(tokens, d_e, width(), std::sqrt(static_cast<float>(w)) * kShare,
                      gradient + learning_.per_layer_embedding, nullptr);
}

// ---------------------------------------------------------------- of one

template <class T>
TrainingPerLayerEmbedding<T>::TrainingPerLayerEmbedding(const Training<T>& ops, const LayerSpec& spec,
                                                        Index d_model, Index width,
                                                        const LayerWeights& weights,
                                                        const LearningLayer& learning)
    : ops_(ops),
      activation_(spec.ffn.activation),
      d_model_(d_model),
      width_(width),
      norm_{.kind = spec.norm, .weight = weights.per_layer.norm.weight.get(), .eps = spec.norm_eps},
      learning_norm_(learning.per_layer.norm),
      gate_{ops, weights.per_layer.gate.get(), nullptr, &learning.per_layer.gate},
      projection_{ops, weights.per_layer.projection.get(), nullptr, &learning.per_layer.projection} {}

template <class T>
PerLayerKept<T> TrainingPerLayerEmbedding<T>::take_kept(Carver<T>& from, Index n_rows) const {
  PerLayerKept<T> kept;
  kept.x = from.take(n_rows * d_model_);
  kept.part = from.take(n_rows * d_model_);
  kept.gate = from.take(n_rows * width_);
  kept.low_gate = from.take(n_rows * gate_.rank());
  kept.low_projection = from.take(n_rows * projection_.rank());
  return kept;
}

template <class T>
PerLayerScratch<T> TrainingPerLayerEmbedding<T>::take_scratch(Carver<T>& from, Index n_rows) const {
  PerLayerScratch<T> scratch;
  for (T** rows : {&scratch.own, &scratch.h, &scratch.d_h, &scratch.d_own})
    *rows = from.take(n_rows * width_);
  scratch.normed = from.take(n_rows * d_model_);
  scratch.d_part = scratch.normed;  // of backward, which reads no normed rows
  return scratch;
}

template <class T>
void TrainingPerLayerEmbedding<T>::take_own(Index n_rows, const PerLayerScratch<T>& s) const {
  ops_.context()->parallel_blocks(n_rows, 64, [this, &s](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      std::copy(s.e + r * s.stride, s.e + r * s.stride + width_, s.own + r * width_);
  });
}

template <class T>
void TrainingPerLayerEmbedding<T>::forward(Index n_rows, const PerLayerKept<T>& kept,
                                           const PerLayerScratch<T>& s, T* y) const {
  take_own(n_rows, s);
  gate_.forward(kept.x, n_rows, 1, false, kept.gate, kept.low_gate);
  ops_.activate(kept.gate, s.own, n_rows * width_, activation_, s.h);
  projection_.forward(s.h, n_rows, 1, false, kept.part, kept.low_projection);
  if (y == nullptr) return;
  ops_.norm(kept.part, n_rows, d_model_, norm_, s.normed);
  copy(ops_, kept.x, n_rows * d_model_, y);
  ops_.add_scaled(s.normed, n_rows * d_model_, 1, y);
}

template <class T>
void TrainingPerLayerEmbedding<T>::backward(Index n_rows, const PerLayerKept<T>& kept,
                                            const PerLayerScratch<T>& s, T* dx, T* gradient, T* d_low) const {
  const Index n = n_rows * width_;
  set_zero(ops_, s.d_part, n_rows * d_model_);
  norm_backward(ops_, kept.part, dx, n_rows, d_model_, norm_, learning_norm_, s.d_part, gradient);
  take_own(n_rows, s);
  ops_.activate(kept.gate, s.own, n, activation_, s.h);
  set_zero(ops_, s.d_h, n);
  projection_.backward(s.h, s.d_part, n_rows, 1, s.d_h, gradient, kept.low_projection, d_low);
  ops_.activate_backward(kept.gate, s.own, s.d_h, n, activation_, s.d_h, s.d_own);
  gate_.backward(kept.x, s.d_h, n_rows, 1, dx, gradient, kept.low_gate, d_low);
  if (s.d_e == nullptr) return;
  ops_.context()->parallel_blocks(n_rows, 64, [this, &s](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      std::copy(s.d_own + r * width_, s.d_own + (r + 1) * width_, s.d_e + r * s.stride);
  });
}

template class TrainingPerLayerEmbeddings<float>;
template class TrainingPerLayerEmbeddings<double>;
template class TrainingPerLayerEmbedding<float>;
template class TrainingPerLayerEmbedding<double>;

}  // namespace rw
