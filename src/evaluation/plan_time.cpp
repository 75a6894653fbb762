// SPDX-License-Identifier: Apache-2.0
#include "evaluation/plan_time.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"
#include "judge/documents_in_time.h"
#include "model/cost.h"

namespace rw {
namespace {

constexpr double kLongPlan = 1800;  // seconds: from here on a plan is announced

/// Whether the budget has no room for one document. The pace is a guess: a little more than the budget is no
/// reason to say so.
bool over_budget(const PlanTime& timing, const RunnerOptions& options) {
  return options.budget_seconds > 0 && timing.within_budget > 1.25 * options.budget_seconds + 1;
}
std::string what_takes_less() {
  return "fewer " + option("methods") + ", " + option("tasks") + " or shorter " + option("lengths");
}

}  // namespace

PlanTime plan_time(const std::vector<Item>& items, const RunnerOptions& options, double pace) {
  PlanTime timing;
  std::map<std::size_t, double> by_document;
  for (const Item& item : items) {
    const bool known = options.store && item_known(item, *options.store);
    (known ? timing.known : timing.left) += item.cost * pace;
    if (!known) by_document[item.document] += item.cost * pace;
  }
  timing.n_documents = by_document.size();
  timing.n_fit = documents_that_fit(
      options.budget_seconds, timing.left / std::max<double>(1, static_cast<double>(by_document.size())),
      by_document.size());
  std::size_t n = 0;
  for (const auto& [document, seconds] : by_document)
    if (n++ < timing.n_fit) timing.within_budget += seconds;
  return timing;
}

void heed_budget(const PlanTime& timing, const RunnerOptions& options, bool budget_asked, const Says& say) {
  if (!over_budget(timing, options)) return;
  if (budget_asked)
    throw UsageError(option("budget_seconds", "--budget"),
                     "at least what one document takes, " + time_text(timing.within_budget),
                     time_text(options.budget_seconds), what_takes_less());
  say(
      fmt::format("one document takes about {}, and is measured though that is more than the {} of a run "
                  "without {}; {} take less",
                  time_text(timing.within_budget), time_text(options.budget_seconds),
                  option("budget_seconds", "--budget"), what_takes_less()));
}

std::string room_text(const PlanTime& timing, const RunnerOptions& options, bool budget_asked) {
  if (timing.n_fit == timing.n_documents) return "";
  const std::string documents =
      fmt::format("{} of {}", timing.n_fit, counted(timing.n_documents, "document"));
  const std::string time = time_text(timing.within_budget);
  if (over_budget(timing, options)) return fmt::format("only {} is measured: {}", documents, time);
  if (budget_asked) return fmt::format("the budget has room for about {}: {}", documents, time);
  return fmt::format("without {} a run has {}, room for about {}: {}", option("budget_seconds", "--budget"),
                     time_text(options.budget_seconds), documents, time);
}

double pace_of(const Model& model, const RunnerOptions& options) {
  return options.pace > 0 ? options.pace : pace_on(model, options.coordinator);
}

std::function<void(const Plan&)> announcer(const Model& model, const RunnerOptions& options,
                                           bool budget_asked, const Says& say) {
  return [&model, options, budget_asked, say](const Plan& plan) {
    for (const std::string& line : plan.left_out) say("left out: " + line);
    if (options.only_stored) return;
    const double cost = plan_time(plan.items, options, 1).left;
    // Measuring reads 2,048 tokens: not before work that is over in a moment.
    if (!budget_asked && cost < 60 * cost_of(model.config(), 1024)) return;
    const PlanTime timing = plan_time(plan.items, options, pace_of(model, options));
    heed_budget(timing, options, budget_asked, say);
    if (timing.left < kLongPlan) return;
    const std::string whole = "this will take about " + time_text(timing.left);
    if (const std::string room = room_text(timing, options, budget_asked); !room.empty())
      say(whole + "; " + room);
    else if (timing.n_documents > 1)
      say(whole + option("; budget_seconds ends", "; --dry-run lists it, --budget ends") +
          " it behind fewer documents");
    else
      say(whole + option("", "; --dry-run lists it"));
  };
}

}  // namespace rw
