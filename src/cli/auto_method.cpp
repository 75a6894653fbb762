// SPDX-License-Identifier: Apache-2.0
#include "cli/auto_method.h"

#include <algorithm>

#include "cli/documents.h"

namespace rw {

AutoChoice method_for(const std::string& option, const std::string& model_path, const ModelConfig& config,
                      Index n) {
  AutoChoice choice = choice_for(option, model_path, config, n);
  const bool plain = choice.spec.text() == "none";
  if (option == "auto")
    say("auto: " + choice.why);
  else if (plain && choice.reason == AutoReason::kPast)
    say(fmt::format("warning: plain RoPE for {} tokens, trained on {}: expect nonsense past those", n,
                    config.n_ctx_train));
  if (!plain) say_acting_layers(config);
  return choice;
}

void replace_auto(std::vector<std::string>& methods, const std::string& model_path,
                  const std::vector<Index>& lengths) {
  const auto at = std::find(methods.begin(), methods.end(), "auto");
  if (at == methods.end()) return;
  const ModelConfig config = read_config(*ModelFile::open(model_path));
  std::vector<std::string> chosen;
  for (const Index length : lengths) {
    const std::string method = method_for("auto", model_path, config, length).spec.text();
    if (method != "none" && std::find(chosen.begin(), chosen.end(), method) == chosen.end())
      chosen.push_back(method);
  }
  const auto after = methods.erase(at);
  methods.insert(after, chosen.begin(), chosen.end());
  replace_auto(methods, model_path, lengths);
}

}  // namespace rw
