// SPDX-License-Identifier: Apache-2.0
/// Which method a request gets: the one that was named, or methods/auto.h's choice with what tune found
/// beside the model.
#pragma once
#include <string>
#include <vector>

#include "methods/auto.h"
#include "model/config.h"

namespace ropewalk {

/// Errors: UsageError for what is neither auto nor a method; before a model is loaded.
void check_method(const std::string& option);

/// What tune found beside the model. Errors: Error for a file that is of another model, or not tune's.
std::vector<TunedSetting> tuned_settings(const std::string& model_path);

/// What `option` says for a request of n tokens, read and written. `tuned`: looked at for "auto" past the
/// trained length. Errors: UsageError. Thread-safe.
AutoChoice choice_for(const std::string& option, const ModelConfig& config, Index n,
                      std::span<const TunedSetting> tuned);
/// The same; for "auto" MODEL.ropewalk.json is read where n is past the trained length. Errors: also
/// tuned_settings's.
AutoChoice choice_for(const std::string& option, const std::string& model_path, const ModelConfig& config,
                      Index n);

}  // namespace ropewalk
