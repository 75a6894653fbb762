// SPDX-License-Identifier: Apache-2.0
/// The weights of a model, shape-checked, in the form its backend reads.
#pragma once
#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "model/config.h"

namespace ropewalk {

struct LayerWeights {
  std::vector<float> attn_norm;        // (d_model)
  std::unique_ptr<Matrix> wq, wk, wv;  // (n_heads * head_dim, d_model), (n_kv_heads * head_dim, d_model) x 2
  std::vector<float> bq, bk, bv;       // the same rows; empty without qkv_bias
  std::vector<float> bo;               // (d_model); empty without output_bias
  std::vector<float> q_norm, k_norm;   // (head_dim); empty without qk_norm
  std::unique_ptr<Matrix> wo;          // (d_model, n_heads * head_dim)
  std::vector<float> ffn_norm;         // (d_model)
  std::unique_ptr<Matrix> w_gate, w_up;  // (d_ff, d_model)
  std::unique_ptr<Matrix> w_down;        // (d_model, d_ff)
};

struct Weights {
  const TensorInfo* embedding = nullptr;  // (n_vocab, d_model), in the file: rows are expanded when read
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;  // (d_model)
  std::unique_ptr<Matrix> output;  // (n_vocab, d_model)
};

/// Rows of q and k are permuted to the half-split pairing where the file holds them interleaved, so that
/// kernels know one pairing. They stay where `file` maps them. `bytes` receives the memory they take there
/// and beside it. Errors: Error, those of check_tensors.
std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes);

/// out (d_model) = embedding of `token`. REQUIRES: 0 <= token < n_vocab.
void embed(const Weights& weights, Token token, float* out);

}  // namespace ropewalk
