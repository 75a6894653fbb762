// SPDX-License-Identifier: Apache-2.0
/// The weights of a model, shape-checked, in the form its backend reads.
#pragma once
#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "model/config.h"

namespace rw {

/// Numbers in the backend's memory; null where the model has none.
using Vector = std::shared_ptr<const float>;

struct NormWeights {
  Vector weight, bias;
};

/// With E experts: matrices of theirs are stacked in the file.
struct ExpertWeights {
  std::unique_ptr<Matrix> router;   // (E, d_model)
  Vector router_bias, choice_bias;  // (E)
  std::vector<std::unique_ptr<Matrix>>
      matrices;                          // of each: gate and up (d_ff, d_model), down (d_model, d_ff)
  Vector gate_bias, up_bias, down_bias;  // (E, d_ff) x 2, (E, d_model)
  std::vector<FeedForward> each;         // (E), made of those
  std::unique_ptr<Matrix> shared_gate;   // (1, d_model)
};

/// What stands where other layers have attention (model/recurrent.h). Its output matrix is LayerWeights::wo.
struct RecurrentWeights {
  std::unique_ptr<Matrix> wq, wk, wv;        // (key_width, d_model) x 2, (value_width, d_model)
  Vector taps_q, taps_k, taps_v;             // the same rows, (n_taps) of each
  Vector bias_q, bias_k, bias_v;             // of the convolution
  std::unique_ptr<Matrix> w_gate, w_before;  // (value_width, d_model)
  std::unique_ptr<Matrix> w_step, w_weight;  // (n_heads, d_model)
  Vector rate, step_bias, skip;              // (n_heads)
  bool rate_is_log = false;                  // Recurrence::rate_is_log
  Vector unit_q, unit_k;                     // (key_dim): of rows of a head that are normalised
  Vector norm;                               // (value_dim), or (n_norm_groups, value_width / n_norm_groups)
};

/// Of a dense part and experts beside each other (FfnSpec::apart).
struct ApartWeights {
  NormWeights dense_post_norm, experts_norm, experts_post_norm, router_norm;  // (d_model)
};

/// Of the embeddings that each layer has (model/per_layer_embedding.h), w wide.
struct PerLayerWeights {
  std::unique_ptr<Matrix> gate, projection;  // (w, d_model), (d_model, w)
  NormWeights norm;                          // (d_model)
};

/// What queries, keys and values are made of (model/latent.h): LayerWeights::wq then is (q_width, d_model or
/// q_rank), wk (n_heads own_dim, kv_rank) and wv (v_width, kv_rank).
struct LatentWeights {
  std::unique_ptr<Matrix> w_q, w_kv,
      w_shared;                   // (q_rank, d_model), (kv_rank, d_model), (rotary_dim, d_model)
  Vector q_norm, kv_norm;         // (q_rank), (kv_rank)
  std::vector<std::byte> turned;  // what wk lies in, where the file holds it otherwise
};

struct LayerWeights {
  LatentWeights latent;                   // outlives wk
  NormWeights attn_norm, attn_post_norm;  // (d_model)
  std::unique_ptr<Matrix> wq, wk, wv;     // (q_width, d_model), (k_width, d_model), (v_width, d_model)
  Vector bq, bk, bv;                      // the same rows
  NormWeights q_norm, k_norm;             // (head_dim), (heads, head_dim) or (width), as QkNorm says
  Vector behind;                          // (head_dim), QkNorm::kPerHeadBehind: those of q times those of k
  Vector sinks;                           // (n_heads)
  std::unique_ptr<Matrix> w_output_gate;  // (out_width, d_model)
  RecurrentWeights recurrent;             // in place of all these
  std::unique_ptr<Matrix> wo;             // (d_model, out_width)
  Vector bo;                              // (d_model)
  NormWeights ffn_norm, ffn_post_norm;    // (d_model)
  std::unique_ptr<Matrix> w_gate, w_up;   // (d_ff, d_model); w_gate null where nothing is gated
  std::unique_ptr<Matrix> w_down;         // (d_model, d_ff)
  Vector b_gate, b_up, b_down;            // the same rows
  ApartWeights apart;
  PerLayerWeights per_layer;
  float output_scale = 1;
  ExpertWeights experts;  // beside w_gate, w_up and w_down, which all rows share
};

struct Weights {
  WeightRows embedding;                // (n_vocab, embedding width), in the file: rows are expanded when read
  Vector token_types;                  // (n_token_types, embedding width)
  NormWeights embedding_norm;          // (embedding width)
  std::unique_ptr<Matrix> projection;  // (d_model, embedding width)
  Vector projection_bias;              // (d_model)
  WeightRows per_layer_embedding;      // (n_vocab, n_layers w), in the file
  std::unique_ptr<Matrix> per_layer_projection;  // (n_layers w, d_model)
  NormWeights per_layer_norm;                    // (w)
  std::vector<LayerWeights> layers;
  std::unique_ptr<Matrix> transform;  // (embedding width, d_model)
  Vector transform_bias;              // (embedding width)
  NormWeights output_norm;            // (d_model), or behind a transform (embedding width)
  std::unique_ptr<Matrix> output;     // (n_vocab, d_model), or (n_vocab, embedding width)
  Vector output_bias;                 // (n_vocab)
};

/// Where the tensors of a model come from, by the names of its file, rows in the engine's order
/// (model/pairing.h), so that kernels know one pairing.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// Of a stack of matrices: the rows of the first, then those of the next.
  virtual WeightRows rows(const std::string& name) = 0;
  virtual Vector vector(const std::string& name) = 0;
  /// One vector times another, element by element.
  virtual Vector product(const std::string& a, const std::string& b) = 0;
  /// Whether the rates of recurrences come as log(-rate), whatever the file holds: those that learn.
  virtual bool rates_are_logs() const { return false; }
};

/// The tensors of a file: rows stay where it maps them.
class FileTensors {
 public:
  FileTensors(const ModelFile& file, const ModelConfig& config) : file_(file), config_(config) {}
  WeightRows rows(const std::string& name) const;
  std::vector<float> numbers(const std::string& name) const;
  /// Of `a` times those of `b`, one by one.
  std::vector<float> product(const std::string& a, const std::string& b) const;

 private:
  const ModelFile& file_;
  const ModelConfig& config_;
};

/// What the backend makes of them. `bytes` receives the memory they take where they lie and beside it.
std::unique_ptr<Weights> load_weights(WeightSource& source, const ModelConfig& config, const Backend& backend,
                                      std::size_t& bytes);
/// Of a file. Errors: Error, those of check_tensors.
std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes);

}  // namespace rw
