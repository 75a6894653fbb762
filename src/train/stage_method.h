// SPDX-License-Identifier: Apache-2.0
/// The one method of a stage, where there is one: held-out text is read under it, and the written model says
/// it.
#pragma once
#include <optional>
#include <string>

#include "methods/file_settings.h"
#include "model/config.h"
#include "train/recipe.h"

namespace rw {

/// The method of all batches of a stage with every default filled in, "none" where it has none; nullopt where
/// batches have several, or one of which numbers are drawn, or one that is another for another n_ctx of the
/// stage. Errors: UsageError of the method.
std::optional<MethodSpec> stage_method(const TrainStage& stage, const ModelConfig& config);

/// What a model that was trained last in a stage says of its method.
struct WrittenMethod {
  std::string text;  ///< the stage's method; empty: batches have several
  /// Of the container, for the longest texts of the stage; nullopt: what the source says, or none.
  std::optional<FileSettings> gguf, config;
  /// What a reader has to know, a line each: what the model says, and what it cannot.
  std::vector<std::string> lines;
};
/// `goes_on`: the model had weights before, and its n_ctx is not what the recipe says. Errors: UsageError of
/// the method.
WrittenMethod written_method(const TrainStage& stage, const ModelConfig& config, bool goes_on);

}  // namespace rw
