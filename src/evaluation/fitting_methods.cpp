// SPDX-License-Identifier: Apache-2.0
#include "evaluation/fitting_methods.h"

#include <algorithm>

#include "core/registry.h"
#include "methods/method.h"
#include "model/method_choice.h"

namespace rw {
namespace {

bool fits(const std::string& method, BoundMethods& bound, const std::vector<Index>& lengths) {
  try {
    for (const Index length : lengths) bound.at(method, length);
    return true;
  } catch (const UsageError&) {  // another model's, or for other lengths
    return false;
  }
}

}  // namespace

std::vector<std::string> fitting(const std::vector<std::string>& methods, BoundMethods& bound,
                                 const std::vector<Index>& lengths) {
  std::vector<std::string> those;
  for (const std::string& method : methods)
    if (fits(method, bound, lengths)) those.push_back(method);
  return those;
}

std::vector<std::string> expand_all(std::vector<std::string>& methods, BoundMethods& bound,
                                    const std::vector<Index>& lengths, const Says& say) {
  const auto at = std::find(methods.begin(), methods.end(), "all");
  if (at == methods.end()) return {};
  std::vector<std::string> every;
  std::string others;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    if (!fits(info.name, bound, lengths))
      others += " " + info.name;
    else if (std::find(methods.begin(), methods.end(), info.name) == methods.end())
      every.push_back(info.name);
  methods.insert(methods.erase(at), every.begin(), every.end());
  if (!others.empty()) say("all, but those that need a value, another model or other lengths:" + others);
  return every;
}

void replace_auto(std::vector<std::string>& methods, const std::string& model_path, const ModelConfig& config,
                  const std::vector<Index>& lengths, const Says& say) {
  for (auto at = methods.begin();
       (at = std::find(methods.begin(), methods.end(), "auto")) != methods.end();) {
    std::vector<std::string> chosen;
    for (const Index length : lengths) {
      const AutoChoice choice = choice_for("auto", model_path, config, length);
      say("auto: " + choice.why);
      const std::string method = choice.spec.text();
      if (method != "none" && std::find(chosen.begin(), chosen.end(), method) == chosen.end())
        chosen.push_back(method);
    }
    methods.insert(methods.erase(at), chosen.begin(), chosen.end());
  }
}

}  // namespace rw
