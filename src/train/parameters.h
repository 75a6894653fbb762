// SPDX-License-Identifier: Apache-2.0
/// What of a model learns: tensors that lie one behind the other in one array of float32, so that an
/// optimizer, a checkpoint and clipping pass over plain arrays.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "model/model.h"

namespace rw {

/// kMatrix: weights that are multiplied with. kEmbedding: rows by token (with tied embeddings they are the
/// output matrix too). kVector: norms and biases, which weight decay leaves alone.
enum class ParameterKind { kMatrix, kEmbedding, kVector };

struct Parameter {
  std::string name;  ///< as a ModelFile calls it, "blk.0.attn_q.weight"; of a low-rank pair "... .lora_a"
  ParameterKind kind = ParameterKind::kMatrix;
  Index n_rows = 1, n_columns = 0;  ///< a vector has one row
  Index begin = 0;                  ///< where it starts in values and in gradients
  Index n() const { return n_rows * n_columns; }
};

/// low_rank_targets() (train/layer_matrices.h) in their order, without "ssm_alpha" and "ssm_beta".
std::vector<std::string> usual_targets();

/// W x becomes W x + scale B (A x): LoRA (Hu et al. 2021, arXiv:2106.09685, eq. 3), scale = alpha / rank. W
/// is frozen, A starts random (Kaiming uniform, as in PEFT), B at 0.
struct LowRankOptions {
  Index rank = 16;
  double alpha = 32;
  /// Those that a model has of them: of latents (MLA) four in place of attn_k and attn_v; then those of the
  /// embeddings that each layer has; then those of layers with a state but the two that give a number for
  /// each head ("ssm_alpha", "ssm_beta").
  std::vector<std::string> targets = usual_targets();
  std::uint64_t seed = 1;
};

/// How a pass finds the gradient of what it multiplies with.
struct LowRank {
  float scale = 1;
  std::unique_ptr<Matrix> a, b;    // (rank, n_in), (n_out, rank): they read `values`
  Index a_begin = 0, b_begin = 0;  // of their gradients
};
struct LearningMatrix {
  Index begin = -1;                   // of its gradient (n_out, n_in); -1: frozen
  std::unique_ptr<LowRank> low_rank;  // or null
};
/// Where the gradient of each vector and matrix of LayerWeights (model/weights.h) begins; -1: frozen.
struct LearningNorm {
  Index weight = -1, bias = -1;
};
/// Of latents (model/latent.h). A matrix that is some rows of a tensor has those rows of its pair's B.
struct LearningLatent {
  LearningMatrix w_q, w_kv, w_shared;
  LearningNorm q_norm, kv_norm;
};
/// Of the embeddings that each layer has (model/per_layer_embedding.h).
struct LearningPerLayer {
  LearningMatrix gate, projection;
  LearningNorm norm;
};
/// Of layers with a state (RecurrentWeights).
struct LearningRecurrence {
  LearningMatrix wq, wk, wv, w_gate, w_before, w_step, w_weight;
  Index taps_q = -1, taps_k = -1, taps_v = -1, bias_q = -1, bias_k = -1, bias_v = -1;
  Index rate = -1, step_bias = -1, skip = -1, norm = -1;
};
struct LearningLayer {
  LearningNorm attn_norm, attn_post_norm, q_norm, k_norm, ffn_norm, ffn_post_norm;
  LearningMatrix wq, wk, wv, w_output_gate, wo, w_gate, w_up, w_down;
  Index bq = -1, bk = -1, bv = -1, bo = -1, b_gate = -1, b_up = -1, b_down = -1;
  Index behind = -1;
  LearningLatent latent;
  LearningPerLayer per_layer;
  LearningRecurrence recurrence;
};

/// A model and what of it learns. Its own matrices and vectors read `values`, so that a step of the optimizer
/// is seen at once by who reads, judges or trains with `model`. Used by one thread at a time while it
/// changes.
struct LearningModel {
  std::shared_ptr<const Model> model;
  std::vector<Parameter> parameters;
  std::shared_ptr<Buffer<float>> values;  // (n()): every parameter, in order
  std::optional<float> pair_scale;        // of all low-rank pairs; nullopt: it has none
  std::vector<LearningLayer> layers;
  Index embedding = -1, token_types = -1, projection_bias = -1, transform_bias = -1, output_bias = -1;
  Index per_layer_embedding = -1;
  LearningMatrix per_layer_projection;
  LearningNorm embedding_norm, output_norm, per_layer_norm;
  LearningMatrix projection, transform, output;  // with tied embeddings output.begin == embedding
  Index n() const { return values ? values->size() : 0; }
};
inline bool has_pairs(const LearningModel& model) { return model.pair_scale.has_value(); }

/// What of the family stands in the way of training it; nullptr: nothing.
const char* why_not_trained(const ModelConfig& config);
/// Reads the file's head alone. Errors: Error that names the file and what stands in the way: experts, turned
/// keys of latents, packed weights (ModelFile::has_packed), which nothing here packs again.
void require_trainable(const ModelConfig& config, const ModelFile& file);

/// Whether the file holds the rates of a recurrence in it, which learn as log(-rate). Others hold the
/// logarithms themselves.
inline bool holds_rates(const std::string& tensor) { return tensor.ends_with(".ssm_a"); }

/// What learns where every tensor does, and where each lies: of a model that is not there yet. Scales of what
/// a layer gives are none: transformers holds them as buffers.
std::vector<Parameter> parameters_of(const ModelConfig& config);

/// Every tensor learns, from what the file has, expanded to float32; names, pairing and fusion are the
/// engine's (model/weights.h). The rates of recurrences learn as log(-rate), whatever the file holds. Errors:
/// Error (memory: 4 bytes a weight, told before the work).
LearningModel learn_all(const std::shared_ptr<const Model>& source);
/// Low-rank pairs beside frozen matrices, which stay as the file stores them. With the pairs at their start
/// it computes what the source does. Errors: Error where a target names no matrix of the model.
LearningModel learn_low_rank(const std::shared_ptr<const Model>& source, const LowRankOptions& options);

}  // namespace rw
