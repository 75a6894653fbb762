// SPDX-License-Identifier: Apache-2.0
/// What the recurrent layers of one sequence remember of the rows that were read. A state cannot be taken
/// back: what is to be forgotten is read again from a state that was kept on the way.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "model/config.h"

namespace rw {

class RecurrentStates {
 public:
  /// Takes no memory yet.
  explicit RecurrentStates(const ModelConfig& config);
  /// As if nothing had been read. Errors: those of Backend::buffer.
  void start(const Backend& backend);

  bool any() const { return n_floats_ > 0; }
  Index n_floats() const { return n_floats_; }
  /// (RecurrenceSpec::state_size) of a layer, in the backend's memory.
  float* of(std::size_t layer) { return now_.get() + begin_[layer]; }
  float* all() { return now_.get(); }
  const float* all() const { return now_.get(); }

  /// A copy of what is now, after `position` rows. At most kMostKept are: of more, one in the densest place
  /// goes, never the last nor the one at `pinned`.
  void keep(const Backend& backend, Index position, Index pinned);
  /// The greatest position up to this one of which a state is kept; 0, which needs none, where none is.
  Index nearest(Index position) const;
  /// What is kept at `position` becomes what is now; what was kept behind it goes. REQUIRES:
  /// nearest(position) == position.
  void restore(const Backend& backend, Index position);
  /// Those of another sequence of the same model at `position`: what it has now, with `current`, else what it
  /// has kept. States that it has kept up to there are shared.
  void take(const Backend& backend, const RecurrentStates& other, Index position, bool current);

  /// What was saved: what was kept at a position, or, behind all of these, what is now. REQUIRES: n_floats()
  /// floats; positions that rise.
  void load_kept(const Backend& backend, Index position, std::span<const float> floats);
  void load_now(const Backend& backend, std::span<const float> floats);

  struct Kept {
    Index position = 0;
    std::shared_ptr<const float> floats;  // (n_floats)
  };
  const std::vector<Kept>& kept() const { return kept_; }
  Index last_kept() const { return kept_.empty() ? 0 : kept_.back().position; }
  std::size_t bytes() const {
    return ((now_ != nullptr ? 1 : 0) + kept_.size()) * sizeof(float) * static_cast<std::size_t>(n_floats_);
  }

  static constexpr std::size_t kMostKept = 4;

 private:
  std::vector<Index> begin_;  // (n_layers)
  Index n_floats_ = 0;
  std::shared_ptr<float> now_;
  std::vector<Kept> kept_;  // by position, rising
};

/// Bytes that one sequence's take at most.
std::size_t most_state_bytes(const ModelConfig& config);

}  // namespace rw
