// SPDX-License-Identifier: Apache-2.0
/// A layer (model/layer_spec.h) forward and backward, as model/forward.cpp runs it, for the rows of all texts
/// of a batch at once.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "model/weights.h"
#include "train/latent.h"
#include "train/learned_linear.h"
#include "train/per_layer_embedding.h"
#include "train/recurrent.h"

namespace rw {

/// What attention of one text reads, for the heads that share it.
struct TextPlan {
  AttentionPlan plan;
  KeyPlan keys;
  Pointwise pointwise;
};
/// One text in a pass: its rows, and for each group of heads of the layer its plan.
struct TextRows {
  Index begin = 0, n = 0;
  std::vector<const TextPlan*> groups;
};

/// What backward needs of a layer's forward, beside its input. Null: the layer has no such thing.
template <class T>
struct LayerKept {
  /// As attention reads them, v rotated where values are. k and v that several layers read are set by who has
  /// them.
  T *q = nullptr, *k = nullptr, *v = nullptr;
  T *q_before = nullptr, *k_before = nullptr, *v_before = nullptr;  // their norms
  T *attended = nullptr, *lse = nullptr;        // (n_rows, mixed_width), (n_rows, n_heads)
  T* output_gate = nullptr;                     // (n_rows, out_width)
  T *attn_part = nullptr, *ffn_part = nullptr;  // (n_rows, d_model) before post norms
  T *attn_sum = nullptr, *ffn_sum = nullptr;    // (n_rows, d_model) before norms of sums
  T* middle = nullptr;                          // (n_rows, d_model) between the two parts
  T *gate = nullptr, *up = nullptr;             // (n_rows, d_ff) before the activation
  /// (n_rows, rank): LearnedLinear::reduce of each matrix but down, whose input is not kept either
  T *low_q = nullptr, *low_k = nullptr, *low_v = nullptr, *low_output_gate = nullptr, *low_o = nullptr;
  T *low_gate = nullptr, *low_up = nullptr;
  LatentKept<T> latent;
  RecurrentKept<T> recurrent;
  PerLayerKept<T> per_layer;
};

/// Rows that live during one call.
template <class T>
struct LayerScratch {
  T *normed = nullptr, *d_normed = nullptr, *part = nullptr;  // (n_rows, d_model)
  T *low = nullptr, *d_low = nullptr;                         // (n_rows, rank): of down; of any
  T *h = nullptr, *d_h = nullptr, *d_gate = nullptr;          // (n_rows, d_ff)
  T *d_attended = nullptr, *d_q = nullptr;                    // (n_rows, mixed_width), (n_rows, q_width)
  T *gated = nullptr, *d_output_gate = nullptr;               // (n_rows, out_width)
  T *d_k = nullptr, *d_v = nullptr, *d_k_before = nullptr;    // (n_rows, k_width), v_width, k_width
  T* d_v_before = nullptr;                                    // (n_rows, v_width)
  LatentScratch<T> latent;
  RecurrentScratch<T> recurrent;
  PerLayerScratch<T> per_layer;
};

template <class T>
class TrainingLayer {
 public:
  /// LIFETIME: all outlive it. Errors: LogicError for a combination that model/forward.cpp has no order for.
  TrainingLayer(const Training<T>& ops, const ModelConfig& config, std::size_t layer,
                const LayerWeights& weights, const LearningLayer& learning);

  /// Whether its keys and values are not its own alone: k, v and their gradients, which are 0 when backward
  /// begins, are then set by the caller, the same for all layers that read them.
  bool shares_keys() const { return shares_keys_; }
  LayerKept<T> take_kept(Carver<T>& from, Index n_rows) const;
  LayerScratch<T> take_scratch(Carver<T>& from, Index n_rows) const;

  /// y (n_rows, d_model) of x, apart from it; null: only what backward needs is computed.
  void forward(const T* x, Index n_rows, std::span<const TextRows> texts, const LayerKept<T>& kept,
               const LayerScratch<T>& scratch, T* y) const;
  /// dx: the gradient by y becomes that by x. gradient: of all that learns, +=.
  void backward(const T* x, Index n_rows, std::span<const TextRows> texts, const LayerKept<T>& kept,
                const LayerScratch<T>& scratch, T* dx, T* gradient) const;

