// SPDX-License-Identifier: Apache-2.0
/// How long a request may be: what the memory holds, and what a method was proven for.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/auto_method.h"
#include "model/model.h"

namespace rw {

/// Of one model, and of what --method says. The memory is measured once, when it is first asked for; a
/// twentieth of it, and 2 MiB for each thread, are left for the text, the tokens and what else the process
/// takes. One thread.
class FittingLength {
 public:
  /// LIFETIME: the model outlives it. What tune found is read when it is asked for: errors, with auto, as
  /// tuned_settings.
  FittingLength(const Model& model, const std::string& model_path, const std::string& method,
                Index chunk = kDefaultChunk);

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

  /// Whether n tokens could be bound to `more`: the method is the same there to the bit (not where its
  /// frequencies follow the length), and the memory holds it.
  bool same_at(Index n, Index more) const;
  /// The same, where its frequencies may follow the length.
  bool held_at(Index n, Index more) const;
  /// Of the keys and values of n tokens at most.
  std::size_t cache_bytes(const MethodSpec& spec, Index n) const;

 private:
  const std::vector<TunedSetting>& tuned() const;
  MethodSpec spec_at(Index n) const;
  Method method_at(const MethodSpec& spec, Index n) const;
  std::size_t bytes(const MethodSpec& spec, Index n) const;
  std::size_t available() const;  // less the margin; 0: the system does not say
  /// The greatest n up to `most` that the memory holds; `spec` empty: under what auto takes at each length.
  Index held(const std::optional<MethodSpec>& spec, Index most) const;

  const Model& model_;
  std::optional<MethodSpec> named_;  // none: auto
  std::string model_path_;
  Index chunk_;
  mutable std::optional<std::size_t> available_;
  mutable std::optional<std::vector<TunedSetting>> tuned_;
};

}  // namespace rw
