// SPDX-License-Identifier: Apache-2.0
/// finetune looks at what it trains: the judge's own tasks, on the same documents at every look.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "judge/runner.h"
#include "results/recovery.h"

namespace rw {

/// Results of looks, each in a file of results of its own where there is a folder: a run that was killed
/// measures nothing twice, and `ropewalk report` reads each.
class FinetuneLooks {
 public:
  /// `run`: of the model as it came. `folder`: empty for none. LIFETIME: documents outlive it.
  FinetuneLooks(const std::vector<Document>& documents, PlanOptions plan, RunInfo run, std::string folder);

  /// Told how far a judging is, in place of a line of progress of its own.
  void follow(std::function<void(double share)> on_share) { on_share_ = std::move(on_share); }

  /// Before training: these methods, plain RoPE and truncation.
  std::vector<Record> untrained(const Model& model, const std::vector<std::string>& methods);
  /// A start under its method, without baselines. `name`: of its file, "pi/step-00025".
  std::vector<Record> of_start(const Model& model, const std::string& method, const std::string& name);
  /// Of such a look what its file holds; nothing is run. Where something is missing: nullopt.
  std::optional<std::vector<Record>> known(const Model& source, const std::string& method,
                                           const std::string& name);
  /// Memory that the judging of a method takes beside the weights, and its cost (model/cost.h).
  std::size_t bytes(const Model& model, const std::string& method) const;
  double cost(const Model& model, const std::vector<std::string>& methods, bool baselines) const;

 private:
  RunnerResult run(const Model& model, const std::vector<std::string>& methods, bool baselines,
                   const std::string& name, bool only_stored);
  const std::vector<Document>& documents_;
  PlanOptions plan_;
  RunInfo run_;
  std::string folder_;
  std::function<void(double)> on_share_;
};

}  // namespace rw
