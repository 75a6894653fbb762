// SPDX-License-Identifier: Apache-2.0
/// What tuning found as JSON.
#include <cmath>

#include "core/progress.h"
#include "evaluation/choose_method.h"

namespace rw {
namespace {

/// "versus_yarn".
std::string json_key(const std::string& rival) {
  return "versus_" + (rival == kPlain ? "plain" : rival == kTruncated ? "truncated" : rival);
}

Json difference_json(const Difference& d, int better) {
  if (!d.measured()) return nullptr;
  return {{"difference", d.finite() ? Json(d.interval.mean) : Json(nullptr)},
          {"interval", d.interval.low ? Json{*d.interval.low, *d.interval.high} : Json(nullptr)},
          {"p_holm", d.p ? Json(*d.p) : Json(nullptr)},
          {"n_documents", d.units.n_documents()},
          {"n_texts", d.units.n_texts()},
          {"word", word_of(d, better)}};
}

Json rows_json(const std::vector<TuneRow>& rows) {
  Json list = Json::array();
  for (const TuneRow& row : rows)
    list.push_back({{"method", row.method},
                    {"same_as", row.same_as.empty() ? Json(nullptr) : Json(row.same_as)},
                    {"round", row.round},
                    {"loss", std::isfinite(row.loss) ? Json(row.loss) : Json(nullptr)},
                    {"score", row.score ? Json(*row.score) : Json(nullptr)},
                    {"n_documents", row.n_documents}});
  return list;
}

}  // namespace

std::string name_of(Goal goal) {
  return goal == Goal::kLoss ? "loss" : goal == Goal::kRetrieval ? "retrieval" : "both";
}

Json evidence_json(const TuneOutcome& outcome) {
  Json evidence{{"why", outcome.conclusion.why},
                {"winner", outcome.result.winner()},
                {"goal", name_of(outcome.goal)},
                {"truncation_does", outcome.conclusion.truncation_does},
                {"n_to_choose_on", outcome.n_to_choose_on},
                {"n_to_judge_on", outcome.n_to_judge_on}};
  for (const Margin& m : outcome.margins)
    evidence[json_key(m.rival)] = {{"loss", difference_json(m.loss, -1)},
                                   {"score", difference_json(m.score, 1)}};
  evidence["date"] = today(), evidence["command"] = outcome.info.command;
  return evidence;
}

Json tuned_json(const TuneOutcome& outcome, bool kept) {
  const auto or_null = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json found{{"model", outcome.info.model},
             {"model_id", outcome.info.model_id},
             {"length", outcome.length},
             {"stored", kept && !outcome.bound.empty()},
             {"method", or_null(outcome.conclusion.method)},
             {"bound", or_null(outcome.bound)}};
  found.update(evidence_json(outcome));
  found["to_decide"] = outcome.next ? or_null(outcome.next->command) : Json(nullptr);
  found["elsewhere"] = settings_json(outcome.peers);
  found["unmeasured"] = !outcome.unmeasured.empty() ? Json(kMeasuredMethods) : Json::array();
  found["n_left_out"] = outcome.result.plan.n_left_out, found["candidates"] = rows_json(outcome.result.rows);
  return found;
}

}  // namespace rw
