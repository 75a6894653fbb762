// SPDX-License-Identifier: Apache-2.0
/// A model family is flags over one forward.
#pragma once
#include <string>
#include <vector>

#include "core/registry.h"
#include "formats/model_file.h"
#include "methods/method.h"

namespace ropewalk {

struct ModelConfig {
  std::string architecture, name;
  int n_layers = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0, rotary_dim = 0;
  Index d_model = 0, d_ff = 0, n_vocab = 0;
  Index n_ctx_train = 0;  ///< trained length of the model as shipped, its own scaling included, tokens
  /// The length its frequencies bend around: before its own scaling (yarn, llama3, longrope), else
  /// n_ctx_train; 0 where a scaling is there whose origin the file does not tell.
  Index n_ctx_original = 0;
  double rope_base = 10000;
  float rms_eps = 1e-5f;
  bool qkv_bias = false, output_bias = false;  ///< output: of attention
  bool qk_norm = false, tied_embeddings = false, interleaved_qk = false;
  std::vector<Index> sliding_window;  ///< (n_layers), 0 = none
  std::string own_scaling;            ///< method spec of the model's own scaling, empty if none
  std::vector<double> rope_freqs, long_factors, short_factors;
  double longrope_attention_factor = 0;

  /// What a method may know of layer `layer` for a request of n tokens.
  RopeContext rope_context(int layer, Index n) const;
};

/// One file per family in model/arch/.
struct Architecture {
  std::string name;  ///< general.architecture
  std::vector<std::string> aliases;
  /// Errors: Error that names what is not supported.
  ModelConfig (*read)(const ModelFile& file) = nullptr;
};

/// Errors: Error with the known architectures.
ModelConfig read_config(const ModelFile& file);

}  // namespace ropewalk
