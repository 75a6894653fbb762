// SPDX-License-Identifier: Apache-2.0
#include "methods/export.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "methods/factors.h"

namespace ropewalk {
namespace {

/// A change of frequencies in the words of the two kinds of readers.
struct Told {
  Json rope = {};             ///< rope_parameters of a Hugging Face config; rope_theta and rope_type always
  std::string flags = {};     ///< llama.cpp's
  std::string no_flags = {};  ///< why llama.cpp has none; empty: it has
  std::string note = {};      ///< for every engine but transformers
  double gain_ratio = 1;      ///< YaRN's gain over its usual 0.1 ln(factor) + 1
  double n_table = 0;  ///< positions of a table made from the numbers alone, tokens; 0: as many as asked for
};

double number(const MethodPart& part, const char* name, double fallback) {
  const auto found = part.parameters.find(name);
  return found == part.parameters.end() ? fallback : std::stod(found->second);
}

Index trained_of(const MethodPart& part, const RopeContext& c) {
  return static_cast<Index>(number(part, "trained", static_cast<double>(c.n_ctx_original)));
}

/// What the metadata say a model can read, tokens: a short request does not make the model a shorter one.
Index longest(const RopeContext& c) { return std::max(c.n, c.n_ctx_train); }

Json rope_type(const char* type, double base) { return {{"rope_type", type}, {"rope_theta", base}}; }

Told tell_base(double base) {
  return {.rope = rope_type("default", base), .flags = fmt::format("--rope-freq-base {}", base)};
}

Told tell_linear(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1);
  Told told{.rope = rope_type("linear", c.rope_base),
            .flags = fmt::format("--rope-scaling linear --rope-scale {}", factor)};
  told.rope["factor"] = factor;
  return told;
}

Told tell_yarn(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1), fast = number(part, "beta_fast", 32),
               slow = number(part, "beta_slow", 1);
  const double gain = number(part, "attention_factor", yarn_mscale(factor));
  const Index trained = trained_of(part, c);
  Told told{.rope = rope_type("yarn", c.rope_base),
            .flags = fmt::format("--rope-scaling yarn --rope-scale {} --yarn-orig-ctx {} --yarn-beta-fast {} "
                                 "--yarn-beta-slow {}",
                                 factor, trained, fast, slow),
            .gain_ratio = gain / yarn_mscale(factor),
            .n_table = factor * static_cast<double>(trained)};
  told.rope.update({{"factor", factor},
                    {"original_max_position_embeddings", trained},
                    {"beta_fast", fast},
                    {"beta_slow", slow},
                    {"attention_factor", gain}});
  if (number(part, "truncate", 1) == 0) {
    told.rope["truncate"] = false;
    told.no_flags = "truncate=0: it always rounds the ends of the ramp";
  }
  return told;
}

Told tell_llama3(const MethodPart& part, const RopeContext& c, double low, double high) {
  Told told{.rope = rope_type("llama3", c.rope_base),
            .no_flags = "only as the tensor rope_freqs.weight of the file"};
  told.rope.update({{"factor", number(part, "factor", 1)},
                    {"low_freq_factor", number(part, "low_freq_factor", low)},
                    {"high_freq_factor", number(part, "high_freq_factor", high)},
                    {"original_max_position_embeddings", trained_of(part, c)}});
  return told;
}

/// transformers alone follows the length; elsewhere "dynamic" is static or unknown.
Told tell_dynamic_ntk(const MethodPart& part, const RopeContext& c) {
  const double dim = c.rotary_dim,
               growth = dynamic_growth(number(part, "factor", 1), c.n, trained_of(part, c));
  Told told = tell_base(growth == 1 ? c.rope_base : c.rope_base * std::pow(growth, dim / (dim - 2)));
  told.note = "the base of this length, for shorter texts too";
  return told;
}

/// The model's own two lists.
Told tell_longrope(const RopeContext& c, double gain) {
  Told told{.rope = rope_type("longrope", c.rope_base),
            .note = "each list is for all positions of a text, chosen by its length"};
  told.rope.update({{"original_max_position_embeddings", c.n_ctx_original},
                    {"short_factor", c.short_factors},
                    {"long_factor", c.long_factors},
                    {"attention_factor", gain}});
  return told;
}

/// What has no name: plain theta / theta' as both lists of a longrope.
Told tell_lists(const RopeContext& c, const Pointwise& method, double gain) {
  std::vector<double> divisors = plain_theta(c.rotary_dim, c.rope_base);
  // A pair that does not turn has a divisor with which it turns by nothing that float32 can show.
  for (std::size_t m = 0; m < divisors.size(); ++m)
    divisors[m] = method.theta[m] == 0 ? 1e30 : divisors[m] / method.theta[m];
  Told told{.rope = rope_type("longrope", c.rope_base), .no_flags = "its frequencies have no flags"};
  const Index original = c.n_ctx_original > 0 ? c.n_ctx_original : c.n_ctx_train;  // both lists are one
  told.rope.update({{"original_max_position_embeddings", original},
                    {"short_factor", divisors},
                    {"long_factor", divisors},
                    {"attention_factor", gain}});
  return told;
}

