// SPDX-License-Identifier: Apache-2.0
/// How many tokens of prompts the next step reads, so that it takes about as long as those who write may
/// wait.
#pragma once
#include <algorithm>

#include "core/types.h"

namespace ropewalk::serving {

/// Of one model. A step's time grows with the text that its rows see, slowly: what the last one took says
/// what the next may read.
class StepShare {
 public:
  explicit StepShare(Index chunk) : chunk_(chunk), rows_(std::min<Index>(chunk, 64)) {}

  /// Seconds that a step may take while others wait for its end, and while none does (it can be cancelled
  /// between steps only).
  static constexpr double kShared = 0.2, kAlone = 1.0;

  /// Tokens to read, of all prompts together.
  Index rows() const { return rows_; }
  /// A step that read so many has taken so long.
  void took(Index n_read, double seconds, bool others) {
    if (n_read * 4 < rows_ * 3) return;  // it says nothing of a whole one
    const double most = others ? kShared : kAlone;
    const double better = static_cast<double>(n_read) * std::clamp(most / seconds, 0.25, 2.0);
    rows_ = std::clamp(static_cast<Index>(better) / kRound * kRound, std::min(kRound, chunk_), chunk_);
  }
  /// Somebody begins, or ends, to wait.
  void others(bool wait) {
    if (wait && !others_) rows_ = std::max(std::min(kRound, chunk_), rows_ / 4 / kRound * kRound);
    others_ = wait;
  }

 private:
  static constexpr Index kRound = 16;
  Index chunk_, rows_;
  bool others_ = false;
};

}  // namespace ropewalk::serving
