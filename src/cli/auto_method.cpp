// SPDX-License-Identifier: Apache-2.0
#include "cli/auto_method.h"

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

}  // namespace rw
