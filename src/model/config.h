// SPDX-License-Identifier: Apache-2.0
/// What a model file says of its model: numbers, and one LayerSpec for each layer.
#pragma once
#include <string>
#include <vector>

#include "core/registry.h"
#include "formats/model_file.h"
#include "methods/method.h"
#include "model/layer_spec.h"

namespace rw {

/// Whether methods act on a layer: where it has positions and sees far.
bool acts_on(const LayerSpec& layer);

/// What a token's row of the embeddings becomes before the first layer: norm(row + row of token type 0), then
/// W x + b where it is not as wide as the layers.
struct EmbeddingSpec {
  Index width = 0;
  Index n_token_types = 0;  ///< 0: no types
  bool norm = false;
  bool projected = false, projection_bias = false;
};

struct ModelConfig {
  std::string architecture, name;
  std::vector<LayerSpec> layers;
  int n_blocks = 0;  ///< of the file: layers, and blocks behind them that predict further tokens (MTP)
  Index d_model = 0, n_vocab = 0;
  /// An encoder: rows see the tokens on both sides, so a text is read whole and at once, and its logits are
  /// of the token that stands in a row, not of the next one.
  bool encoder = false;
  EmbeddingSpec embedding = {};
  Index n_ctx_train = 0;  ///< trained length of the model as shipped, its own scaling included, tokens
  /// The length its frequencies bend around: before its own scaling (yarn, llama3, longrope), else
  /// n_ctx_train; 0 where a scaling is there whose origin the file does not tell.
  Index n_ctx_original = 0;
  NormKind output_norm = NormKind::kRms;  ///< before the logits
  float output_norm_eps = 1e-5f;
  bool has_output_norm = true, output_norm_bias = false, output_bias = false;
  /// The head of a masked language model: norm(activation(W x + b)) in place of norm(x), as wide as an
  /// embedding.
  bool output_transform = false;
  float embedding_multiplier = 1, logit_multiplier = 1;
  float logit_soft_cap = 0;   ///< logits are cap tanh(logit / cap); 0: as they are
  Index per_layer_width = 0;  ///< of the embeddings that each layer has (per_layer_embedding.h); 0: none
  /// How the file calls the norms before the two parts of a layer, or after their sums.
  std::string attn_norm = "attn_norm", ffn_norm = "ffn_norm";
  bool tied_embeddings = false;
  bool interleaved_qk = false;  ///< the file pairs dims (2m, 2m + 1); rows are permuted when they are loaded

  int n_layers() const { return static_cast<int>(layers.size()); }
  /// For each layer, which class of equal attention it is of: classes are counted from 0 as they come.
  std::vector<std::size_t> attention_classes() const;
  /// What a method may know of layer `layer` for a request of n tokens.
  RopeContext rope_context(int layer, Index n) const;
  /// How many have attention, the others a state in its place or neither.
  int n_attention_layers() const;
  /// The last layer that keeps something for later rows. Behind it only rows go on whose logits are wanted.
  std::size_t last_keeping_layer() const;
  /// The first layer that methods act on; where there is none the first one with attention, or 0.
  int acting_layer() const;
  /// On how many layers they act, as a number and as "5 of 30".
  int n_acting_layers() const;
  std::string acting_layers() const;
};

/// One file per family in model/arch/. The texts are what docs/models.md says of it.
struct Architecture {
  std::string name;  ///< general.architecture
  std::vector<std::string> aliases = {};
  std::string models;             ///< it is for, as people call them
  std::string acts = "all";       ///< on which layers methods act
  std::string scaling = "none";   ///< that its published models bring
  std::vector<std::string> tiny;  ///< its models in tests/golden/tiny, by name
  std::string checked = {};       ///< against what else, empty: nothing
  /// Errors: Error that names what is not supported.
  ModelConfig (*read)(const ModelFile& file) = nullptr;
};

/// Errors: Error that names what the engine does not compute, where formats/missing.h knows the architecture.
ModelConfig read_config(const ModelFile& file);

}  // namespace rw
