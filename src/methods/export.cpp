// SPDX-License-Identifier: Apache-2.0
#include "methods/export.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ropewalk {
namespace {

double number(const MethodPart& part, const char* name, double fallback) {
  const auto found = part.parameters.find(name);
  return found == part.parameters.end() ? fallback : std::stod(found->second);
}

/// What readers of Hugging Face's config take. `n_max`: max_position_embeddings.
void same_for_hf(const std::string& json, Index n, Index n_max, std::vector<PeerSetting>& settings) {
  settings.push_back({"vLLM",
                      fmt::format("--max-model-len {} --hf-overrides '{{\"rope_parameters\": {}}}'", n, json),
                      "before 0.11.1: --rope-scaling"});
  settings.push_back(
      {"SGLang",
       fmt::format("--context-length {} --json-model-override-args '{{\"rope_scaling\": {}}}'", n, json),
       ""});
  settings.push_back({"transformers",
                      fmt::format("\"rope_parameters\": {}, \"max_position_embeddings\": {}", json, n_max),
                      "in config.json; before 5.0 the key is rope_scaling"});
}

std::vector<PeerSetting> none_can(const std::string& why) {
  std::vector<PeerSetting> settings;
  for (const char* engine : {"llama.cpp", "vLLM", "SGLang", "transformers"})
    settings.push_back({engine, "", why});
  return settings;
}

std::vector<PeerSetting> yarn(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1), fast = number(part, "beta_fast", 32),
               slow = number(part, "beta_slow", 1), usual = 0.1 * std::log(factor) + 1,
               attention = number(part, "attention_factor", usual);
  const auto trained = static_cast<Index>(number(part, "trained", static_cast<double>(c.n_ctx_original)));
  std::vector<PeerSetting> settings{
      {"llama.cpp",
       fmt::format("-c {} --rope-scaling yarn --rope-scale {:g} --yarn-orig-ctx {} --yarn-beta-fast {:g} "
                   "--yarn-beta-slow {:g} --yarn-attn-factor {:.6g}",
                   c.n, factor, trained, fast, slow, attention / usual),
       "it multiplies its own 0.1 ln(factor) + 1 by --yarn-attn-factor"}};
  same_for_hf(
      fmt::format("{{\"rope_type\": \"yarn\", \"rope_theta\": {:g}, \"factor\": {:g}, "
                  "\"original_max_position_embeddings\": {}, \"beta_fast\": {:g}, \"beta_slow\": {:g}, "
                  "\"attention_factor\": {:.8g}}}",
                  c.rope_base, factor, trained, fast, slow, attention),
      c.n, static_cast<Index>(std::llround(factor * static_cast<double>(trained))), settings);
  return settings;
}

/// rope_theta stands at the top level of a config but for vLLM's and transformers' newest form: inside of
/// rope_scaling older readers do not look for it, and would run plain RoPE without a word.
std::vector<PeerSetting> another_base(double base, Index n) {
  return {
      {"llama.cpp", fmt::format("-c {} --rope-freq-base {:.10g}", n, base), ""},
      {"vLLM",
       fmt::format("--max-model-len {} --hf-overrides '{{\"rope_parameters\": {{\"rope_type\": \"default\", "
                   "\"rope_theta\": {:.10g}}}}}'",
                   n, base),
       "before 0.11.1: --rope-theta"},
      {"SGLang",
       fmt::format("--context-length {} --json-model-override-args '{{\"rope_theta\": {:.10g}}}'", n, base),
       ""},
      {"transformers",
       fmt::format("\"rope_parameters\": {{\"rope_type\": \"default\", \"rope_theta\": {:.10g}}}, "
                   "\"max_position_embeddings\": {}",
                   base, n),
       fmt::format("in config.json; before 5.0: \"rope_theta\": {:.10g} at the top level", base)}};
}

std::vector<PeerSetting> linear(double factor, const RopeContext& c) {
  std::vector<PeerSetting> settings{
      {"llama.cpp", fmt::format("-c {} --rope-scaling linear --rope-scale {:g}", c.n, factor), ""}};
  same_for_hf(fmt::format("{{\"rope_type\": \"linear\", \"rope_theta\": {:g}, \"factor\": {:g}}}",
                          c.rope_base, factor),
              c.n, c.n, settings);
  return settings;
}

/// transformers follows the length past max_position_embeddings, which must stay the trained one. The others
/// have no such thing (vLLM's "dynamic" scales once, by its factor): for them the base of this length.
std::vector<PeerSetting> dynamic(const MethodPart& part, const RopeContext& c) {
  const double factor = number(part, "factor", 1), dim = c.rotary_dim,
               trained = number(part, "trained", static_cast<double>(c.n_ctx_original)),
               growth = std::max(1.0, factor * static_cast<double>(c.n) / trained - (factor - 1));
  std::vector<PeerSetting> settings = another_base(c.rope_base * std::pow(growth, dim / (dim - 2)), c.n);
  for (PeerSetting& s : settings)
    s.note = "the base of this length; shorter texts would ask for a smaller one";
  settings.back() = {
      "transformers",
      fmt::format("\"rope_parameters\": {{\"rope_type\": \"dynamic\", \"rope_theta\": {:g}, "
                  "\"factor\": {:g}}}, \"max_position_embeddings\": {:g}",
                  c.rope_base, factor, trained),
      "in config.json; there the length that has been read fixes the base, not the one asked for"};
  return settings;
}

std::vector<PeerSetting> llama3(const MethodPart& part, const RopeContext& c) {
  std::vector<PeerSetting> settings{
      {"llama.cpp", "", "only as the tensor rope_freqs.weight, which its converter writes"}};
  const auto trained = static_cast<Index>(number(part, "trained", static_cast<double>(c.n_ctx_original)));
  same_for_hf(fmt::format("{{\"rope_type\": \"llama3\", \"rope_theta\": {:g}, \"factor\": {:g}, "
                          "\"low_freq_factor\": {:g}, \"high_freq_factor\": {:g}, "
                          "\"original_max_position_embeddings\": {}}}",
                          c.rope_base, number(part, "factor", 1), number(part, "low_freq_factor", 1),
                          number(part, "high_freq_factor", 4), trained),
              c.n, c.n, settings);
  return settings;
}

}  // namespace

std::vector<PeerSetting> peer_settings(const MethodSpec& bound, const RopeContext& c) {
  if (!c.own_scaling.empty())
    return none_can("the model has a scaling of its own, which the method is on top of or replaces");
  if (bound.parts.size() != 1) return none_can("a composition of methods");
  const MethodPart& part = bound.parts[0];
  const double factor = number(part, "factor", 1);
  if (part.name == "none") return another_base(c.rope_base, c.n);
  if (part.name == "yarn") return yarn(part, c);
  if (part.name == "pi") return linear(factor, c);
  if (part.name == "base") return another_base(number(part, "value", c.rope_base), c.n);
  if (part.name == "dynamic-ntk") return dynamic(part, c);
  if (part.name == "llama3") return llama3(part, c);
  if (part.name == "ntk") {
    const double dim = c.rotary_dim;
    return another_base(c.rope_base * std::pow(factor, dim / (dim - 2)), c.n);
  }
  const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
  if (info.kind == "frequency")
    return none_can("frequencies that no rope_type is named for; a longrope list can hold them");
  return none_can("not a change of frequencies: the attention itself differs");
}

}  // namespace ropewalk