/// The model's own scaling as a bound part, where it is all there is ("none").
MethodPart own_part(const RopeContext& c) {
  RopeContext plain = c;
  plain.own_scaling.clear(), plain.rope_freqs.clear();
  return MethodSpec::parse(Method::bind(MethodSpec::parse(c.own_scaling), plain).text()).parts[0];
}

Told tell(MethodPart part, const RopeContext& c, const Pointwise& method) {
  const bool own = part.name == "none", in_file = !c.own_scaling.empty() || !c.rope_freqs.empty();
  if (own && !c.own_scaling.empty() && c.rope_freqs.empty()) part = own_part(c);
  const double gain = std::sqrt(method.rotary_gain), dim = c.rotary_dim;
  Told told = part.name == "yarn"           ? tell_yarn(part, c)
              : part.name == "pi"           ? tell_linear(part, c)
              : part.name == "base"         ? tell_base(number(part, "value", c.rope_base))
              : part.name == "dynamic-ntk"  ? tell_dynamic_ntk(part, c)
              : part.name == "llama3"       ? tell_llama3(part, c, 1, 4)
              : part.name == "ntk-by-parts" ? tell_llama3(part, c, 1, 32)  // wavelength_ramp is both
              : part.name == "longrope"     ? tell_longrope(c, gain)
              : part.name == "ntk"
                  ? tell_base(c.rope_base * std::pow(number(part, "factor", 1), dim / (dim - 2)))
              : own && c.rope_freqs.empty() ? tell_base(c.rope_base)
                                            : tell_lists(c, method, gain);
  if (c.rotary_dim != c.head_dim) told.rope["partial_rotary_factor"] = dim / c.head_dim;
  if (in_file && (own || part.name == "longrope") && part.name != "dynamic-ntk")  // GGUF has no such type
    told.flags = told.no_flags = "";
  else if (in_file && !own)
    told.no_flags = "flags do not take out the scaling that the file has of its own";
  return told;
}

// ---------------------------------------------------------------- engines

PeerSetting for_llama_cpp(const Told& told, const RopeContext& c, std::string architecture) {
  if (!told.no_flags.empty()) return {"llama.cpp", "", told.no_flags};
  if (architecture == "mistral") architecture = "llama";  // as its converter names it
  std::string setting = fmt::format("-c {} ", c.n) + told.flags + (told.flags.empty() ? "" : " ");
  setting += "--override-kv ";  // the gain first: builds that know no comma read what stands before it
  if (!told.flags.empty() && told.gain_ratio != 1)
    setting += fmt::format("{}.rope.scaling.attn_factor=float:{},", architecture, told.gain_ratio);
  setting += fmt::format("{}.context_length=int:{}", architecture, longest(c));
  std::string note = "for llama-server, llama-cli";
  if (told.n_table > 0 && static_cast<double>(c.n) > told.n_table)
    note = fmt::format("for llama-cli; llama-server stops at factor x trained = {} tokens", told.n_table);
  if (told.flags.empty())
    note += "; the file's own scaling does the rest";
  else if (!told.note.empty())
    note += "; " + told.note;
  return {"llama.cpp", setting, note};
}

PeerSetting for_vllm(const Told& told, const RopeContext& c) {
  Json rope = told.rope;
  if (told.gain_ratio != 1)
    rope["attn_factor"] = told.gain_ratio;  // read before PR 56446, attention_factor since
  if (rope["rope_type"] == "longrope") rope["short_mscale"] = rope["long_mscale"] = rope["attention_factor"];
  Json override{
      {"max_position_embeddings", longest(c)}, {"rope_theta", rope["rope_theta"]}, {"rope_parameters", rope}};
  // With transformers 4 the rope_theta and the rope_scaling of the file would win.
  if (!c.own_scaling.empty() || !c.rope_freqs.empty()) override["rope_scaling"] = rope;
  std::string note = "not run here; vLLM 0.11.1 or newer";
  if (told.n_table > 0 && static_cast<double>(c.n) > told.n_table)
    note = "not run here; vLLM with its PR 56446";
  if (!told.note.empty()) note += "; " + told.note;
  return {"vLLM", fmt::format("--max-model-len {} --hf-overrides '{}'", c.n, dump_json(override)), note};
}

