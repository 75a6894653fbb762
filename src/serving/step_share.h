// SPDX-License-Identifier: Apache-2.0
/// How many tokens of prompts the next step reads, so that it takes about as long as those who write may
/// wait.
#pragma once
#include <algorithm>
#include <cmath>

#include "core/types.h"

namespace rw::serving {

/// Of one model. A step's time grows with the text that its rows see, slowly: what the last one took says
/// what the next may read.
class StepShare {
 public:
  explicit StepShare(Index chunk) : chunk_(chunk), rows_(std::min<Index>(chunk, 64)) {}

  /// Seconds that a step, of all models together, may take while others wait for its end, and while none does
  /// (it can be cancelled between steps only).
  static constexpr double kShared = 0.2, kAlone = 1.0;

  /// Tokens to read, of all prompts together.
  Index rows() const { return rows_; }
  /// Those of reader i of n: all of rows() are handed out, and one at least to each.
  Index rows_of(Index i, Index n) const { return std::max<Index>(1, rows_ / n + (i < rows_ % n ? 1 : 0)); }
  /// A step has read so many, and taken so long of the seconds that it may.
  void took(Index n_read, double seconds, double most) {
    if (n_read * 4 < rows_ * 3) return;  // prompts that end: it says nothing of a whole one
    const double better = static_cast<double>(n_read) * std::clamp(most / seconds, 0.25, 2.0);
    const auto rounds = static_cast<Index>(std::lround(better / kRound));
    rows_ = std::clamp(rounds * kRound, std::min(kRound, chunk_), chunk_);
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

}  // namespace rw::serving
