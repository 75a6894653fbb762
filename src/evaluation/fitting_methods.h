// SPDX-License-Identifier: Apache-2.0
/// Which methods there are for a model at lengths, and what "all" and "auto" stand for.
#pragma once
#include <string>
#include <vector>

#include "core/says.h"
#include "judge/bound_methods.h"

namespace rw {

/// Of the methods, in their order, those that need no value and fit the model at every one of the lengths.
std::vector<std::string> fitting(const std::vector<std::string>& methods, BoundMethods& bound,
                                 const std::vector<Index>& lengths);

/// "all" among the methods becomes every method that fits such lengths and was not named beside it: these are
/// returned. The others are named to people. Without "all" nothing happens.
std::vector<std::string> expand_all(std::vector<std::string>& methods, BoundMethods& bound,
                                    const std::vector<Index>& lengths, const Says& say);

/// Each "auto" among the methods becomes the methods that it stands for (model/method_choice.h) at those of
/// the lengths that lie past the trained one, once each; why is said. Errors: Error for a file beside the
/// model that is another model's, or not tune's.
void replace_auto(std::vector<std::string>& methods, const std::string& model_path, const ModelConfig& config,
                  const std::vector<Index>& lengths, const Says& say);

}  // namespace rw
