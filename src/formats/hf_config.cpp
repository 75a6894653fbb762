// SPDX-License-Identifier: Apache-2.0
/// config.json of Hugging Face, translated to GGUF's keys. What differs from family to family is data:
/// formats/hf_family.cpp.
#include "core/checked.h"
#include "core/option.h"
#include "formats/hf_experts.h"
#include "formats/hf_family.h"
#include "formats/hf_quantisation.h"
#include "formats/missing.h"

namespace rw {
namespace {

constexpr std::int64_t kMaxLayers = 4096;

[[noreturn]] void refuse_config(const HfObject& config, const char* what) {
  throw Error(config.place, "a model that this engine computes",
              fmt::format("{}, which it does not compute", what));
}

/// What no other family has, whatever its name.
void refuse_latent(const HfObject& config) {
  if (config.find("kv_lora_rank")) refuse_config(config, "multi-head latent attention (MLA)");
}

void refuse_in_family(const HfObject& config, const HfFamily& family) {
  for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"})
    if (const JsonInput* experts = config.find(key);
        experts && !family.experts && *experts != 0 && *experts != 1)
      refuse_config(config, "a mixture of experts in this family");
  const std::string_view arch = family.arch;
  const bool capped = arch == "gemma2" || arch == "gemma3" || arch == "gemma4";
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
    if (config.find(key) && !capped) refuse_config(config, "logit soft-capping");
}

/// hidden_activation, hidden_act or activation as "silu", "gelu", "gelu_tanh", "relu" or "relu2". Errors:
/// Error for one of another kind than the family's.
std::string activation_of(const HfObject& config, const HfFamily& family) {
  std::string given = family.activation;
  for (const char* key : {"activation", "hidden_act", "hidden_activation"})
    if (const auto value = config.string(key)) given = *value;
  const std::string_view arch = family.arch;
  if (given == "gelu" && arch.starts_with("gemma")) given = "gelu_pytorch_tanh";  // an old name in Gemma
  if (given == "swish") given = "silu";
  if (given == "gelu_new" || given == "gelu_pytorch_tanh" || given == "gelu_fast") given = "gelu_tanh";
  const std::string_view usual = family.activation;
  const bool known = usual.starts_with("gelu")
                         ? given == "gelu" || given == "gelu_tanh" || (arch == "roformer" && given == "relu")
                         : given == usual;
  if (!known)
    throw Error(config.place, fmt::format("an activation like {}", usual), "'" + given.substr(0, 40) + "'",
                "this engine computes the family with no other");
  return given;
}

/// A number that some models have for each layer: where `key` is a list, the list goes to `gguf_key` and its
/// first number is returned; else nothing.
std::optional<std::int64_t> first_of_list(const HfObject& config, const char* key, std::int64_t n_layers,
                                          const std::string& gguf_key, Metadata& out) {
  const JsonInput* list = config.find(key);
  if (list == nullptr || !list->is_array()) return {};
  if (list->size() != static_cast<std::size_t>(n_layers)) config.fail(key, "with one number for each layer");
  std::vector<std::int64_t> numbers;
  for (const JsonInput& value : *list) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 1 << 22)
      config.fail(key, "a list of whole numbers to 2^22");
    numbers.push_back(value.get<std::int64_t>());
  }
  const std::int64_t first = numbers.front();
  out[gguf_key] = std::move(numbers);
  return first;
}

void translate_heads(const HfObject& config, const HfFamily& family, const std::string& arch,
                     std::int64_t d_model, std::int64_t n_layers, Metadata& out) {
  const std::string heads = arch + ".attention.head_count", kv_heads = heads + "_kv";
  const auto listed = first_of_list(config, "num_attention_heads", n_layers, heads, out);
  const std::int64_t n_heads = listed ? *listed
                               : family.n_heads
                                   ? config.integer("num_attention_heads").value_or(*family.n_heads)
                                   : config.required("num_attention_heads");
  if (n_heads < 1 || n_heads > d_model)
    throw Error(config.place, "num_attention_heads from 1 to hidden_size", fmt::format("{}", n_heads));
  if (!listed) out[heads] = n_heads;
  if (!first_of_list(config, "num_key_value_heads", n_layers, kv_heads, out) &&
      !first_of_list(config, "num_key_value_heads_per_layer", n_layers, kv_heads, out)) {
    const auto given =
        config.integer_or_class_default("num_key_value_heads", family.n_kv_heads.value_or(n_heads), n_heads);
    if (!config.find("num_key_value_heads") && listed && !family.n_kv_heads)
      out[kv_heads] = out[heads];  // as many as heads, in each layer
    else
      out[kv_heads] = *given;
  }
  if (first_of_list(config, "head_dim", n_layers, arch + ".attention.key_length", out)) {
    out[arch + ".attention.value_length"] = out[arch + ".attention.key_length"];
    return translate_rope(config, family, arch, out);
  }
  std::int64_t head_dim = config.integer("head_dim")
                              .value_or(config.integer("attention_head_dim")
                                            .value_or(family.head_dim ? family.head_dim : d_model / n_heads));
  if (arch == "granite" || arch == "granitemoe" || arch == "granitehybrid")
    head_dim = d_model / n_heads;  // as transformers, whose Granite has no such key
  out[arch + ".attention.key_length"] = head_dim;
  out[arch + ".attention.value_length"] = head_dim;
  translate_rope(config, family, arch, out);
}

