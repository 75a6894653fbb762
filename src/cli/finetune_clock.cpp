// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_clock.h"

#include <algorithm>
#include <numeric>

namespace rw::cli::finetune {

FinetuneClock::FinetuneClock(const FinetuneCost& cost, const FinetunePlan& plan)
    : cost_(cost), look_(cost.look_seconds / static_cast<double>(plan.starts.size())) {
  training_.total = std::accumulate(cost.step_seconds.begin(), cost.step_seconds.end(), 0.0) *
                    static_cast<double>(plan.steps);
  judging_.total = cost.seconds(plan) - training_.total;
}

/// What was foreseen counts beside what was measured like a fiftieth of the work that was done as foreseen,
/// so that the first moments do not decide.
double FinetuneClock::Work::left() const {
  const double foreseen = 0.02 * total;
  const double pace = total > 0 ? (taken + foreseen) / (done + foreseen) : 1;
  return std::max(0.0, total - done) * pace;
}

void FinetuneClock::begin_judging(const std::string& what, double foreseen) {
  progress_.set_label(what);
  foreseen_ = foreseen, judged_ = 0, last_ = now_seconds();
}

void FinetuneClock::judging(double share) {
  const double now = std::max(judged_, share * foreseen_);
  add(judging_, now - judged_);
  judged_ = now;
}

void FinetuneClock::trained_step(std::size_t start, const std::string& what) {
  progress_.set_label(what);
  add(training_, cost_.step_seconds[start]);
}

void FinetuneClock::end_judging() {
  if (judged_ > 0)
    judging(1);
  else
    judging_.total -= foreseen_;
}

void FinetuneClock::leave_out(std::size_t start, Index n_steps, std::size_t n_looks) {
  training_.total -= cost_.step_seconds[start] * static_cast<double>(n_steps);
  judging_.total -= look_ * static_cast<double>(n_looks);
}

void FinetuneClock::add(Work& work, double done) {
  const double now = now_seconds();
  work.taken += now - last_, work.done += done, last_ = now;
  progress_.update_left(seconds_left());
}

}  // namespace rw::cli::finetune
