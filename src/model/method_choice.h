// SPDX-License-Identifier: Apache-2.0
/// Which method a request gets: the one that was named, or methods/auto.h's choice with what tune found
/// beside the model.
#pragma once
#include <string>
#include <vector>

#include "methods/auto.h"
#include "model/config.h"

namespace rw {

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

/// The length that a request is bound to. Past the trained one: the prompt and its answer, or an eighth of
/// the prompt where the answer is shorter, up to the next of 1, 1.25, 1.5, 1.75 times a power of two. A
/// method that follows the length is then the same for the next question of the same text, and for another
/// max_tokens, and what was read of it serves both.
Index bound_length(Index n_prompt, Index n_predict, Index n_ctx_train);

/// `spec` for the first layer that methods act on, at n tokens. Errors: UsageError.
Method bind_at(const MethodSpec& spec, const ModelConfig& config, Index n);

/// `spec` as it is bound to n tokens, with all that follows the length written out: the same at any other
/// length, but for what grows with each token. One that differs by layers or heads stays as it is: no one
/// text has all its defaults. Errors: UsageError.
MethodSpec bound_spec(const MethodSpec& spec, const ModelConfig& config, Index n);

}  // namespace rw
