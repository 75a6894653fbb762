// SPDX-License-Identifier: Apache-2.0
#include "methods/told.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "methods/factors.h"

namespace rw {
namespace {

double number(const MethodPart& part, const char* name, double fallback) {
  const auto found = part.parameters.find(name);
  return found == part.parameters.end() ? fallback : std::stod(found->second);
}

Index trained_of(const MethodPart& part, const RopeContext& c) {
  return static_cast<Index>(number(part, "trained", static_cast<double>(c.n_ctx_original)));
}

std::string as_flag(double value) { return fmt::format("{}", value); }

Json rope_type(const char* type, double base) { return {{"rope_type", type}, {"rope_theta", base}}; }

Told tell_base(double base) {
  return {.rope = rope_type("default", base), .flags = {"--rope-freq-base", as_flag(base)}};
}

Told tell_linear(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1);
  Told told{.rope = rope_type("linear", c.rope_base),
            .flags = {"--rope-scaling", "linear", "--rope-scale", as_flag(factor)}};
  told.rope["factor"] = factor;
  return told;
}

Told tell_yarn(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1), fast = number(part, "beta_fast", 32),
               slow = number(part, "beta_slow", 1);
  const double gain = number(part, "attention_factor", yarn_mscale(factor));
  const Index trained = trained_of(part, c);
  Told told{.rope = rope_type("yarn", c.rope_base),
            .flags = {"--rope-scaling", "yarn", "--rope-scale", as_flag(factor), "--yarn-orig-ctx",
                      fmt::format("{}", trained), "--yarn-beta-fast", as_flag(fast), "--yarn-beta-slow",
                      as_flag(slow)},
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
  const Told::Growth growth{number(part, "factor", 1), trained_of(part, c)};
  const double dim = c.rotary_dim, by = dynamic_growth(growth.factor, c.n, growth.trained);
  Told told = tell_base(by == 1 ? c.rope_base : c.rope_base * std::pow(by, dim / (dim - 2)));
  told.note = "the base of this length, for shorter texts too";
  told.growth = growth;
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

}  // namespace

Index longest(const RopeContext& c) { return std::max(c.n, c.n_ctx_train); }

Told tell(const MethodSpec& bound, const RopeContext& c) {
  const Pointwise method = Method::bind(bound, c).pointwise();
  MethodPart part = bound.parts[0];
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
    told.flags.clear(), told.no_flags.clear();
  else if (in_file && !own)
    told.no_flags = "flags do not take out the scaling that the file has of its own";
  return told;
}

std::string why_no_config(const Told& told, const RopeContext& c, const std::string& architecture) {
  if (c.temperature.beta != 0)
    return "rope_parameters hold the model's scale of rows (llama_4_scaling_beta) too, which a line would "
           "drop";
  if (architecture == "phi3" && told.rope["rope_type"] != "longrope" && told.rope["rope_type"] != "default")
    return "configurations of Phi-3 know longrope alone";
  return "";
}

std::string why_no_engine(const MethodSpec& bound, const RopeContext& c, const std::string& architecture) {
  if (bound.parts.size() != 1) {
    std::string names = bound.parts[0].name;
    for (std::size_t i = 1; i < bound.parts.size(); ++i) names += "+" + bound.parts[i].name;
    return names + " is a composition, of which they know no part but frequencies";
  }
  if (c.bidirectional)
    return "an encoder (RoFormer): transformers reads no rope_parameters there, and the others do not run it";
  if (c.rotary_dim == 0) return "the model's layers have no positions to rotate by";
  if (architecture == "deepseek2" || architecture == "minicpm3")
    return "multi-head latent attention (MLA): there they take the scale of all dims from the settings of "
           "the "
           "rotated ones (mscale_all_dim), and what each of them does without was not checked";
  const MethodPart& part = bound.parts[0];
  const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
  if (info.kind != "frequency" && info.kind != "none")
    return fmt::format("{} is no change of frequencies ({})", part.name, info.kind);
  if (info.by_layer || info.by_head)
    return fmt::format("{} has frequencies of each layer's{} own", part.name,
                       info.by_head ? " and head's" : "");
  if (c.rope_differs)
    return "the model's layers differ in head_dim, rotary_dim, base or scaling, and a setting is one for all "
           "layers";
  if (!c.acts_everywhere && part.name != "none")
    return part.name +
           " acts on some of the model's layers (inspect says on which), and a setting is one for all";
  if (number(part, "grow", 0) != 0)
    return "grow=1: a cache there holds keys that were rotated for another length";
  if (architecture.starts_with("hunyuan-") && Method::bind(bound, c).pointwise().rotary_gain != 1)
    return part.name +
           " has a factor on rotated queries and keys: there, the model's norms behind the rotation take it "
           "out again";
  return "";
}

}  // namespace rw
