// SPDX-License-Identifier: Apache-2.0
/// The weights of a model, shape-checked, in the form its backend reads.
#pragma once
#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "model/config.h"

namespace ropewalk {

/// Numbers in the backend's memory; null where the model has none.
using Vector = std::shared_ptr<const float>;

struct NormWeights {
  Vector weight, bias;
};

struct LayerWeights {
  NormWeights attn_norm, attn_post_norm;  // (d_model)
  std::unique_ptr<Matrix> wq, wk, wv;     // (q_width, d_model), (kv_width, d_model) x 2
  Vector bq, bk, bv;                      // the same rows
  NormWeights q_norm, k_norm;             // (head_dim), (heads, head_dim) or (width), as QkNorm says
  Vector behind;                          // (head_dim), QkNorm::kPerHeadBehind: those of q times those of k
  std::unique_ptr<Matrix> wo;             // (d_model, q_width)
  Vector bo;                              // (d_model)
  NormWeights ffn_norm, ffn_post_norm;    // (d_model)
  std::unique_ptr<Matrix> w_gate, w_up;   // (d_ff, d_model); w_gate null where nothing is gated
  std::unique_ptr<Matrix> w_down;         // (d_model, d_ff)
  Vector b_gate, b_up, b_down;            // the same rows
};

struct Weights {
  WeightRows embedding;                // (n_vocab, embedding width), in the file: rows are expanded when read
  Vector token_types;                  // (n_token_types, embedding width)
  NormWeights embedding_norm;          // (embedding width)
  std::unique_ptr<Matrix> projection;  // (d_model, embedding width)
  Vector projection_bias;              // (d_model)
  std::vector<LayerWeights> layers;
  std::unique_ptr<Matrix> transform;  // (embedding width, d_model)
  Vector transform_bias;              // (embedding width)
  NormWeights output_norm;            // (d_model), or behind a transform (embedding width)
  std::unique_ptr<Matrix> output;     // (n_vocab, d_model), or (n_vocab, embedding width)
  Vector output_bias;                 // (n_vocab)
};

/// Rows of q and k are permuted to the half-split pairing where the file holds them interleaved, so that
/// kernels know one pairing. They stay where `file` maps them. `bytes` receives the memory they take there
/// and beside it. Errors: Error, those of check_tensors.
std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes);

}  // namespace ropewalk
