// SPDX-License-Identifier: Apache-2.0
#include "model/read_common.h"

#include <algorithm>
#include <cmath>

#include "model/read_scaling.h"

namespace rw {
namespace {

void refuse(const ModelFile& file, std::string_view feature) {
  throw Error(file.path(), "a model that this engine computes",
              fmt::format("{}, which this engine does not compute", feature));
}

bool has(const ModelFile& file, const std::string& name) { return file.find_tensor(name) != nullptr; }

/// A value for each layer: of the list under `key`, else by the rule of the family.
template <class Rule>
std::vector<bool> by_layer(const ModelFile& file, const std::string& key, int n_layers, const Rule& rule) {
  std::vector<bool> result(static_cast<std::size_t>(n_layers));
  const auto found = file.metadata().find(key);
  const bool there = found != file.metadata().end();
  const auto* list = there ? std::get_if<std::vector<std::int64_t>>(&found->second) : nullptr;
  if (there && list == nullptr)
    throw Error(file.path(), key + " as a list of whole numbers, one for each layer", "another type");
  if (list && list->size() != result.size())
    throw Error(file.path(), fmt::format("{} of {} layers", key, n_layers), fmt::format("{}", list->size()));
  for (std::size_t l = 0; l < result.size(); ++l)
    result[l] = list ? (*list)[l] != 0 : rule(static_cast<Index>(l));
  return result;
}

/// The window of each layer: of those that a list names, of those from some layer on (Qwen), of all but one
/// in a period, or of all.
std::vector<Index> read_windows(const Keys& keys, const Family& family, int n_layers) {
  const Index window = keys.integer("attention.sliding_window", 0, Index{1} << 30, family.window);
  const Index first = keys.integer("attention.sliding_window_from_layer", 0, 1024, 0);
  std::string pattern = keys.key("attention.sliding_window_pattern");
  Index period = family.window_period;
  if (const auto found = keys.file.metadata().find(pattern);
      found != keys.file.metadata().end() && std::holds_alternative<std::int64_t>(found->second)) {
    if (period == 0) refuse(keys.file, "sliding windows in a pattern of layers");
    period = keys.integer("attention.sliding_window_pattern", 1, 1024);
    pattern.clear();  // it is no list
  }
  const std::vector<bool> has_window = by_layer(keys.file, pattern, n_layers, [&](Index layer) {
    return period > 0 ? (layer + 1) % period != 0 : layer >= first;
  });
  std::vector<Index> windows;
  windows.reserve(has_window.size());
  for (const bool here : has_window) windows.push_back(here ? window : 0);
  return windows;
}

/// Where the first layer has them all have; what is missing in another one is found when tensors are checked.
QkNorm read_qk_norm(const Keys& keys, const AttentionSpec& a, Index model_layer, bool behind) {
  const TensorInfo* first = keys.file.find_tensor(fmt::format("blk.{}.attn_q_norm.weight", model_layer));
  if (first == nullptr || first->shape.empty()) return QkNorm::kNone;
  const TensorInfo* norm = keys.file.find_tensor(fmt::format("blk.{}.attn_q_norm.weight", keys.layer));
  if (norm == nullptr || norm->shape.empty()) norm = first;
  if (behind) return QkNorm::kPerHeadBehind;
  if (norm->shape.size() == 2) return QkNorm::kPerHeadOwn;
  return norm->shape[0] == a.head_dim ? QkNorm::kPerHead : QkNorm::kWholeRow;
}

/// The layer that tells what all have; each for itself where they are of several kinds.
Index telling_layer(const Keys& keys, const Family& family) {
  return family.recurrence != nullptr ? keys.layer : 0;
}

AttentionSpec read_attention(const Keys& keys, const Family& family, Index d_model) {
  const ModelFile& file = keys.file;
  const Index telling = telling_layer(keys, family);
  const auto told = [&](const char* name) { return fmt::format("blk.{}.{}", telling, name); };
  AttentionSpec a;
  for (const char* name : {"attention.head_count", "attention.head_count_kv"})
    if (keys.here(name) == 0)
      refuse(file, fmt::format("layer {} without attention ({} 0)", keys.layer, name));
  a.n_heads = static_cast<int>(keys.integer("attention.head_count", 1, 4096));
  if (family.latent) {
    read_latent(keys, d_model, a);
    a.rope.base = keys.positive("rope.freq_base", 10000.0);
    return a;
  }
  a.n_kv_heads = static_cast<int>(keys.integer("attention.head_count_kv", 1, a.n_heads, a.n_heads));
  if (a.n_heads % a.n_kv_heads != 0)
    throw Error(file.path(), "head_count to be a multiple of head_count_kv",
                fmt::format("{} and {}", a.n_heads, a.n_kv_heads));
  const bool local = family.sizes_by_window && keys.here("attention.sliding_window_pattern").value_or(0) != 0;
  const auto sized = [&](const char* name) {
    const std::string windowed = fmt::format("{}_swa", name);
    return local && keys.here(windowed) ? windowed : std::string(name);
  };
  const Index of_first = d_model / keys.of_layer(telling).integer("attention.head_count", 1, 4096);
  a.head_dim = static_cast<int>(keys.integer(sized("attention.key_length"), 2, 1024, of_first));
  const auto value_dim = static_cast<int>(keys.integer(sized("attention.value_length"), 2, 512, a.head_dim));
  if (value_dim != a.head_dim) a.value_dim = value_dim;
  if (a.value_dim > 0 && family.output_gate) refuse(file, "values and keys of different width beside a gate");
  if (a.head_dim < 2 || a.head_dim % 2 != 0 || a.head_dim > 512)
    throw Error(file.path(), "an even head_dim from 2 to 512", fmt::format("{}", a.head_dim));
  a.rope.rotary_dim =
      static_cast<int>(keys.integer(sized("rope.dimension_count"), 2, a.head_dim, a.head_dim));
  if (a.rope.rotary_dim % 2 != 0)
    throw Error(file.path(), "an even rotary dimension", fmt::format("{}", a.rope.rotary_dim));
  a.rope.base = keys.positive("rope.freq_base", 10000.0);
  a.qkv_bias = has(file, told("attn_q.bias"));
  a.output_bias = has(file, told("attn_output.bias"));
  a.output_gate = family.output_gate;
  a.qk_norm = read_qk_norm(keys, a, telling, family.qk_norm_behind);
  if (family.qk_norm && a.qk_norm == QkNorm::kNone)
    file.tensor(told("attn_q_norm.weight"));  // says what is missing
  if (keys.number("attention.scale")) a.scale = keys.positive("attention.scale");
  a.soft_cap = keys.soft_cap("attn_logit_softcapping");
  a.sinks = family.sinks;
  return a;
}

Activation read_activation(const ModelFile& file, Activation of_family) {
  const auto name = file.string("ropewalk.activation");
  if (!name) return of_family;
  constexpr std::pair<const char*, Activation> kNames[] = {{"silu", Activation::kSilu},
                                                           {"gelu", Activation::kGelu},
                                                           {"gelu_tanh", Activation::kGeluTanh},
                                                           {"relu2", Activation::kRelu2},
                                                           {"relu", Activation::kRelu}};
  for (const auto& [known, activation] : kNames)
    if (*name == known) return activation;
  throw Error(file.path(), "an activation silu, gelu, gelu_tanh, relu2 or relu", "'" + *name + "'");
}

/// Sizes of one layer, and what all layers have in common: what the first one's tensors tell.
LayerSpec read_layer(const Keys& keys, const Family& family, Index d_model) {
  const ModelFile& file = keys.file;
  LayerSpec layer;
  if (family.recurrence != nullptr) layer.recurrence = family.recurrence(keys);
  const std::string queries = fmt::format("blk.{}.attn_q.weight", keys.layer);
  if (!layer.recurs() && (!family.one_part || has(file, queries))) {
    if (family.recurrence != nullptr) file.tensor(queries);  // says what is missing
    layer.attention = read_attention(keys, family, d_model);
  }
  layer.norm = layer.attention.qk_norm_kind = family.norm;
  layer.norm_eps = static_cast<float>(keys.positive(
      family.norm == NormKind::kRms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"));
  layer.norm_after_add = family.norm_after_add;
  layer.pre_norm = !layer.norm_after_add &&
                   (!family.post_norm || has(file, fmt::format("blk.0.{}.weight", family.attn_norm)));
  layer.post_norm = family.post_norm;
  layer.norm_bias = has(file, fmt::format("blk.0.{}.bias", family.attn_norm));
  layer.parallel = file.boolean(keys.key("use_parallel_residual")).value_or(family.parallel);
  if (layer.parallel && !family.parallel) refuse(file, "parallel residuals");
  layer.one_norm = layer.parallel && !has(file, fmt::format("blk.0.{}.weight", family.ffn_norm));
  layer.residual_multiplier = static_cast<float>(keys.positive("residual_scale", 1.0));
  layer.ffn = {.d_ff = 0,
               .gated = family.gated,
               .activation = read_activation(file, family.activation),
               .bias = has(file, fmt::format("blk.{}.ffn_up.bias", telling_layer(keys, family))),
               .experts = read_experts(keys, family)};
  if (layer.ffn.experts.n_experts > 0) {
    layer.ffn.d_ff = read_shared_d_ff(keys, layer.ffn.experts);
    if (layer.ffn.d_ff == 0) layer.ffn.experts.shared_gate = false;
    return layer;
  }
  if (family.one_part && layer.mixes()) return layer;
  if (keys.here("feed_forward_length") == 0)
    refuse(file, fmt::format("layer {} without a feed-forward part", keys.layer));
  layer.ffn.d_ff = keys.integer("feed_forward_length", 1, 1 << 22);
  return layer;
}

/// Of all layers alike. Errors: Error in a family that is trained without.
void read_temperature(const Keys& keys, const Family& family, ModelConfig& config) {
  RowTemperature t{
      .beta = keys.number("attention.temperature_scale").value_or(0),
      .original = std::max<Index>(1, config.n_ctx_original > 0 ? config.n_ctx_original : config.n_ctx_train)};
  if (const Index length = keys.integer("attention.temperature_length", 0, Index{1} << 30, 0); length > 0)
    t.original = length;
  if (t.beta == 0) return;
  if (!family.temperature) refuse(keys.file, "a temperature of rows by their position in this family");
  for (LayerSpec& layer : config.layers)
    if (layer.attends()) layer.attention.temperature = t;
}

/// Windows, positions and who is acted on, layer by layer.
void read_layers(const Keys& keys, const Family& family, ModelConfig& config) {
  const int n_layers = config.n_layers();
  const std::vector<Index> windows = read_windows(keys, family, n_layers);
  const bool none_sees_far = std::find(windows.begin(), windows.end(), 0) == windows.end();
  const bool all_see_far = std::count(windows.begin(), windows.end(), 0) == n_layers;
  const bool never = keys.file.boolean(keys.key("rope.scaling.finetuned")) == false &&
                     (config.architecture == "granite" || config.architecture == "granitemoe" ||
                      config.architecture == "granitehybrid");  // written for its layers without positions
  const std::vector<bool> rotates = by_layer(keys.file, "ropewalk.rope_pattern", n_layers, [&](Index l) {
    if (never || family.no_rope == NoRope::kAlways) return false;
    if (family.no_rope == NoRope::kEveryFourth) return (l + 1) % 4 != 0;
    return family.no_rope == NoRope::kNever || all_see_far || windows[static_cast<std::size_t>(l)] > 0;
  });
  for (std::size_t l = 0; l < windows.size(); ++l) {
    if (!config.layers[l].attends()) continue;
    AttentionSpec& a = config.layers[l].attention;
    a.window = windows[l];
    a.acts = a.window == 0 || none_sees_far;
    const bool local = a.window > 0;  // whether or not others see far, as in llama.cpp
    if (local && family.local_is_plain) a.rope = {.base = a.rope.base, .rotary_dim = a.rope.rotary_dim};
    if (local)
      a.rope.base =
          keys.positive("rope.freq_base_swa", family.local_base > 0 ? family.local_base : a.rope.base);
    if (rotates[l]) continue;
    if (a.latent.any()) refuse(keys.file, "a layer with latents and without positions");
    a.rope = {.base = a.rope.base};
  }
}

/// A scaling that its method refuses is the file's fault, and is said before any work.
void check_own_scaling(const ModelFile& file, const ModelConfig& config) {
  try {
    for (int layer = 0; layer < config.n_layers(); ++layer)
      if (const LayerSpec& spec = config.layers[static_cast<std::size_t>(layer)];
          spec.attends() && !spec.attention.rope.own_scaling.empty())
        Method::bind(MethodSpec::parse("none"), config.rope_context(layer, config.n_ctx_train));
  } catch (const UsageError& e) {
    throw Error(file.path() + ", rope scaling", e);
  }
}

}  // namespace

void refuse_unsupported(const ModelFile& file, const std::string& arch, const Family& family) {
  const Keys keys{file, arch};
  auto count = [&](std::string_view name) { return file.integer(keys.key(name)).value_or(0); };
  if (count("attention.kv_lora_rank") > 0 && !family.latent)
    refuse(file, "multi-head latent attention (MLA) in this family");
  if (count("attention.indexer.head_count") > 0) refuse(file, "sparse attention by an indexer");
  if (!family.encoder && file.boolean(keys.key("attention.causal")) == false)
    refuse(file, "attention to later tokens");
  for (const auto& [key, value] : file.metadata())  // a rotation of what is multiplied
    if (key.starts_with("prism.hadamard")) refuse(file, key);
  for (const char* name : {"attention.clamp_kqv", "attention.max_alibi_bias"})
    if (file.number(keys.key(name)).value_or(0) != 0) refuse(file, name);
}

void check_attention_bias(const ModelFile& file, const ModelConfig& config) {
  const AttentionSpec& a = config.layers[0].attention;
  const auto said = file.boolean("ropewalk.attention_bias");
  if (said && (*said != a.qkv_bias || *said != a.output_bias))
    throw Error(file.path(),
                *said ? "biases on q, k, v and the output, since attention_bias is true"
                      : "no biases of attention, since attention_bias is false",
                *said ? "a model without some of them" : "a model with some",
                "the files are not of one model");
}

ModelConfig read_family(const ModelFile& file, const Family& family) {
  const Keys keys{file, *file.string("general.architecture")};
  refuse_unsupported(file, keys.arch, family);
  ModelConfig c;
  c.architecture = keys.arch;
  c.name = file.string("general.name").value_or("");
  const Index n_blocks = keys.integer("block_count", 1, 1024);
  const Index n_more =
      keys.integer("nextn_predict_layers", 0, n_blocks - 1, 0);  // for predicting ahead: unused
  c.d_model = keys.integer("embedding_length", 1, 1 << 20);
  c.n_ctx_train = keys.integer("context_length", 1, Index{1} << 30);
  const Keys by_layer_keys{file, keys.arch, 0, n_blocks - n_more, n_blocks};
  for (Index l = 0; l < n_blocks - n_more; ++l)
    c.layers.push_back(read_layer(by_layer_keys.of_layer(l), family, c.d_model));
  check_experts(by_layer_keys, family, c);
  if (c.n_attention_layers() == 0)  // what there is of methods would have nothing to act on
    throw Error(file.path(), "a layer with attention (blk.N.attn_q.weight)", "none",
                "the file is incomplete, or of a model that this engine does not compute");
  const LayerSpec& layer = c.layers.front();
  c.output_norm = layer.norm, c.output_norm_eps = layer.norm_eps;
  c.attn_norm = family.attn_norm, c.ffn_norm = family.ffn_norm;
  c.output_norm_bias = has(file, "output_norm.bias"), c.output_bias = has(file, "output.bias");
  c.embedding_multiplier = static_cast<float>(keys.positive(
      "embedding_scale", family.embedding_by_root ? std::sqrt(static_cast<double>(c.d_model)) : 1.0));
  const double logit_scale =
      family.needs_logit_scale ? keys.positive("logit_scale") : keys.positive("logit_scale", 1.0);
  c.logit_multiplier = static_cast<float>(family.logit_scale_divides ? 1 / logit_scale : logit_scale);
  c.logit_soft_cap = static_cast<float>(keys.soft_cap("final_logit_softcapping"));
  c.interleaved_qk = file.interleaved_qk();
  c.tied_embeddings = !has(file, "output.weight");
  if (c.tied_embeddings && file.boolean("ropewalk.tie_embeddings") == false)
    throw Error(file.path(), "a tensor lm_head.weight, since tie_word_embeddings is false", "none");
  const TensorInfo& embedding = file.tensor("token_embd.weight");
  c.encoder = family.encoder;
  c.embedding.width = c.encoder ? keys.integer("token_embedding_length", 1, 1 << 20, c.d_model) : c.d_model;
  if (embedding.shape.size() != 2 || embedding.shape[1] != c.embedding.width)
    throw Error(file.path(), fmt::format("token_embd.weight (n_vocab, {})", c.embedding.width),
                "another shape");
  c.n_vocab = embedding.shape[0];
  c.n_blocks = static_cast<int>(n_blocks);
  for (LayerSpec& each : c.layers)
    if (each.attends() && !family.proportional)
      read_own_scaling(keys, {.truncates = family.yarn_truncates, .latent = family.latent}, c,
                       each.attention);
  if (family.proportional) c.n_ctx_original = c.n_ctx_train;
  read_temperature(keys, family, c);
  read_layers(keys, family, c);
  check_own_scaling(file, c);
  return c;
}

}  // namespace rw
