// SPDX-License-Identifier: Apache-2.0
/// Embeddings that each layer has (model/per_layer_embedding.h), forward and backward.
#pragma once
#include <span>

#include "model/weights.h"
#include "train/learned_linear.h"

namespace rw {

/// e of all layers, (n_rows, n_layers, w), from tokens and x_0. The table's rows are gathered, so that its
/// gradient is 0 but for the tokens that were read.
template <class T>
class TrainingPerLayerEmbeddings {
 public:
  /// LIFETIME: all outlive it.
  TrainingPerLayerEmbeddings(const Training<T>& ops, const ModelConfig& config, const Weights& weights,
                             const LearningModel& learning);

  /// Floats of a row of e; 0: the model has none.
  Index width() const { return config_.per_layer_width * config_.n_layers(); }
  /// Whether its weights learn, and the embeddings it is made of.
  bool learns() const { return learning_.embedding >= 0; }
  /// Floats of scratch for n_rows rows.
  Index scratch(Index n_rows) const;
  void forward(std::span<const Token> tokens, const T* x0, T* scratch, T* e) const;
  /// dx0 += by d_e. gradient: of all that learns, +=.
  void backward(std::span<const Token> tokens, const T* x0, const T* d_e, T* scratch, T* dx0,
                T* gradient) const;

 private:
  struct Slab {
    T *projected = nullptr, *normed = nullptr;  // (n, n_layers, w) of some rows
  };
  Slab take(Carver<T>& from, Index n) const;
  Norm norm() const;

  const Training<T>& ops_;
  const ModelConfig& config_;
  const Weights& w_;
  const LearningModel& learning_;
  LearnedLinear<T> projection_;
};

/// What backward needs of one layer's forward.
template <class T>
struct PerLayerKept {
  T *x = nullptr, *part = nullptr;  // (n_rows, d_model): what it is added to; what is added, before its norm
  T* gate = nullptr;                // (n_rows, w) before the activation
  T *low_gate = nullptr, *low_projection = nullptr;  // (n_rows, rank)
};

/// Rows that live during one call.
template <class T>
struct PerLayerScratch {
  T *own = nullptr, *h = nullptr, *d_h = nullptr, *d_own = nullptr;  // (n_rows, w); own: its part of e
  T *normed = nullptr, *d_part = nullptr;                            // (n_rows, d_model)
  /// The layer's columns of e and, null where nothing below it learns, of its gradient: set by who has them.
  const T* e = nullptr;
  T* d_e = nullptr;
  Index stride = 0;  // of both
};

/// One layer's: x + norm(W_projection (act(W_gate x) * e_l)).
template <class T>
class TrainingPerLayerEmbedding {
 public:
  /// LIFETIME: all outlive it.
  TrainingPerLayerEmbedding(const Training<T>& ops, const LayerSpec& spec, Index d_model, Index width,
                            const LayerWeights& weights, const LearningLayer& learning);

  PerLayerKept<T> take_kept(Carver<T>& from, Index n_rows) const;
  PerLayerScratch<T> take_scratch(Carver<T>& from, Index n_rows) const;
  Index rank() const { return std::max(gate_.rank(), projection_.rank()); }

  /// y of kept.x; null: only what backward needs is computed.
  void forward(Index n_rows, const PerLayerKept<T>& kept, const PerLayerScratch<T>& scratch, T* y) const;
  /// dx: the gradient by y becomes that by kept.x. d_low (n_rows, rank()) is scratch.
  void backward(Index n_rows, const PerLayerKept<T>& kept, const PerLayerScratch<T>& scratch, T* dx,
                T* gradient, T* d_low) const;

 private:
  void take_own(Index n_rows, const PerLayerScratch<T>& scratch) const;

  const Training<T>& ops_;
  Activation activation_;
  Index d_model_, width_;
  Norm norm_;
  const LearningNorm& learning_norm_;
  LearnedLinear<T> gate_, projection_;
};

extern template class TrainingPerLayerEmbeddings<float>;
extern template class TrainingPerLayerEmbeddings<double>;
extern template class TrainingPerLayerEmbedding<float>;
extern template class TrainingPerLayerEmbedding<double>;

}  // namespace rw
