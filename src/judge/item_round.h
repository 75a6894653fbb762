// SPDX-License-Identifier: Apache-2.0
/// Which items of a plan are to be measured, are under way, are done, where several measure.
#pragma once
#include <optional>
#include <utility>

#include "judge/measurer.h"

namespace rw {

/// Of one plan. An item has an id that no item of another plan has. Not thread-safe.
class ItemRound {
 public:
  ItemRound(const ItemWork& work, std::uint64_t first_id)
      : work_(work), first_id_(first_id), states_(work.items.size()), records_(work.items.size()) {
    for (std::size_t i = 0; i < states_.size(); ++i)
      states_[i] = work.is_known(i) ? State::kKnown : State::kOpen;
  }
  const ItemWork& work() const { return work_; }
  std::uint64_t id(std::size_t i) const { return first_id_ + i; }
  std::optional<std::size_t> item(std::uint64_t id) const {
    if (id < first_id_ || id - first_id_ >= states_.size()) return std::nullopt;
    return static_cast<std::size_t>(id - first_id_);
  }
  bool done(std::size_t i) const { return states_[i] == State::kDone; }
  const std::vector<Record>& records(std::size_t i) const { return records_[i]; }

  /// The next item that somebody is to measure: of the first document that has one the dearest, so that
  /// cheap ones are left to fill the end. None: all are under way, or the time is over.
  std::optional<std::size_t> take(double cost_so_far) {
    const auto open = [&](std::size_t i) { return states_[i] == State::kOpen; };
    while (first_open_ < states_.size() && states_[first_open_] != State::kOpen &&
           states_[first_open_] != State::kUnderWay)
      ++first_open_;
    std::optional<std::size_t> best;
    for (std::size_t i = first_open_; i < states_.size(); ++i) {
      if (!open(i)) continue;
      if (best && work_.items[i].document != work_.items[*best].document) break;
      if (!best || work_.items[i].cost > work_.items[*best].cost) best = i;
    }
    if (!best || !work_.begin(work_.items[*best].document, cost_so_far)) return std::nullopt;
    states_[*best] = State::kUnderWay;
    return best;
  }
  void give_back(std::size_t i) {
    if (states_[i] == State::kUnderWay) states_[i] = State::kOpen;
  }
  /// What came first counts; the same comes again from a rank that was given up too early.
  void finish(std::size_t i, std::vector<Record> records) {
    if (done(i)) return;
    states_[i] = State::kDone, records_[i] = std::move(records);
    fresh_.push_back(i);
  }
  /// Those that were finished since the last call.
  std::vector<std::size_t> take_fresh() { return std::exchange(fresh_, {}); }
  /// Of those from i on.
  double cost_done(std::size_t i) const {
    double cost = 0;
    for (; i < states_.size(); ++i) cost += done(i) ? work_.items[i].cost : 0;
    return cost;
  }

 private:
  enum class State { kKnown, kOpen, kUnderWay, kDone };
  const ItemWork work_;
  const std::uint64_t first_id_;
  std::vector<State> states_;
  std::vector<std::vector<Record>> records_;
  std::vector<std::size_t> fresh_;
  std::size_t first_open_ = 0;
};

}  // namespace rw
