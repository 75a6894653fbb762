// SPDX-License-Identifier: Apache-2.0
#include "model/read_scaling.h"

#include <algorithm>
#include <cmath>

#include "model/rope_divisors.h"

namespace rw {
namespace {

std::vector<double> factor_list(const ModelFile& file, const std::string& key, std::string_view tensor,
                                int rotary_dim) {
  std::vector<double> list;
  if (const auto* numbers = key.empty() ? nullptr : file.numbers(key)) {
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

/// The model's own YaRN as a spec. GGUF's attn_factor multiplies the released temperature, Hugging Face's
/// attention_factor replaces it (reference: ggml rope_yarn; transformers modeling_rope_utils). llama.cpp's
/// converter stores the latter as yarn_attn_factor.
std::string yarn_spec(const Keys& keys, const YarnOf& yarn, Index n_ctx_original, double factor) {
  std::string spec = fmt::format("yarn:factor={},trained={}", factor, n_ctx_original);
  const bool gguf = keys.file.container().starts_with("GGUF");
  const auto share = keys.number("rope.scaling.yarn_ext_factor");
  const bool unset = !share || (gguf && *share == -1);  // llama.cpp's for none given
  if (!unset && *share != 1)
    throw Error(keys.file.path(), "YaRN with yarn_ext_factor (extrapolation_factor) 1",
                fmt::format("{}", *share), "its ramp in part only is no method of this engine");
  for (const auto& [name, parameter] : {std::pair{"rope.scaling.yarn_beta_fast", "beta_fast"},
                                        {"rope.scaling.yarn_beta_slow", "beta_slow"},
                                        {"rope.scaling.mscale", "mscale"},
                                        {"rope.scaling.mscale_all_dim", "mscale_all_dim"}})
    if (const auto value = keys.number(name); value && *value != 0)
      spec += fmt::format(",{}={}", parameter, *value);
  if (const auto all = keys.number("rope.scaling.yarn_log_multiplier"); all && *all != 0)
    spec += yarn.latent ? ",attention_factor=1"  // of these files mscale is mscale_all_dim: their ratio
                        : fmt::format(",mscale=1,mscale_all_dim={}", *all);  // llama.cpp's name for it
  auto attention = keys.number("rope.scaling.attn_factor");
  if (gguf && attention) attention = *attention == 1 ? 0 : *attention * (1 + 0.1 * std::log(factor));
  if (const auto whole = keys.number("rope.scaling.yarn_attn_factor"); whole && *whole > 0) attention = whole;
  if (attention && *attention > 0) spec += fmt::format(",attention_factor={}", *attention);
  if (!keys.file.boolean(keys.key("rope.scaling.truncate")).value_or(yarn.truncates)) spec += ",truncate=0";
  return spec;
}

/// Scalings that bend around an original length have one; `linear` and `dynamic` count from the length of the
/// model as shipped (transformers: max_position_embeddings), but where a GGUF says what it was before
/// `linear`.
Index read_original_length(const Keys& keys, Index n_ctx_train, const RopeSpec& rope, std::string_view type) {
  if (type == "yarn" || type == "llama3" || type == "longrope" || type == "su" ||
      (type == "linear" && keys.number("rope.scaling.original_context_length")))
    return keys.integer("rope.scaling.original_context_length", 2, Index{1} << 30,
                        std::max<Index>(2, n_ctx_train));  // its logarithm divides
  const bool plain =
      std::all_of(rope.divisors.begin(), rope.divisors.end(), [](double divisor) { return divisor == 1; });
  return plain ? n_ctx_train : original_length(rope.divisors, rope.rotary_dim, rope.base);
}

/// Of latent attention: m^2 / sqrt(head_dim), m = 1 + 0.1 mscale_all_dim log(factor), since dims that are not
/// rotated are to be scaled too. deepseek2 files have 0.1 mscale_all_dim as yarn_log_multiplier (reference:
/// transformers' modeling_deepseek_v2; llama.cpp's TAG_DEEPSEEK2_YARN_LOG_MUL_FIX). 0: as everywhere.
double scale_of_all_dims(const Keys& keys, double factor, int head_dim) {
  const double all = keys.number("rope.scaling.mscale_all_dim").value_or(0),
               tenth = keys.number("rope.scaling.yarn_log_multiplier").value_or(0.1 * all);
  if (tenth == 0 || factor <= 1) return 0;
  const double m = 1 + tenth * std::log(factor);
  if (!(m >= 1e-3 && m <= 1e3))
    throw Error(keys.file.path(), "mscale_all_dim (yarn_log_multiplier) of a factor from 1e-3 to 1e3",
                fmt::format("{}", m));
  return m * m / std::sqrt(static_cast<double>(head_dim));
}

}  // namespace

void read_own_scaling(const Keys& keys, const YarnOf& yarn, ModelConfig& config, AttentionSpec& a) {
  const ModelFile& file = keys.file;
  RopeSpec& rope = a.rope;
  rope.divisors = factor_list(file, "", "rope_freqs.weight", rope.rotary_dim);
  std::string type = file.string(keys.key("rope.scaling.type")).value_or("none");
  if (type == "none" && file.find_tensor("rope_factors_long.weight") != nullptr) type = "longrope";  // Phi-3
  config.n_ctx_original = read_original_length(keys, config.n_ctx_train, rope, type);
  if (const auto old = keys.number("rope.scale_linear"); old && type == "none" && *old > 0 && *old != 1)
    rope.own_scaling = fmt::format("pi:factor={}", *old);  // the key of the first GGUF files
  if (type == "none" || type == "default") return;
  const double extended = static_cast<double>(config.n_ctx_train) /
                          static_cast<double>(std::max<Index>(1, config.n_ctx_original));
  const double factor = keys.positive("rope.scaling.factor", std::max(1.0, extended));
  if (yarn.latent) a.scale = scale_of_all_dims(keys, factor, a.head_dim);
  if (type == "linear") {
    rope.own_scaling = fmt::format("pi:factor={}", factor);
  } else if (type == "dynamic") {
    rope.own_scaling = fmt::format("dynamic-ntk:factor={},trained={}", factor, config.n_ctx_train);
  } else if (type == "yarn") {
    rope.own_scaling = yarn_spec(keys, yarn, config.n_ctx_original, factor);
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

void read_turning_pairs(const ModelFile& file, RopeSpec& rope) {
  constexpr double kNever = 1e20;  // divisors from here on: no text is so long that the pair turns
  const auto pairs = static_cast<std::int64_t>(rope.rotary_dim / 2);
  std::int64_t turning = 0;
  if (const auto said = file.integer("ropewalk.rope_turning_pairs")) {
    turning = *said;
  } else {
    file.tensor("rope_freqs.weight");  // says what is missing
    const std::vector<double> list = factor_list(file, "", "rope_freqs.weight", rope.rotary_dim);
    while (turning < pairs && list[static_cast<std::size_t>(turning)] == 1) ++turning;
    for (std::size_t m = static_cast<std::size_t>(turning); m < list.size(); ++m)
      if (list[m] < kNever)
        throw Error(file.path(), "factors 1 and then 1e30 in rope_freqs.weight", fmt::format("{}", list[m]));
  }
  if (turning < 1 || turning > pairs)
    throw Error(file.path(), fmt::format("1 to {} pairs of dims that turn", pairs),
                fmt::format("{}", turning));
  rope.turning_pairs = turning == pairs ? 0 : static_cast<int>(turning);
}

}  // namespace rw
