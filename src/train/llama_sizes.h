// SPDX-License-Identifier: Apache-2.0
/// The numbers of a model of Llama's kind, and its config.json.
#pragma once
#include <optional>

#include "core/json.h"
#include "model/config.h"

namespace rw {

struct LlamaSizes {
  Index n_vocab = 0, d_model = 0, d_ff = 0, n_ctx_train = 0;
  int n_layers = 0, n_heads = 0, n_kv_heads = 0, head_dim = 0;
  double rope_base = 10000;
  float norm_eps = 1e-5f;
  bool tied = false, attention_bias = false;
};

/// Errors: Error that names what Llama has not, or a layer that differs from the first.
LlamaSizes llama_sizes(const ModelConfig& config, const std::string& place);

/// The configuration that a file of these sizes gives (read_config).
ModelConfig llama_config(const LlamaSizes& sizes, const std::string& name);

/// config.json of LlamaForCausalLM. `type`: of the weights, "F32", "F16" or "BF16". Without scaling.
Json llama_config_json(const LlamaSizes& sizes, const std::string& type, std::optional<Token> bos,
                       std::optional<Token> eos);

}  // namespace rw
