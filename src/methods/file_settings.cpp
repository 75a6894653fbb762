// SPDX-License-Identifier: Apache-2.0
#include "methods/file_settings.h"

#include <cmath>

#include "methods/export.h"
#include "methods/factors.h"

namespace rw {
namespace {

/// YaRN as llama.cpp reads it: attn_factor multiplies the released gain. Keys of beta_fast and beta_slow are
/// read for few architectures (seen: for llama they are not).
void tell_gguf_yarn(const Json& rope, const std::string& architecture, FileSettings& told) {
  const double factor = rope["factor"];
  if (rope.contains("truncate") && rope["truncate"] == false) {
    told.no_gguf = "truncate=0: llama.cpp always rounds the ends of the ramp";
    return;
  }
  if ((rope["beta_fast"] != 32.0 || rope["beta_slow"] != 1.0) && architecture != "mistral3") {
    told.no_gguf =
        fmt::format("llama.cpp reads other ends of the ramp than 32 and 1 as flags, not as keys of a {} file",
                    architecture);
    return;
  }
  told.gguf = {
      {"rope.scaling.type", std::string("yarn")},
      {"rope.scaling.factor", factor},
      {"rope.scaling.original_context_length", rope["original_max_position_embeddings"].get<Index>()},
      {"rope.scaling.yarn_beta_fast", rope["beta_fast"].get<double>()},
      {"rope.scaling.yarn_beta_slow", rope["beta_slow"].get<double>()}};
  if (const double ratio = rope["attention_factor"].get<double>() / yarn_mscale(factor); ratio != 1)
    told.gguf.emplace_back("rope.scaling.attn_factor", ratio);
}

/// Frequencies that have no name of their own.
void tell_gguf_divisors(const Pointwise& method, const RopeContext& c, const std::string& architecture,
                        FileSettings& told) {
  if (architecture != "llama" && architecture != "mistral") {
    told.no_gguf = fmt::format("llama.cpp reads rope_freqs.weight for llama, not for {}", architecture);
    return;
  }
  if (method.rotary_gain != 1) {
    told.no_gguf = "its factor on rotated queries and keys stands in no key beside rope_freqs.weight";
    return;
  }
  const std::vector<double> plain = plain_theta(c.rotary_dim, c.rope_base);
  for (std::size_t m = 0; m < plain.size(); ++m)
    told.rope_freqs.push_back(method.theta[m] == 0 ? 1e30f : static_cast<float>(plain[m] / method.theta[m]));
}

}  // namespace

FileSettings file_settings(const MethodSpec& bound, const RopeContext& c, const std::string& architecture) {
  FileSettings told;
  told.no_gguf = told.no_config = why_no_engine(bound, c, architecture);
  if (!told.no_gguf.empty()) return told;
  const Told words = tell(bound, c);
  told.no_config = why_no_config(words, c, architecture);
  if (told.no_config.empty()) {
    const PeerEngine& transformers = Registry<PeerEngine>::get("transformers", "engine");
    told.config = Json::parse("{" + transformers.setting(words, c, architecture).setting + "}");
    const Json rope = told.config["rope_parameters"];
    told.config["rope_scaling"] = rope["rope_type"] == "default" ? Json(nullptr) : rope;
    told.config["rope_theta"] = rope["rope_theta"];
  }
  const std::string type = words.rope["rope_type"];
  if (words.growth) {
    told.no_gguf = "a GGUF knows no base that follows the length";
  } else if (type == "linear") {
    told.gguf = {{"rope.scaling.type", std::string("linear")},
                 {"rope.scaling.factor", words.rope["factor"].get<double>()}};
    if (c.n_ctx_original > 0)
      told.gguf.emplace_back("rope.scaling.original_context_length", c.n_ctx_original);
  } else if (type == "yarn") {
    tell_gguf_yarn(words.rope, architecture, told);
  } else if (type != "default") {
    tell_gguf_divisors(Method::bind(bound, c).pointwise(), c, architecture, told);
  }
  told.gguf.emplace_back("rope.freq_base", words.rope["rope_theta"].get<double>());
  told.gguf.emplace_back("context_length", longest(c));
  return told;
}

}  // namespace rw