PeerSetting for_sglang(const Told& told, const RopeContext& c) {
  if (told.n_table > 0 && static_cast<double>(c.n) > told.n_table)
    return {
        "SGLang", "",
        fmt::format("its table ends at factor x trained = {} tokens; take a larger factor", told.n_table)};
  Json rope = told.rope;
  if (rope["rope_type"] == "longrope") rope["short_mscale"] = rope["long_mscale"] = rope["attention_factor"];
  rope.erase("attention_factor");  // it reads the ratio
  if (told.gain_ratio != 1) rope["attn_factor"] = told.gain_ratio;
  const Json override{
      {"max_position_embeddings", longest(c)}, {"rope_theta", rope["rope_theta"]}, {"rope_scaling", rope}};
  return {"SGLang",
          fmt::format("--context-length {} --json-model-override-args '{}'", c.n, dump_json(override)),
          "not run here" + (told.note.empty() ? "" : "; " + told.note)};
}

PeerSetting for_transformers(const Told& told, const MethodPart& part, const RopeContext& c) {
  Json rope = told.rope;
  Index n_max = longest(c);
  std::string note = "in config.json, instead of rope_theta and rope_scaling; 5.0 or newer";
  if (part.name == "dynamic-ntk") {
    rope = rope_type("dynamic", c.rope_base);
    rope["factor"] = number(part, "factor", 1);
    n_max = trained_of(part, c);  // what it grows from
    note += "; the length read so far sets the base, and keys in the cache keep an older one";
  }
  return {"transformers",
          fmt::format("\"rope_parameters\": {}, \"max_position_embeddings\": {}", dump_json(rope), n_max),
          note};
}

std::vector<PeerSetting> none_can(const std::string& why) {
  std::vector<PeerSetting> settings;
  for (const char* engine : {"llama.cpp", "vLLM", "SGLang", "transformers"})
    settings.push_back({engine, "", why});
  return settings;
}

/// Why those that read rope_parameters would compute another model with them; empty: they would not.
std::string why_no_config(const Told& told, const RopeContext& c, const std::string& architecture) {
  if (c.temperature.beta != 0)
    return "rope_parameters hold the model's scale of rows (llama_4_scaling_beta) too, which a line would "
           "drop";
  if (architecture == "phi3" && told.rope["rope_type"] != "longrope" && told.rope["rope_type"] != "default")
    return "configurations of Phi-3 know longrope alone";
  return "";
}

}  // namespace

std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& c,
                                       const std::string& architecture) {
  if (bound.parts.size() != 1) {
    std::string names = bound.parts[0].name;
    for (std::size_t i = 1; i < bound.parts.size(); ++i) names += "+" + bound.parts[i].name;
    return none_can(names + " is a composition, of which they know no part but frequencies");
  }
  if (c.bidirectional)
    return none_can(
        "an encoder (RoFormer): transformers reads no rope_parameters there, and the others do not run it");
  const MethodPart& part = bound.parts[0];
  const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
  if (info.kind != "frequency" && info.kind != "none")
    return none_can(fmt::format("{} is no change of frequencies ({})", part.name, info.kind));
  if (info.by_layer || info.by_head)
    return none_can(fmt::format("{} has frequencies of each layer's{} own", part.name,
                                info.by_head ? " and head's" : ""));
  if (c.rope_differs)
    return none_can(
        "the model's layers differ in head_dim, rotary_dim, base or scaling, and a setting is one for all "
        "layers");
  if (!c.acts_everywhere && part.name != "none")
    return none_can(
        part.name +
        " acts on some of the model's layers (inspect says on which), and a setting is one for all");
  if (number(part, "grow", 0) != 0)
    return none_can("grow=1: a cache there holds keys that were rotated for another length");
  const Pointwise method = Method::bind(bound, c).pointwise();
  if (architecture == "hunyuan-dense" && method.rotary_gain != 1)
    return none_can(part.name +
                    " has a factor on rotated queries and keys: there, the model's norms behind the rotation "
                    "take it out again");
  const Told told = tell(part, c, method);
  const bool own = part.name == "none" && !c.own_scaling.empty() && c.rope_freqs.empty();
  std::vector<PeerSetting> settings = {for_llama_cpp(told, c, architecture), for_vllm(told, c),
                                       for_sglang(told, c),
                                       for_transformers(told, own ? own_part(c) : part, c)};
  if (const std::string why = why_no_config(told, c, architecture); !why.empty())
    for (std::size_t i = 1; i < settings.size(); ++i) settings[i] = {settings[i].engine, "", why};
  return settings;
}

std::string settings_text(const std::vector<PeerSetting>& settings) {
  std::string text;
  for (const PeerSetting& s : settings)
    text += fmt::format("  {}: {}{}\n{}", s.engine, s.setting.empty() ? "cannot; " : "", s.note,
                        s.setting.empty() ? "" : "    " + s.setting + "\n");
  return text;
}

Json settings_json(const std::vector<PeerSetting>& settings) {
  Json json = Json::object();
  for (const PeerSetting& s : settings)
    json[s.engine] = {{"setting", s.setting.empty() ? Json(nullptr) : Json(s.setting)}, {"note", s.note}};
  return json;
}

}  // namespace ropewalk
