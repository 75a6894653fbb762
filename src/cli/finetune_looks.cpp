// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_looks.h"

#include <algorithm>
#include <filesystem>

namespace rw {

FinetuneLooks::FinetuneLooks(const std::vector<Document>& documents, PlanOptions plan, RunInfo run,
                             std::string folder)
    : documents_(documents), plan_(std::move(plan)), run_(std::move(run)), folder_(std::move(folder)) {}

RunnerResult FinetuneLooks::run(const Model& model, const std::vector<std::string>& methods, bool baselines,
                                const std::string& name, bool only_stored) {
  RunnerOptions options;
  options.plan = plan_;
  options.plan.methods = methods, options.plan.baselines = baselines;
  options.only_stored = only_stored, options.on_share = on_share_;
  RunInfo info = run_;
  if (!baselines) info.model_id += "+" + name;  // a model of its own
  std::optional<Store> store;
  if (!folder_.empty()) {
    const std::filesystem::path path = std::filesystem::path(folder_) / (name + ".jsonl");
    std::filesystem::create_directories(path.parent_path());
    store.emplace(path.string());
    store->require_alike(info, true);
    options.store = &*store;
  }
  return run_all(model, model.tokenizer(), documents_, options, info);
}

std::vector<Record> FinetuneLooks::untrained(const Model& model, const std::vector<std::string>& methods) {
  return run(model, methods, true, "untrained", false).records;
}

std::vector<Record> FinetuneLooks::of_start(const Model& model, const std::string& method,
                                            const std::string& name) {
  return run(model, {method}, false, name, false).records;
}

std::optional<std::vector<Record>> FinetuneLooks::known(const Model& source, const std::string& method,
                                                        const std::string& name) {
  if (folder_.empty()) return std::nullopt;
  RunnerResult result = run(source, {method}, false, name, true);
  if (result.out_of_time) return std::nullopt;  // some item is not there
  return std::move(result.records);
}

std::size_t FinetuneLooks::bytes(const Model& model, const std::string& method) const {
  BoundMethods bound(model);
  return bound.bytes(method, plan_.lengths.back(), plan_.lengths.back());
}

double FinetuneLooks::cost(const Model& model, const std::vector<std::string>& methods,
                           bool baselines) const {
  PlanOptions plan = plan_;
  plan.methods = methods, plan.baselines = baselines;
  double cost = 0;
  for (const Item& item : plan_items(model, model.tokenizer(), documents_, plan, run_).items)
    cost += item.cost;
  return cost;
}

}  // namespace rw
