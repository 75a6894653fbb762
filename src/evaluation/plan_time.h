// SPDX-License-Identifier: Apache-2.0
/// How long a plan will take on this machine, and what of it a budget has room for.
#pragma once
#include "core/says.h"
#include "judge/runner.h"

namespace rw {

/// Documents of a plan in seconds, and how many of them a budget has room for.
struct PlanTime {
  double left = 0, known = 0;              ///< of all; of what the store has
  double within_budget = 0;                ///< of those that fit
  std::size_t n_documents = 0, n_fit = 0;  ///< with something left to do; that fit
};

/// `pace`: seconds for a unit of cost (measure_pace).
PlanTime plan_time(const std::vector<Item>& items, const RunnerOptions& options, double pace);

/// Errors: UsageError where a budget was asked for that has no room for one document. One that was not is
/// exceeded, and that is said.
void heed_budget(const PlanTime& time, const RunnerOptions& options, bool budget_asked, const Says& say);

/// "the budget has room for about 2 of 6 documents: 32 seconds", in words of who gave a budget or of who did
/// not; empty where it has room for all.
std::string room_text(const PlanTime& time, const RunnerOptions& options, bool budget_asked);

/// options.pace, measured where it was not yet; of all ranks together.
double pace_of(const Model& model, const RunnerOptions& options);

/// For RunnerOptions::planned: says what does not fit its length and, where the work is long, about how many
/// hours it will take. LIFETIME: the model's. The function throws as heed_budget.
std::function<void(const Plan&)> announcer(const Model& model, const RunnerOptions& options,
                                           bool budget_asked, const Says& say);

}  // namespace rw
