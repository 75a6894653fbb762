// SPDX-License-Identifier: Apache-2.0
#include "judge/record.h"

#include <cmath>

namespace ropewalk {

Json to_json(const Record& r, const RunInfo& run) {
  Json j;
  j["task"] = r.task;
  j["method"] = r.method;
  j["resolved"] = r.resolved;
  j["document"] = r.document;
  j["length"] = r.length;
  j["achieved"] = r.achieved;
  if (r.position_end > 0) j["positions"] = {r.position_begin, r.position_end};
  j["n_targets"] = r.n_targets;
  // JSON has no NaN or infinity: null says that the loss is not a number.
  j["loss"] = std::isfinite(r.loss) ? Json(r.loss) : Json(nullptr);
  j["perplexity"] = std::isfinite(std::exp(r.loss)) ? Json(std::exp(r.loss)) : Json(nullptr);
  j["seconds"] = r.seconds;
  j["tokens_per_second"] = r.seconds > 0 ? static_cast<double>(r.achieved) / r.seconds : 0;
  j["shared"] = r.shared;
  j["tail"] = run.tail;
  j["n_ctx_train"] = run.n_ctx_train;
  j["model"] = run.model;
  j["model_id"] = run.model_id;
  j["text_id"] = run.text_id;
  j["precision"] = run.precision;
  j["kv"] = run.kv;
  j["isa"] = run.isa;
  j["threads"] = run.threads;
  j["version"] = run.version;
  return j;
}

}  // namespace ropewalk
