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

struct LayerWeights {
  Vector attn_norm;                      // (d_model)
  std::unique_ptr<Matrix> wq, wk, wv;    // (q_width, d_model), (kv_width, d_model) x 2
  Vector bq, bk, bv;                     // the same rows
  Vector q_norm, k_norm;                 // (head_dim)
  std::unique_ptr<Matrix> wo;            // (d_model, q_width)
  Vector bo;                             // (d_model)
  Vector ffn_norm;                       // (d_model)
  std::unique_ptr<Matrix> w_gate, w_up;  // (d_ff, d_model)
  std::unique_ptr<Matrix> w_down;        // (d_model, d_ff)
};

struct Weights {
  WeightRows embedding;  // (n_vocab, d_model), in the file: rows are expanded when read
  std::vector<LayerWeights> layers;
  Vector output_norm;              // (d_model)
  std::unique_ptr<Matrix> output;  // (n_vocab, d_model)
};

/// Rows of q and k are permuted to the half-split pairing where the file holds them interleaved, so that
/// kernels know one pairing. They stay where `file` maps them. `bytes` receives the memory they take there
/// and beside it. Errors: Error, those of check_tensors.
std::unique_ptr<Weights> load_weights(const ModelFile& file, const ModelConfig& config,
                                      const Backend& backend, std::size_t& bytes);

}  // namespace ropewalk
