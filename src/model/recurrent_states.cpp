// SPDX-License-Identifier: Apache-2.0
#include "model/recurrent_states.h"

#include <algorithm>

namespace rw {

RecurrentStates::RecurrentStates(const ModelConfig& config) {
  for (const LayerSpec& layer : config.layers) {
    begin_.push_back(n_floats_);
    if (layer.recurs()) n_floats_ += layer.recurrence.state_size();
  }
}

void RecurrentStates::start(const Backend& backend) {
  if (any()) now_ = backend.buffer(n_floats_);
}

void RecurrentStates::keep(const Backend& backend, Index position, Index pinned) {
  std::shared_ptr<float> copy = backend.buffer(n_floats_);
  backend.copy(now_.get(), n_floats_, copy.get());
  kept_.push_back({position, std::move(copy)});
  if (kept_.size() <= kMostKept) return;
  std::size_t densest = 0;
  Index least = kForever;
  for (std::size_t i = 0; i + 1 < kept_.size(); ++i) {
    const Index around = kept_[i + 1].position - (i == 0 ? 0 : kept_[i - 1].position);
    if (kept_[i].position != pinned && around < least) densest = i, least = around;
  }
  kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(densest));
}

Index RecurrentStates::nearest(Index position) const {
  Index found = 0;
  for (const Kept& one : kept_)
    if (one.position <= position) found = one.position;
  return found;
}

void RecurrentStates::restore(const Backend& backend, Index position) {
  take(backend, *this, position, false);
}

void RecurrentStates::take(const Backend& backend, const RecurrentStates& other, Index position,
                           bool current) {
  if (!any()) return;
  std::vector<Kept> kept;
  for (const Kept& one : other.kept_)
    if (one.position <= position) kept.push_back(one);
  if (now_ == nullptr || position == 0) start(backend);
  if (current) {
    backend.copy(other.now_.get(), n_floats_, now_.get());
  } else if (position > 0) {
    RW_CHECK(!kept.empty() && kept.back().position == position);
    backend.copy(kept.back().floats.get(), n_floats_, now_.get());
  }
  kept_ = std::move(kept);
}

void RecurrentStates::load_kept(const Backend& backend, Index position, std::span<const float> floats) {
  kept_.push_back({position, backend.upload(floats)});
}

void RecurrentStates::load_now(const Backend& backend, std::span<const float> floats) {
  const std::shared_ptr<const float> uploaded = backend.upload(floats);
  backend.copy(uploaded.get(), n_floats_, now_.get());
}

std::size_t most_state_bytes(const ModelConfig& config) {
  std::size_t floats = 0;
  for (const LayerSpec& layer : config.layers)
    if (layer.recurs()) floats += static_cast<std::size_t>(layer.recurrence.state_size());
  return (2 + RecurrentStates::kMostKept) * sizeof(float) * floats;
}

}  // namespace rw
