// SPDX-License-Identifier: Apache-2.0
/// The time left of a whole finetune: all starts, all looks, and the judging before.
#pragma once
#include "cli/finetune_cost.h"
#include "core/progress.h"

namespace rw::cli::finetune {

/// One line of progress from the first judging to the last. Training and judging were foreseen by a probe
/// each (FinetuneCost); what is left of each counts as much longer or shorter as what is done of it took.
class FinetuneClock {
 public:
  FinetuneClock(const FinetuneCost& cost, const FinetunePlan& plan);

  /// Each judging is between begin and end; of one whose results were there no time is expected.
  void begin_untrained() { begin_judging("judging before training", cost_.untrained_seconds); }
  /// `what`: "judging pi at step 6".
  void begin_look(const std::string& what) { begin_judging(what, look_); }
  void judging(double share);
  void end_judging();
  void trained_step(std::size_t start, const std::string& what);
  /// What a run before did, or what will not be done since a start ended.
  void leave_out(std::size_t start, Index n_steps, std::size_t n_looks);

  double seconds_left() const { return judging_.left() + training_.left(); }
  void clear() { progress_.clear(); }

 private:
  /// Work of one kind; all in seconds, but `taken` as they were foreseen.
  struct Work {
    double total = 0, done = 0, taken = 0;
    double left() const;
  };
  void begin_judging(const std::string& what, double foreseen);
  void add(Work& work, double done);

  const FinetuneCost& cost_;
  double look_ = 0;  // of one start
  Work judging_, training_;
  double judged_ = 0, foreseen_ = 0;  // of this judging, as foreseen
  double last_ = now_seconds();
  Progress progress_{"", 1};
};

}  // namespace rw::cli::finetune
