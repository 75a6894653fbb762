// SPDX-License-Identifier: Apache-2.0
/// What stands before the layers and behind them: embeddings; logits and their loss.
#pragma once
#include <span>

#include "model/weights.h"
#include "train/learned_linear.h"

namespace rw {

/// Rows of tokens, as EmbeddingSpec (model/config.h) says.
template <class T>
class TrainingEmbedding {
 public:
  /// LIFETIME: all outlive it.
  TrainingEmbedding(const Training<T>& ops, const ModelConfig& config, const Weights& weights,
                    const LearningModel& learning);

  /// Floats of scratch for n_rows rows.
  Index scratch(Index n_rows) const;
  /// x (tokens.size(), d_model)
  void forward(std::span<const Token> tokens, T* scratch, T* x) const;
  void backward(std::span<const Token> tokens, const T* dx, T* scratch, T* gradient) const;

 private:
  struct Rows {
    T *raw = nullptr, *normed = nullptr, *d_raw = nullptr, *d_normed = nullptr, *low = nullptr;
  };
  Rows take(Carver<T>& from, Index n_rows) const;
  /// The rows as they are read, and normalised; x: where they go when they are not projected.
  void embed(std::span<const Token> tokens, const Rows& rows) const;

  const Training<T>& ops_;
  const LearningModel& learning_;
  const ModelConfig& config_;
  const Weights& w_;
  Norm norm_;
};

/// Logits (model/forward.h: output_logits) and cross-entropy, in slabs: the logits of all rows never stand at
/// once. Rows without target cost nothing.
template <class T>
class TrainingOutput {
 public:
  /// LIFETIME: all outlive it.
  TrainingOutput(const Training<T>& ops, const ModelConfig& config, const Weights& weights,
                 const LearningModel& learning);

  Index scratch(Index n_rows) const;
  /// losses (targets.size()) =, 0 without target. With dx: dx (targets.size(), d_model) and gradient += those
  /// of the sum of weights x losses.
  void run(const T* x, std::span<const Token> targets, std::span<const T> weights, T* scratch, double* losses,
           T* dx, T* gradient) const;

 private:
  struct Slab {
    T *hidden = nullptr, *d_hidden = nullptr;     // (n, d_model)
    T *transformed = nullptr, *active = nullptr;  // (n, width), before and behind the activation
    T *normed = nullptr, *d_normed = nullptr;     // (n, width)
    T* d_active = nullptr;                        // (n, width)
    T *logits = nullptr, *capped = nullptr;       // (n, n_vocab); capped: a copy
    T* low = nullptr;
  };
  Slab take(Carver<T>& from, Index n) const;
  /// What the norm reads.
  const T* before_norm(const Slab& slab) const {
    return config_.output_transform ? slab.active : slab.hidden;
  }
  const T* before_output(const Slab& slab) const {
    return config_.has_output_norm ? slab.normed : before_norm(slab);
  }
  void forward(const Slab& slab, Index n) const;
  void backward(const Slab& slab, Index n, T* gradient) const;

  const Training<T>& ops_;
  const LearningModel& learning_;
  const ModelConfig& config_;
  Index width_;
  Norm norm_;
  LearnedLinear<T> transform_, output_;
};

extern template class TrainingEmbedding<float>;
extern template class TrainingEmbedding<double>;
extern template class TrainingOutput<float>;
extern template class TrainingOutput<double>;

}  // namespace rw
