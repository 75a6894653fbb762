// SPDX-License-Identifier: Apache-2.0
/// How long a request may be: what the memory holds, and what a method was proven for.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/auto_method.h"
#include "model/model.h"

namespace ropewalk {

/// Of one model, and of what --method says. One thread.
class FittingLength {
 public:
  /// LIFETIME: the model outlives it. What tune found is read when it is asked for: errors, with auto, as
  /// tuned_settings.
  FittingLength(const Model& model, const std::string& model_path, const std::string& method);

  /// Tokens, read and written: as many as the memory holds and, with auto, as were proven: the greatest
  /// length that tune settled, the trained length at least. 0: the memory does not hold one.
  Index most() const;
  /// What most() ended at, for people.
  std::string why() const;
  /// The greatest length that tune settled, the trained length at least; with a method by name that.
  Index proven() const;
  /// A line on stderr where auto goes past what was proven.
  void say_unproven(Index n) const;
  /// Errors: Error where the memory does not hold n tokens under `spec`, with how many it holds.
  void require(const MethodSpec& spec, Index n) const;

 private:
  const std::vector<TunedSetting>& tuned() const;
  std::size_t bytes(const MethodSpec& spec, Index n) const;
  /// The greatest n up to `most` that the memory holds; `spec` empty: under what auto takes at each length.
  Index held(const std::optional<MethodSpec>& spec, Index most) const;

  const Model& model_;
  std::optional<MethodSpec> named_;  // none: auto
  std::string model_path_;
  mutable std::optional<std::vector<TunedSetting>> tuned_;
};

}  // namespace ropewalk
