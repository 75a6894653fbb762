// SPDX-License-Identifier: Apache-2.0
/// --method auto, for commands: methods/auto.h decides, with what tune found beside the model.
#pragma once
#include "cli/command.h"
#include "model/method_choice.h"

namespace rw {

/// model/method_choice.h's choice, and a line on stderr says for "auto" which method and why; plain RoPE that
/// was asked for past the trained length gets a warning. Errors: UsageError; Error for such a file that is of
/// another model, or not tune's.
AutoChoice method_for(const std::string& option, const std::string& model_path, const ModelConfig& config,
                      Index n);

}  // namespace rw