/// LFM2 has another name for it; Qwen3.5's MoE has no dense layer that it could be of.
std::int64_t d_ff_of(const HfObject& config, const std::string& arch) {
  if (const auto d_ff = config.integer("intermediate_size")) return *d_ff;
  if (const auto d_ff = config.integer("block_ff_dim"); d_ff && arch == "lfm2") return *d_ff;
  return arch == "qwen35moe" ? 1 : config.required("intermediate_size");
}

void translate_sizes(const HfObject& config, const HfFamily& family, const std::string& arch, Metadata& out) {
  const std::int64_t d_model = config.required("hidden_size");
  const JsonInput* kinds = config.find("layers_block_type");  // all that Nemotron-H may have
  const std::int64_t n_layers = !config.find("num_hidden_layers") && kinds && kinds->is_array()
                                    ? static_cast<std::int64_t>(kinds->size())
                                    : config.required("num_hidden_layers");
  if (n_layers < 1 || n_layers > kMaxLayers)
    throw Error(config.place, fmt::format("num_hidden_layers from 1 to {}", kMaxLayers),
                fmt::format("{}", n_layers));
  const std::int64_t n_extra =
      config.integer("num_nextn_predict_layers").value_or(config.integer("num_mtp_layers").value_or(0));
  if (n_extra < 0 || n_extra > kMaxLayers)
    throw Error(config.place, "num_nextn_predict_layers from 0 on", fmt::format("{}", n_extra));
  out[arch + ".block_count"] = n_layers + n_extra;
  if (n_extra > 0) out[arch + ".nextn_predict_layers"] = n_extra;
  out[arch + ".embedding_length"] = d_model;
  if (arch == "falcon")
    out[arch + ".feed_forward_length"] =
        config.integer("ffn_hidden_size")
            .value_or((Checked(static_cast<std::uint64_t>(d_model), config.place) * 4).index());
  else if (!first_of_list(config, "intermediate_size", n_layers, arch + ".feed_forward_length", out))
    out[arch + ".feed_forward_length"] = d_ff_of(config, arch);
  out[arch + ".context_length"] = family.n_ctx
                                      ? config.integer("max_position_embeddings").value_or(*family.n_ctx)
                                      : config.required("max_position_embeddings");
  translate_heads(config, family, arch, d_model, n_layers, out);
  translate_layers(config, family, arch, n_layers, out);
}

void translate_norm(const HfObject& config, const HfFamily& family, const std::string& arch, Metadata& out) {
  double eps = family.eps;
  if (!family.layer_norm) {
    eps = config.number("rms_norm_eps").value_or(eps);
  } else {
    for (const char* key : {"norm_eps", "norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"})
      if (const auto value = config.number(key)) eps = *value;
  }
  out[arch + (family.layer_norm ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon")] =
      eps;
}

}  // namespace

Metadata translate_config(const JsonInput& json, const std::string& place) {
  if (!json.is_object()) throw Error(place, "a JSON object", "something else");
  const HfObject whole{json, place};
  const HfObject config{hf_text_config(json, place), place};
  read_hf_quantisation(json, place);  // refuses what is not read
  const HfFamily* family = find_hf_family(json, place);
  if (family == nullptr || !family->latent)  // first: it names the feature that is not there
    for (const HfObject& object : {whole, config}) refuse_latent(object);
  if (family == nullptr) {
    const std::string name = config.string("model_type").value_or(whole.string("model_type").value_or(""));
    const Missing* missing = find_missing(name);
    if (missing == nullptr) missing = find_missing(whole.string("model_type").value_or(""));
    if (missing != nullptr) refuse_missing(place, name, *missing);
    throw Error(place, "a model_type that " + option("docs/models.md", "`ropewalk models`") + " lists",
                "'" + name + "'", "CONTRIBUTING.md says what a new family takes");
  }
  refuse_in_family(config, *family);
  std::string arch = whole.string("model_type") == "mistral3" ? "mistral3" : family->arch;
  if (arch == "nemotron_h" && nemotron_has_experts(config)) arch += "_moe";
  Metadata out;
  out["general.architecture"] = arch;
  translate_sizes(config, *family, arch, out);
  translate_norm(config, *family, arch, out);
  const std::string activation = activation_of(config, *family);
  if (activation != "silu") out["ropewalk.activation"] = activation;
  if (family->experts) family->experts(config, arch, out);
  if (family->own) family->own(config, arch, out);
  const bool all_or_none =
      arch == "llama" || arch == "mistral" || arch == "qwen2" || arch == "qwen3" || arch == "qwen3moe";
  if (const auto bias = config.boolean("attention_bias"); bias && all_or_none)
    out["ropewalk.attention_bias"] = *bias;  // of q, k, v and the output alike
  out["ropewalk.tie_embeddings"] =
      whole.boolean("tie_word_embeddings")
          .value_or(config
                        .boolean("tie_embedding")  // LFM2
                        .value_or(config.boolean("tie_word_embeddings").value_or(family->tied)));
  for (const auto& [from, to] : {std::pair{"bos_token_id", "tokenizer.ggml.bos_token_id"},
                                 {"eos_token_id", "tokenizer.ggml.eos_token_id"}})
    for (const HfObject& object : {config, whole})
      if (const JsonInput* id = object.find(from); id && id->is_number_integer() && !out.contains(to))
        out[to] = *object.integer(from);
  return out;
}

}  // namespace rw
