// SPDX-License-Identifier: Apache-2.0
#include "model/read_common.h"

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "model/rope_divisors.h"

namespace ropewalk {
namespace {

/// Look-ups of "{arch}.key" in one file.
struct Keys {
  const ModelFile& file;
  std::string arch;

  std::string key(std::string_view name) const { return fmt::format("{}.{}", arch, name); }
  /// A number, or a list with the same number for every layer. Errors: Error where they differ.
  std::optional<std::int64_t> for_all_layers(std::string_view name) const {
    const auto found = file.metadata().find(key(name));
    if (found == file.metadata().end() || !std::holds_alternative<std::vector<std::int64_t>>(found->second))
      return file.integer(key(name));
    const auto& list = std::get<std::vector<std::int64_t>>(found->second);
    if (list.empty()) return {};
    for (const std::int64_t value : list)
      if (value != list.front())
        throw Error(file.path(), fmt::format("the same {} in every layer", key(name)),
                    fmt::format("{} and {}", list.front(), value),
                    "layers of different size are not computed");
    return list.front();
  }
  /// Errors: Error unless low <= value <= high.
  Index integer(std::string_view name, Index low, Index high, std::optional<Index> fallback = {}) const {
    const auto value = for_all_layers(name);
    if (!value && fallback) return *fallback;
    if (!value) throw Error(file.path(), "the key " + key(name), "none", "the file is incomplete");
    if (*value < low || *value > high)
      throw Error(file.path(), fmt::format("{} from {} to {}", key(name), low, high),
                  fmt::format("{}", *value));
    return *value;
  }
  /// Errors: Error unless finite and > 0.
  double positive(std::string_view name, std::optional<double> fallback = {}) const {
    const auto value = file.number(key(name));
    if (!value && fallback) return *fallback;
    if (!value) throw Error(file.path(), "the key " + key(name), "none", "the file is incomplete");
    if (!(*value > 0 && *value <= 1e15))
      throw Error(file.path(), key(name) + " above 0, to 1e15", fmt::format("{}", *value));
    return *value;
  }
  /// Errors: Error unless absent or |value| <= 1e15.
  std::optional<double> number(std::string_view name) const {
    const auto value = file.number(key(name));
    if (value && !(std::abs(*value) <= 1e15))
      throw Error(file.path(), key(name) + " a number up to 1e15", fmt::format("{}", *value));
    return value;
  }
};

void refuse(const ModelFile& file, std::string_view feature) {
  throw Error(file.path(), "a dense Llama, Mistral, Qwen2 or Qwen3 model",
              fmt::format("{}, which this engine does not compute", feature));
}

std::vector<double> factor_list(const ModelFile& file, const std::string& key, std::string_view tensor,
                                int rotary_dim) {
  std::vector<double> list;
  if (const auto* numbers = file.numbers(key)) {
    list = *numbers;
  } else if (const TensorInfo* info = file.find_tensor(tensor)) {
    const std::vector<float> values = ModelFile::dequantize(*info);
    list.assign(values.begin(), values.end());
  }
  if (list.empty()) return list;
  if (list.size() != static_cast<std::size_t>(rotary_dim) / 2)
    throw Error(file.path(), fmt::format("{} frequency factors in {}", rotary_dim / 2, tensor),
                fmt::format("{}", list.size()));
  for (double value : list)
    if (!std::isfinite(value) || value <= 0)
      throw Error(file.path(), fmt::format("factors above 0 in {}", tensor), fmt::format("{}", value));
  return list;
}

/// The window of each layer: of all, of those from some layer on (Qwen), or of those that a list names.
std::vector<Index> read_windows(const Keys& keys, int n_layers) {
  const Index window = keys.integer("attention.sliding_window", 0, Index{1} << 30, 0);
  const Index first = keys.integer("attention.sliding_window_from_layer", 0, 1024, 0);
  std::vector<Index> windows(static_cast<std::size_t>(n_layers), window);
  const std::vector<std::int64_t>* pattern = keys.file.integers(keys.key("attention.sliding_window_pattern"));
  if (pattern && pattern->size() != windows.size())
    throw Error(keys.file.path(), fmt::format("a sliding_window_pattern of {} layers", n_layers),
                fmt::format("{}", pattern->size()));
  for (std::size_t l = 0; l < windows.size(); ++l)
    if (pattern ? (*pattern)[l] == 0 : static_cast<Index>(l) < first) windows[l] = 0;
  return windows;
}

/// The model's own YaRN as a spec. GGUF's attn_factor multiplies the released temperature, Hugging Face's
/// attention_factor replaces it (reference: ggml rope_yarn; transformers modeling_rope_utils). llama.cpp's
/// converter stores the latter as yarn_attn_factor.
std::string yarn_spec(const Keys& keys, Index n_ctx_original, double factor) {
  std::string spec = fmt::format("yarn:factor={},trained={}", factor, n_ctx_original);
  const bool gguf = keys.file.container().starts_with("GGUF");
  for (const auto& [name, parameter] : {std::pair{"rope.scaling.yarn_beta_fast", "beta_fast"},
                                        {"rope.scaling.yarn_beta_slow", "beta_slow"},
                                        {"rope.scaling.mscale", "mscale"},
                                        {"rope.scaling.mscale_all_dim", "mscale_all_dim"}})
    if (const auto value = keys.number(name); value && *value != 0)
      spec += fmt::format(",{}={}", parameter, *value);
  auto attention = keys.number("rope.scaling.attn_factor");
  if (gguf && attention) attention = *attention == 1 ? 0 : *attention * (1 + 0.1 * std::log(factor));
  if (const auto whole = keys.number("rope.scaling.yarn_attn_factor"); whole && *whole > 0) attention = whole;
  if (attention && *attention > 0) spec += fmt::format(",attention_factor={}", *attention);
  if (keys.file.boolean(keys.key("rope.scaling.truncate")) == false) spec += ",truncate=0";
  return spec;
}

/// Only scalings that bend around an original length have one; `linear` and `dynamic` count from the length
/// of the model as shipped (transformers: max_position_embeddings).
Index read_original_length(const Keys& keys, Index n_ctx_train, const RopeSpec& rope, std::string_view type) {
  if (type == "yarn" || type == "llama3" || type == "longrope" || type == "su")
    return keys.integer("rope.scaling.original_context_length", 2, Index{1} << 30,
                        std::max<Index>(2, n_ctx_train));  // its logarithm divides
  const bool plain =
      std::all_of(rope.divisors.begin(), rope.divisors.end(), [](double divisor) { return divisor == 1; });
  return plain ? n_ctx_train : original_length(rope.divisors, rope.rotary_dim, rope.base);
}

void read_own_scaling(const Keys& keys, ModelConfig& config, RopeSpec& rope) {
  const ModelFile& file = keys.file;
  rope.divisors = factor_list(file, "", "rope_freqs.weight", rope.rotary_dim);
  const std::string type = file.string(keys.key("rope.scaling.type")).value_or("none");
  config.n_ctx_original = read_original_length(keys, config.n_ctx_train, rope, type);
  if (const auto old = keys.number("rope.scale_linear"); old && type == "none" && *old > 0 && *old != 1)
    rope.own_scaling = fmt::format("pi:factor={}", *old);  // the key of the first GGUF files
  if (type == "none" || type == "default") return;
  const double extended = static_cast<double>(config.n_ctx_train) /
                          static_cast<double>(std::max<Index>(1, config.n_ctx_original));
  const double factor = keys.positive("rope.scaling.factor", std::max(1.0, extended));
  if (type == "linear") {
    rope.own_scaling = fmt::format("pi:factor={}", factor);
  } else if (type == "dynamic") {
    rope.own_scaling = fmt::format("dynamic-ntk:factor={},trained={}", factor, config.n_ctx_train);
  } else if (type == "yarn") {
    rope.own_scaling = yarn_spec(keys, config.n_ctx_original, factor);
  } else if (type == "llama3") {
    rope.own_scaling =
        fmt::format("llama3:factor={},trained={},low_freq_factor={},high_freq_factor={}", factor,
                    config.n_ctx_original, keys.positive("rope.scaling.low_freq_factor", 1.0),
                    keys.positive("rope.scaling.high_freq_factor", 4.0));
  } else if (type == "longrope" || type == "su") {
    rope.own_scaling = "longrope";
    rope.long_factors =
        factor_list(file, keys.key("rope.scaling.long_factor"), "rope_factors_long.weight", rope.rotary_dim);
    rope.short_factors = factor_list(file, keys.key("rope.scaling.short_factor"), "rope_factors_short.weight",
                                     rope.rotary_dim);
    if (rope.long_factors.empty() || rope.short_factors.empty())
      throw Error(file.path(), "long and short frequency factors (longrope)", "none");
    const double scale = file.number(keys.key("rope.scaling.factor")) ? factor : extended;
    const double computed =
        scale <= 1 ? 1
                   : std::sqrt(1 + std::log(scale) / std::log(static_cast<double>(config.n_ctx_original)));
    rope.longrope_attention_factor = keys.positive("rope.scaling.attn_factor", computed);
  } else {
    throw Error(file.path(), "rope scaling none, linear, dynamic, yarn, llama3 or longrope",
                "'" + type + "'");
  }
}

/// A scaling that its method refuses is the file's fault, and is said before any work.
void check_own_scaling(const ModelFile& file, const ModelConfig& config) {
  try {
    for (int layer = 0; layer < config.n_layers(); ++layer)
      if (!config.layers[static_cast<std::size_t>(layer)].attention.rope.own_scaling.empty())
        Method::bind(MethodSpec::parse("none"), config.rope_context(layer, config.n_ctx_train));
  } catch (const UsageError& e) {
    throw Error(file.path() + ", rope scaling", e);
  }
}

}  // namespace

void refuse_unsupported(const ModelFile& file, const std::string& arch) {
  const Keys keys{file, arch};
  auto count = [&](std::string_view name) { return file.integer(keys.key(name)).value_or(0); };
  if (count("expert_count") > 0) refuse(file, "a mixture of experts");
  if (count("attention.kv_lora_rank") > 0) refuse(file, "multi-head latent attention (MLA)");
  if (file.integers(keys.key("rope.dimension_sections")))
    refuse(file, "multi-section rotary positions (M-RoPE)");
  for (const char* name : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (file.number(keys.key(name)).value_or(0) != 0) refuse(file, "logit soft-capping");
  if (file.number(keys.key("attention.scale")).value_or(0) != 0)
    refuse(file, "an attention scale of its own");
  if (count("attention.temperature_length") > 0) refuse(file, "a position-dependent temperature");
  if (file.number(keys.key("rope.scaling.yarn_log_multiplier")).value_or(0) != 0)
    refuse(file, "a YaRN log multiplier");
  if (file.boolean(keys.key("attention.causal")) == false) refuse(file, "attention to later tokens");
  if (file.boolean(keys.key("use_parallel_residual")) == true) refuse(file, "parallel residuals");
  for (const char* name : {"attention.clamp_kqv", "attention.max_alibi_bias"})
    if (file.number(keys.key(name)).value_or(0) != 0) refuse(file, name);
  for (const char* name : {"logit_scale", "residual_scale", "embedding_scale"})
    if (const double scale = file.number(keys.key(name)).value_or(1); scale != 0 && scale != 1)
      refuse(file, name);
  if (const auto pattern = file.metadata().find(keys.key("attention.sliding_window_pattern"));
      pattern != file.metadata().end() && !std::holds_alternative<std::vector<std::int64_t>>(pattern->second))
    refuse(file, "sliding windows in a pattern of layers");  // a list says it of each layer
}

void read_attention_bias(const ModelFile& file, ModelConfig& config) {
  const bool qkv = file.find_tensor("blk.0.attn_q.bias") != nullptr,
             output = file.find_tensor("blk.0.attn_output.bias") != nullptr;
  for (LayerSpec& layer : config.layers) layer.attention.qkv_bias = qkv, layer.attention.output_bias = output;
  const auto said = file.boolean("ropewalk.attention_bias");
  if (said && (*said != qkv || *said != output))
    throw Error(file.path(),
                *said ? "biases on q, k, v and the output, since attention_bias is true"
                      : "no biases of attention, since attention_bias is false",
                *said ? "a model without some of them" : "a model with some",
                "the files are not of one model");
}

namespace {

AttentionSpec read_attention(const Keys& keys, Index d_model) {
  const ModelFile& file = keys.file;
  AttentionSpec a;
  a.n_heads = static_cast<int>(keys.integer("attention.head_count", 1, 4096));
  a.n_kv_heads = static_cast<int>(keys.integer("attention.head_count_kv", 1, a.n_heads, a.n_heads));
  if (a.n_heads % a.n_kv_heads != 0)
    throw Error(file.path(), "head_count to be a multiple of head_count_kv",
                fmt::format("{} and {}", a.n_heads, a.n_kv_heads));
  a.head_dim = static_cast<int>(keys.integer("attention.key_length", 2, 1024, d_model / a.n_heads));
  if (keys.integer("attention.value_length", 1, 1024, a.head_dim) != a.head_dim)
    refuse(file, "values and keys of different width");
  if (a.head_dim < 2 || a.head_dim % 2 != 0 || a.head_dim > 256)
    throw Error(file.path(), "an even head_dim from 2 to 256", fmt::format("{}", a.head_dim));
  a.rope.rotary_dim = static_cast<int>(keys.integer("rope.dimension_count", 2, a.head_dim, a.head_dim));
  if (a.rope.rotary_dim % 2 != 0)
    throw Error(file.path(), "an even rotary dimension", fmt::format("{}", a.rope.rotary_dim));
  a.rope.base = keys.positive("rope.freq_base", 10000.0);
  return a;
}

}  // namespace

ModelConfig read_common(const ModelFile& file) {
  const Keys keys{file, *file.string("general.architecture")};
  refuse_unsupported(file, keys.arch);
  ModelConfig c;
  c.architecture = keys.arch;
  c.name = file.string("general.name").value_or("");
  const auto n_layers = static_cast<int>(keys.integer("block_count", 1, 1024));
  c.d_model = keys.integer("embedding_length", 1, 1 << 20);
  LayerSpec layer;
  layer.ffn.d_ff = keys.integer("feed_forward_length", 1, 1 << 22);
  layer.attention = read_attention(keys, c.d_model);
  layer.norm_eps = static_cast<float>(keys.positive("attention.layer_norm_rms_epsilon"));
  c.n_ctx_train = keys.integer("context_length", 1, Index{1} << 30);
  c.interleaved_qk = file.interleaved_qk();
  c.tied_embeddings = file.find_tensor("output.weight") == nullptr;
  if (c.tied_embeddings && file.boolean("ropewalk.tie_embeddings") == false)
    throw Error(file.path(), "a tensor lm_head.weight, since tie_word_embeddings is false", "none");
  const TensorInfo& embedding = file.tensor("token_embd.weight");
  if (embedding.shape.size() != 2 || embedding.shape[1] != c.d_model)
    throw Error(file.path(), fmt::format("token_embd.weight (n_vocab, {})", c.d_model), "another shape");
  c.n_vocab = embedding.shape[0];
  read_own_scaling(keys, c, layer.attention.rope);
  for (const Index window : read_windows(keys, n_layers)) {
    layer.attention.window = window;
    c.layers.push_back(layer);
  }
  check_own_scaling(file, c);
  return c;
}

}  // namespace ropewalk
