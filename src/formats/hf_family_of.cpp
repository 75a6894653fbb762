// SPDX-License-Identifier: Apache-2.0
/// Which family a config.json is of.
#include <algorithm>

#include "formats/hf_family.h"

namespace rw {
namespace {

/// The model_type of the text part: older folders of Qwen's have no text_config, or one without a name.
std::string text_model_type(const JsonInput& config, const std::string& place) {
  const HfObject whole{config, place};
  const HfObject text{hf_text_config(config, place), place};
  const std::string outer = whole.string("model_type").value_or("");
  const std::string name = text.string("model_type").value_or(outer);
  if (name == "qwen2_vl" || name == "qwen2_5_vl" || name == "qwen3_vl" || name == "qwen3_vl_moe")
    return name + "_text";
  if (name == "qwen3_5" || name == "qwen3_5_moe") return name + "_text";
  if (name == "exaone4_5" || name == "exaone4_5_text") return "exaone4";
  return name == "gemma3" || name == "gemma4" || name == "gemma4_unified" ? name + "_text" : name;
}

}  // namespace

const JsonInput& hf_text_config(const JsonInput& config, const std::string& place) {
  const JsonInput* text = HfObject{config, place}.object("text_config");
  return text ? *text : config;
}

const HfFamily* find_hf_family(const JsonInput& config, const std::string& place) {
  const std::string name = text_model_type(config, place);
  const std::span<const HfFamily> families = hf_families();
  const auto found = std::find_if(families.begin(), families.end(),
                                  [&](const HfFamily& family) { return name == family.model_type; });
  return found == families.end() ? nullptr : &*found;
}

std::vector<std::string> hf_model_types(std::string_view arch) {
  std::vector<std::string> names;
  for (const HfFamily& family : hf_families()) {
    if (arch != family.arch) continue;
    const std::string_view name = family.model_type;
    names.emplace_back(name);
    if (constexpr std::string_view kText = "_text"; name.ends_with(kText))
      names.emplace_back(name.substr(0, name.size() - kText.size()));
  }
  if (arch == "mistral3") names.emplace_back("mistral3");  // its text part is a mistral or a ministral3
  if (arch == "exaone4") names.emplace_back("exaone4_5");  // its text part is an exaone4
  return names;
}

}  // namespace rw
