// SPDX-License-Identifier: Apache-2.0
/// Windows, layers without positions and rope parameters of a config.json, in each place where the versions
/// of transformers wrote them.
#include <algorithm>
#include <cmath>

#include "formats/hf_family.h"

namespace rw {
namespace {

using Flags = std::vector<std::int64_t>;  // a number for each layer

/// Which layers have a window, from layer_types, the newer key. Errors: Error for kinds other than these two.
Flags windowed_by_type(const HfObject& config, const JsonInput& types, std::int64_t n_layers) {
  if (!types.is_array() || types.size() != static_cast<std::size_t>(n_layers))
    config.fail("layer_types", "a list with one entry for each layer");
  Flags windowed;
  for (const JsonInput& type : types) {
    if (type != "full_attention" && type != "sliding_attention")
      throw Error(config.place, "layer_types full_attention or sliding_attention",
                  dump_json(type).substr(0, 60), "this engine computes no other kind of layer");
    windowed.push_back(type == "sliding_attention");
  }
  return windowed;
}

Flags all_but_each(std::int64_t period, std::int64_t n_layers) {
  Flags flags;
  for (std::int64_t l = 0; l < n_layers; ++l) flags.push_back((l + 1) % period != 0);
  return flags;
}

/// layer_types, else sliding_window_pattern: a period, or letters that repeat ("LLLG": three local layers,
/// one global).
Flags windowed_layers(const HfObject& config, const HfFamily& family, std::int64_t n_layers) {
  if (const JsonInput* types = config.find("layer_types")) return windowed_by_type(config, *types, n_layers);
  const JsonInput* pattern = config.find("sliding_window_pattern");
  if (pattern == nullptr || !pattern->is_string()) {
    const std::int64_t period = config.integer("sliding_window_pattern").value_or(family.period);
    if (period < 1) config.fail("sliding_window_pattern", "above 0");
    return all_but_each(period, n_layers);
  }
  const auto letters = pattern->get<std::string>();
  if (letters.empty() || letters.find_first_not_of("LG") != std::string::npos)
    config.fail("sliding_window_pattern", "of letters L and G");
  Flags flags;
  for (std::int64_t l = 0; l < n_layers; ++l)
    flags.push_back(letters[static_cast<std::size_t>(l) % letters.size()] == 'L');
  return flags;
}

/// As the config classes of transformers 5 derive it: Qwen has a window only with use_sliding_window, in the
/// layers that layer_types names, else in those from max_window_layers (28) on.
void translate_qwen_window(const HfObject& config, const std::string& arch, std::int64_t n_layers,
                           std::optional<std::int64_t> window, Metadata& out) {
  const bool used = window.has_value() && config.boolean("use_sliding_window").value_or(false);
  const std::string key = arch + ".attention.sliding_window";
  if (const JsonInput* types = config.find("layer_types")) {
    Flags windowed = windowed_by_type(config, *types, n_layers);
    if (!used && std::count(windowed.begin(), windowed.end(), 1) > 0)
      config.fail("sliding_window", "a number and use_sliding_window, since layer_types names such layers");
    out[key + "_pattern"] = std::move(windowed);
  } else if (used) {
    out[key + "_from_layer"] = config.integer("max_window_layers").value_or(28);
  }
  if (used) out[key] = window.value_or(0);
}

/// SmolLM3 names the layers that rotate; Cohere 2 and EXAONE 4 with windows rotate in windowed layers only.
void translate_layers_without_positions(const HfObject& config, const std::string& arch,
                                        std::int64_t n_layers, const Flags& windowed, Metadata& out) {
  if (arch == "cohere2" || (arch == "exaone4" && !windowed.empty()))
    out["ropewalk.rope_pattern"] = windowed.empty() ? Flags(static_cast<std::size_t>(n_layers), 0) : windowed;
  if (arch != "smollm3") return;
  const auto listed = config.numbers("no_rope_layers");
  const std::int64_t interval = config.integer("no_rope_layer_interval").value_or(4);
  if (interval < 1) config.fail("no_rope_layer_interval", "above 0");
  Flags rotating = all_but_each(interval, n_layers);
  if (listed) {
    if (listed->size() != rotating.size())
      config.fail("no_rope_layers", "a list with one entry for each layer");
    for (std::size_t l = 0; l < rotating.size(); ++l) rotating[l] = (*listed)[l] != 0;
  }
  out["ropewalk.rope_pattern"] = std::move(rotating);
}

/// rope_scaling, where there is one, else rope_parameters, its name since transformers 5 (which reads them in
/// this order).
const JsonInput* rope_object(const HfObject& config) {
  const JsonInput* found = config.find("rope_scaling");
  if (found == nullptr || (found->is_object() && found->empty())) found = config.find("rope_parameters");
  if (found && !found->is_object()) throw Error(config.place, "rope_parameters an object", "something else");
  return found;
}

/// The parameters of one kind of layer; nullptr where they are not given by kind.
const JsonInput* rope_of_kind(const HfObject& config, const JsonInput& rope, const char* kind) {
  const auto nested = rope.find(kind);
  if (nested == rope.end() || nested->is_null()) return nullptr;
  if (!nested->is_object()) throw Error(config.place, "rope_parameters an object", "something else");
  return &*nested;
}

/// Of all layers: parameters by kind of layer are taken where all kinds have the same.
JsonInput one_rope(const HfObject& config) {
  const JsonInput* found = rope_object(config);
  if (found == nullptr) return JsonInput::object();
  const JsonInput* shared = nullptr;
  for (const char* kind : {"full_attention", "sliding_attention"}) {
    const JsonInput* nested = rope_of_kind(config, *found, kind);
    if (nested == nullptr) continue;
    if (shared && *shared != *nested)
      throw Error(config.place, "the same rope_parameters for every kind of layer", "different ones",
                  "this family has one set of frequencies for all layers");
    shared = nested;
  }
  return shared ? *shared : *found;
}

/// Of layers that see all; what windowed layers have goes to `out`.
JsonInput rope_of_global_layers(const HfObject& config, const HfFamily& family, const std::string& arch,
                                Metadata& out) {
  const JsonInput* found = rope_object(config);
  const bool gemma = arch == "gemma3";
  double local = gemma ? config.number("rope_local_base_freq").value_or(10000)
                       : config.number("rope_theta").value_or(family.rope_theta);
  JsonInput global = found && !found->contains("full_attention") && !found->contains("sliding_attention")
                         ? *found
                         : JsonInput::object();
  if (found) {
    if (const JsonInput* nested = rope_of_kind(config, *found, "full_attention")) global = *nested;
    if (const JsonInput* nested = rope_of_kind(config, *found, "sliding_attention")) {
      const HfObject windowed{*nested, config.place};
      const std::string type =
          windowed.string("rope_type").value_or(windowed.string("type").value_or("default"));
      if (type != "default")
        throw Error(config.place, "windowed layers without rope scaling", "'" + type + "'");
      local = windowed.number("rope_theta").value_or(local);
    }
  }
  out[arch + ".rope.freq_base_swa"] = local;
  return global;
}

/// The sections of M-RoPE, of time, height and width: text has the same position in all.
void translate_sections(const HfObject& rope, const std::string& type, const std::string& arch,
                        Metadata& out) {
  const JsonInput* given = rope.find("mrope_section");
  if (given == nullptr && type != "mrope") return;
  if (arch != "qwen2vl" && arch != "qwen3vl" && arch != "qwen3vlmoe" && !arch.starts_with("qwen35"))
    throw Error(rope.place, "one position for each token",
                "multi-section rotary positions (M-RoPE), which this engine computes for Qwen's models only");
  if (given == nullptr || !given->is_array() || given->size() > 4)
    rope.fail("mrope_section", "a list of up to four numbers");
  Flags sections;
  for (const JsonInput& section : *given) {
    if (!section.is_number_unsigned() || section.get<std::uint64_t>() > 1024)
      rope.fail("mrope_section", "a list of up to four numbers to 1024");
    sections.push_back(section.get<std::int64_t>());
  }
  sections.resize(4, 0);
  out[arch + ".rope.dimension_sections"] = std::move(sections);
}

/// rope_scaling as GGUF keys under `arch`.
void translate_scaling(const HfObject& rope, const std::string& type, const std::string& arch,
                       Metadata& out) {
  if (type == "default" || type == "mrope") return;
  out[arch + ".rope.scaling.type"] = type;
  for (const auto& [from, to] : {std::pair{"factor", "factor"},
                                 {"attention_factor", "attn_factor"},
                                 {"beta_fast", "yarn_beta_fast"},
                                 {"beta_slow", "yarn_beta_slow"},
                                 {"extrapolation_factor", "yarn_ext_factor"},
                                 {"mscale", "mscale"},
                                 {"mscale_all_dim", "mscale_all_dim"},
                                 {"low_freq_factor", "low_freq_factor"},
                                 {"high_freq_factor", "high_freq_factor"}})
    if (const auto value = rope.number(from)) out[fmt::format("{}.rope.scaling.{}", arch, to)] = *value;
  if (const auto value = rope.integer("original_max_position_embeddings"))
    out[arch + ".rope.scaling.original_context_length"] = *value;
  if (const auto value = rope.boolean("truncate")) out[arch + ".rope.scaling.truncate"] = *value;
  if (auto list = rope.numbers("long_factor")) out[arch + ".rope.scaling.long_factor"] = std::move(*list);
  if (auto list = rope.numbers("short_factor")) out[arch + ".rope.scaling.short_factor"] = std::move(*list);
}

/// The rotated dims of each head_dim: `part` of it. The (first) head_dim.
std::int64_t translate_rotated_dims(const std::string& place, double part, const std::string& arch,
                                    Metadata& out) {
  const auto rotated = [&](std::int64_t head_dim) {
    if (!(part > 0) || part > 1 || head_dim < 2 || head_dim > 1024)
      throw Error(place, "a head_dim up to 1024, partial_rotary_factor in (0, 1]",
                  fmt::format("{}, {}", head_dim, part));
    return static_cast<std::int64_t>(static_cast<double>(head_dim) * part);
  };
  const std::string from = arch + ".attention.key_length", to = arch + ".rope.dimension_count";
  if (const auto* one = std::get_if<std::int64_t>(&out[from])) {
    const std::int64_t head_dim = *one;
    out[to] = rotated(head_dim);
    return head_dim;
  }
  const Flags head_dims = std::get<Flags>(out[from]);
  Flags all;
  for (const std::int64_t head_dim : head_dims) all.push_back(rotated(head_dim));
  out[to] = std::move(all);
  return head_dims.front();
}

}  // namespace

void translate_layers(const HfObject& config, const HfFamily& family, const std::string& arch,
                      std::int64_t n_layers, Metadata& out) {
  Flags windowed;
  const auto window = config.integer_or_class_default("sliding_window", family.window, {});
  if (family.window_kind == HfWindow::kQwen) translate_qwen_window(config, arch, n_layers, window, out);
  if (window && (family.window_kind == HfWindow::kAll || family.window_kind == HfWindow::kByType))
    out[arch + ".attention.sliding_window"] = window.value_or(0);
  if (window && family.window_kind == HfWindow::kByType) {
    windowed = windowed_layers(config, family, n_layers);
    out[arch + ".attention.sliding_window_pattern"] = windowed;
  }
  translate_layers_without_positions(config, arch, n_layers, windowed, out);
}

void translate_rope(const HfObject& config, const HfFamily& family, const std::string& arch, Metadata& out) {
  const JsonInput chosen =
      family.rope_by_layer ? rope_of_global_layers(config, family, arch, out) : one_rope(config);
  const HfObject rope{chosen, config.place};
  const auto first_of = [&](std::initializer_list<const char*> keys, double otherwise) {
    for (const char* key : keys)
      if (const auto value = config.number(key)) return *value;
    return otherwise;
  };
  double base =
      rope.number("rope_theta").value_or(first_of({"rope_theta", "rotary_emb_base"}, family.rope_theta));
  double part = rope.number("partial_rotary_factor")
                    .value_or(first_of({"partial_rotary_factor", "rotary_pct", "rope_pct", "rope_percent"},
                                       family.rotated));
  if (const auto dim = config.integer("rotary_dim"); dim && arch == "minimax-m2") {
    const auto* of = std::get_if<std::int64_t>(&out[arch + ".attention.key_length"]);
    if (of == nullptr || *dim < 2 || *dim > *of) config.fail("rotary_dim", "from 2 to head_dim");
    part = static_cast<double>(*dim) / static_cast<double>(*of);
  }
  const std::int64_t head_dim = translate_rotated_dims(config.place, part, arch, out);
  std::string type = rope.string("rope_type").value_or(rope.string("type").value_or("default"));
  translate_sections(rope, type, arch, out);
  if (arch == "phi3" && (type == "su" || type == "yarn")) type = "longrope";  // its older names
  if (const double alpha = rope.number("alpha").value_or(0);
      arch.starts_with("hunyuan-") && type == "dynamic" && alpha > 0) {
    if (!std::holds_alternative<std::int64_t>(out[arch + ".attention.key_length"]))
      config.fail("head_dim", "one number, since alpha makes one base of it");
    if (head_dim > 2)
      base *= std::pow(alpha, static_cast<double>(head_dim) / static_cast<double>(head_dim - 2));
    type = "default";  // static: a larger base and nothing else
  }
  out[arch + ".rope.freq_base"] = base;
  translate_scaling(rope, type, arch, out);
  if (const auto trained = config.integer("original_max_position_embeddings"))
    out[arch + ".rope.scaling.original_context_length"] = *trained;
}

}  // namespace rw
