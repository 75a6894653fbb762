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

namespace ropewalk {

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

/// W x becomes W x + scale B (A x): LoRA (Hu et al. 2021, arXiv:2106.09685, eq. 3), scale = alpha / rank. W
/// is frozen, A starts random (Kaiming uniform, as in PEFT), B at 0.
struct LowRankOptions {
  Index rank = 16;
  double alpha = 32;
  /// Those that a model has; of layers with a state all but the two that give a number for each head
  /// ("ssm_alpha", "ssm_beta").
  std::vector<std::string> targets = {
      "attn_q",   "attn_k",    "attn_v",  "attn_output", "ffn_gate",          "ffn_up",            "ffn_down",
      "attn_qkv", "attn_gate", "ssm_out", "ssm_in",      "shortconv.in_proj", "shortconv.out_proj"};
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
  /// Rows of a tensor that has others between them: groups of so many, each so many rows behind the one
  /// before. 0: all are together.
  Index group = 0, group_stride = 0;
};
/// Where the gradient of each vector and matrix of LayerWeights (model/weights.h) begins; -1: frozen.
struct LearningNorm {
  Index weight = -1, bias = -1;
};
/// The same of RecurrentWeights.
struct LearningRecurrence {
  LearningMatrix wq, wk, wv, w_gate, w_before, w_step, w_weight;
  Index taps_q = -1, taps_k = -1, taps_v = -1, bias_q = -1, bias_k = -1, bias_v = -1;
  Index rate = -1, step_bias = -1, skip = -1, norm = -1;
};
struct LearningLayer {
  LearningNorm attn_norm, attn_post_norm, q_norm, k_norm, ffn_norm, ffn_post_norm;
  LearningMatrix wq, wk, wv, w_output_gate, wo, w_gate, w_up, w_down;
  LearningRecurrence recurrence;
  Index bq = -1, bk = -1, bv = -1, bo = -1, b_gate = -1, b_up = -1, b_down = -1;
  Index behind = -1;
};

/// A model and what of it learns. Its own matrices and vectors read `values`, so that a step of the optimizer
/// is seen at once by who reads, judges or trains with `model`. Used by one thread at a time while it
/// changes.
struct LearningModel {
  std::shared_ptr<const Model> model;
  std::vector<Parameter> parameters;
  std::shared_ptr<Buffer<float>> values;  // (n()): every parameter, in order
  std::vector<LearningLayer> layers;
  Index embedding = -1, token_types = -1, projection_bias = -1, transform_bias = -1, output_bias = -1;
  LearningNorm embedding_norm, output_norm;
  LearningMatrix projection, transform, output;  // with tied embeddings output.begin == embedding
  std::optional<float> pair_scale = {};          // the one scale of all low-rank pairs; nullopt: it has none
  Index n() const { return values ? values->size() : 0; }
};
inline bool has_pairs(const LearningModel& model) { return model.pair_scale.has_value(); }

/// What stands in the way of training it; nullptr: nothing.
const char* why_not_trained(const ModelConfig& config);
/// Errors: Error that names `place` and what stands in the way: experts, latents, Gemma 4.
void require_trainable(const ModelConfig& config, const std::string& place);

/// What learns where every tensor does, and where each lies: of a model that is not there yet.
std::vector<Parameter> parameters_of(const ModelConfig& config);

/// Every tensor learns, from what the file has, expanded to float32; names, pairing and fusion are the
/// engine's (model/weights.h). The rates of recurrences learn as log(-rate), whatever the file holds. Errors: Error (memory: 4 bytes a weight, told before the work).
LearningModel learn_all(const std::shared_ptr<const Model>& source);
/// Low-rank pairs beside frozen matrices, which stay as the file stores them. With the pairs at their start
/// it computes what the source does. Errors: Error where a target names no matrix of the model.
LearningModel learn_low_rank(const std::shared_ptr<const Model>& source, const LowRankOptions& options);

}  // namespace ropewalk
