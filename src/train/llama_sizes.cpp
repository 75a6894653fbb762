// SPDX-License-Identifier: Apache-2.0
#include "train/llama_sizes.h"

namespace rw {
namespace {

/// As a person writes it: 1e-05, not 9.999999747378752e-06.
double plain_double(float value) { return std::stod(fmt::format("{}", value)); }

}  // namespace

LlamaSizes llama_sizes(const ModelConfig& config, const std::string& place) {
  const LayerSpec& first = config.layers[0];
  const AttentionSpec& a = first.attention;
  const auto require = [&](bool holds, const char* expected, const char* found) {
    if (!holds)
      throw Error(
          place, fmt::format("a model of Llama's kind with {}, to write it in the other container", expected),
          found, "write it in its own container");
  };
  require(config.architecture == "llama", "the architecture llama", config.architecture.c_str());
  for (const LayerSpec& layer : config.layers) {
    LayerSpec same = layer;
    same.attention.acts = a.acts;
    require(same == first, "equal layers", "layers that differ");
  }
  require(a.qkv_bias == a.output_bias, "biases of all of attention, or of none", "some of them");
  require(!first.ffn.bias, "no biases of the feed-forward part", "some");
  require(config.n_blocks == config.n_layers(), "no blocks behind the last layer", "some");
  require(first.ffn.gated && first.ffn.activation == Activation::kSilu, "a gated SiLU", "another activation");
  require(a.qk_norm == QkNorm::kNone && a.window == 0 && a.scale == 0 && a.soft_cap == 0, "plain attention",
          "norms, a window, a scale or a cap");
  require(config.embedding_multiplier == 1 && config.logit_multiplier == 1 && first.residual_multiplier == 1,
          "no multipliers", "some");
  LlamaSizes sizes;
  sizes.n_vocab = config.n_vocab, sizes.d_model = config.d_model, sizes.d_ff = first.ffn.d_ff;
  sizes.n_ctx_train = config.n_ctx_train;
  sizes.n_layers = config.n_layers(), sizes.n_heads = a.n_heads, sizes.n_kv_heads = a.n_kv_heads;
  sizes.head_dim = a.head_dim, sizes.rope_base = a.rope.base, sizes.norm_eps = first.norm_eps;
  sizes.tied = config.tied_embeddings, sizes.attention_bias = a.qkv_bias;
  return sizes;
}

ModelConfig llama_config(const LlamaSizes& sizes, const std::string& name) {
  LayerSpec layer;
  AttentionSpec& a = layer.attention;
  a.n_heads = sizes.n_heads, a.n_kv_heads = sizes.n_kv_heads, a.head_dim = sizes.head_dim;
  a.rope.base = sizes.rope_base, a.rope.rotary_dim = sizes.head_dim;
  a.qkv_bias = a.output_bias = sizes.attention_bias;
  layer.ffn.d_ff = sizes.d_ff, layer.norm_eps = sizes.norm_eps;
  ModelConfig config;
  config.architecture = "llama", config.name = name;
  config.layers.assign(static_cast<std::size_t>(sizes.n_layers), layer);
  config.n_blocks = sizes.n_layers;
  config.d_model = config.embedding.width = sizes.d_model, config.n_vocab = sizes.n_vocab;
  config.n_ctx_train = config.n_ctx_original = sizes.n_ctx_train;
  config.output_norm_eps = sizes.norm_eps;
  config.tied_embeddings = sizes.tied;
  return config;
}

Json llama_config_json(const LlamaSizes& sizes, const std::string& type, std::optional<Token> bos,
                       std::optional<Token> eos) {
  const char* dtype = type == "F32" ? "float32" : type == "F16" ? "float16" : "bfloat16";
  return {{"architectures", Json::array({"LlamaForCausalLM"})},
          {"model_type", "llama"},
          {"vocab_size", sizes.n_vocab},
          {"hidden_size", sizes.d_model},
          {"intermediate_size", sizes.d_ff},
          {"num_hidden_layers", sizes.n_layers},
          {"num_attention_heads", sizes.n_heads},
          {"num_key_value_heads", sizes.n_kv_heads},
          {"head_dim", sizes.head_dim},
          {"max_position_embeddings", sizes.n_ctx_train},
          {"rope_theta", sizes.rope_base},
          {"rms_norm_eps", plain_double(sizes.norm_eps)},
          {"hidden_act", "silu"},
          {"attention_bias", sizes.attention_bias},
          {"mlp_bias", false},
          {"tie_word_embeddings", sizes.tied},
          {"torch_dtype", dtype},
          {"bos_token_id", bos ? Json(*bos) : Json(nullptr)},
          {"eos_token_id", eos ? Json(*eos) : Json(nullptr)}};
}

}  // namespace rw