 private:
  /// One call's arguments.
  struct Pass {
    const T* x;
    Index n_rows;
    std::span<const TextRows> texts;
    const LayerKept<T>& kept;
    const LayerScratch<T>& scratch;
    /// TrainingRecurrence::borders
    std::vector<Index> borders() const {
      std::vector<Index> all;
      for (const TextRows& text : texts) all.push_back(text.begin);
      all.push_back(n_rows);
      return all;
    }
  };
  LearnedLinear<T> linear(const std::unique_ptr<Matrix>& w, const Vector& bias,
                          const LearningMatrix& learning, Index bias_begin) const;
  Norm norm(const NormWeights& w) const;
  Norm head_norm(const NormWeights& w, int n_heads) const;
  const T* normed(const Pass& p, const T* x, const NormWeights& w) const;
  void back_through_norm(const Pass& p, const T* x, const NormWeights& w, const LearningNorm& learning,
                         const T* d_normed, T* dx, T* gradient) const;
  const NormWeights& ffn_norm() const { return spec_.one_norm ? w_.attn_norm : w_.ffn_norm; }
  const LearningNorm& ffn_norm_learning() const {
    return spec_.one_norm ? learning_.attn_norm : learning_.ffn_norm;
  }

  /// As forward, but for what stands behind the two parts.
  void run_parts(const Pass& p, T* y) const;
  /// y of what the second part reads; null: no further than backward needs.
  void run_second_part(const Pass& p, T* y) const;
  const T* middle(const Pass& p) const { return spec_.mixes() ? p.kept.middle : p.x; }
  /// Of what the first part's output matrix reads.
  Index mixed_width() const {
    return spec_.recurs() ? spec_.recurrence.value_width() : spec_.attention.out_width();
  }
  void mix(const Pass& p) const;
  const T* mixed(const Pass& p) const;
  void project(const Pass& p) const;
  Norm value_norm() const { return {.kind = spec_.attention.qk_norm_kind, .eps = spec_.norm_eps}; }
  T* before_value_norm(const LayerKept<T>& kept) const {
    return spec_.attention.value_is_key ? kept.k_before : kept.v_before;
  }
  void normalise_heads(const Pass& p, const NormWeights& w, int n_heads, const T* before, T* heads) const;
  std::vector<TrainingAttention<T>> attention_tasks(const Pass& p) const;
  void rotate_values(const Pass& p, T* v, bool backward) const;
  void feed_forward(const Pass& p, const T* x, T* y, bool add, float scale) const;
  void mix_backward(const Pass& p, const T* d_part, float scale, T* dx, T* gradient) const;
  void attention_backward(const Pass& p, T* dx, T* gradient) const;
  void project_backward(const Pass& p, T* dx, T* gradient) const;
  /// The gradients by what the matrices of q, k and v give.
  struct Projected {
    const T *d_q, *d_k, *d_v;
  };
  Projected norms_backward(const Pass& p, T* gradient) const;
  void heads_backward(const Pass& p, const NormWeights& w, const LearningNorm& learning, int n_heads,
                      const T* before, const T* d_heads, T* d_before, T* gradient) const;
  void feed_forward_backward(const Pass& p, const T* x, const T* dy, float scale, T* dx, T* gradient) const;
  /// dx = the gradient by the sum before its norm, of layers that normalise sums
  void sum_backward(const Pass& p, const T* sum, const NormWeights& w, const LearningNorm& learning, T* dx,
                    T* gradient) const;
  /// The gradient by what a part gave, before its post norm: dx itself where there is none.
  const T* part_gradient(const Pass& p, const T* part, const NormWeights& w, const LearningNorm& learning,
                         const T* dx, T* gradient) const;

  const Training<T>& ops_;
  const LayerSpec& spec_;
  Index d_model_;
  bool shares_keys_;
  const LayerWeights& w_;
  const LearningLayer& learning_;
  LearnedLinear<T> q_, k_, v_, output_gate_, o_, gate_, up_, down_;
  std::optional<TrainingLatent<T>> latent_;        // in place of q_, k_ and v_
  std::optional<TrainingRecurrent<T>> recurrent_;  // in place of attention
  std::optional<TrainingPerLayerEmbedding<T>> per_layer_;
};

}  // namespace rw
