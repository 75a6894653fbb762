// SPDX-License-Identifier: Apache-2.0
#include "judge/plan.h"

#include <algorithm>
#include <limits>
#include <map>

#include "core/hash.h"
#include "core/progress.h"
#include "model/memory.h"

namespace ropewalk {
namespace {

constexpr Index kShortQuestion = 1024;  // of the model's own short score

/// Collects the items of one task on one document with one seed.
class Planner {
 public:
  Planner(const Model& model, const PlanOptions& options, const RunInfo& run, const Document& document,
          const Document* other, std::vector<Item>& items)
      : model_(model), options_(options), run_(run), document_(document), other_(other), items_(items) {}

  void add_task(const Task& task, std::size_t document, Index length, int seed) {
    task_ = &task, blank_ = {};
    blank_.task = task.name, blank_.document = document, blank_.seed = seed;
    const Index reference = std::min(model_.config().n_ctx_train, options_.lengths.back());
    const bool first = length == options_.lengths.front();
    if (task.truncated && task.unit == Unit::kQuestion && length > reference) {
      serve(kPlain, length, kTruncated, length, reference);
    } else if (task.truncated && task.unit == Unit::kDocument && first) {
      serve(kPlain, reference, kTruncated, reference);
      for (Index longer : options_.lengths)
        if (longer > reference) serve(kPlain, reference, kTruncated, longer);
    }
    if (task.last_tokens && first) serve(kPlain, std::min<Index>(64 + options_.tail, reference), kShort, 0);
    if (task.short_score && first) serve(kPlain, std::min({kShortQuestion, reference, length}), kOwnShort, 0);
    for (const std::string& method : methods()) serve(method, length, method, length);
  }

 private:
  std::vector<std::string> methods() const {
    std::vector<std::string> all{kPlain};
    for (const std::string& method : options_.methods)
      if (std::find(all.begin(), all.end(), method) == all.end()) all.push_back(method);
    return all;
  }

  /// Everything that the result depends on.
  std::string key(const std::string& label, Index label_length, Index length, Index told,
                  const std::string& resolved) const {
    Json all{{"model", run_.model_id},
             {"text", document_.text_id},
             {"document", document_.name},
             {"task", blank_.task},
             {"label", label},
             {"label_length", label_length},
             {"length", length},
             {"resolved", resolved},
             {"seed", blank_.seed},
             {"precision", run_.precision},
             {"kv", run_.kv},
             {"version", run_.version}};
    // What a task does not look at may change, and its results still hold.
    if (task_->unit == Unit::kQuestion)
      all["depths"] = options_.n_depths;
    else
      all["tail"] = options_.tail;
    if (task_->uses_n_predict) all["predict"] = options_.n_predict;
    if (task_->uses_stride) all["stride"] = options_.stride;
    if (told > 0) all["told"] = told;
    if (task_->uses_other && other_) all["other"] = other_->text_id;
    return sha256(dump_json(all)).substr(0, 16);
  }

  /// Passes of `length` tokens that one item is.
  double passes(Index length) const {
    if (!task_->passes) return 1;
    return task_->passes({.n_document = static_cast<Index>(document_.tokens.size()),
                          .length = length,
                          .stride = options_.stride,
                          .n_depths = options_.n_depths});
  }

  /// `told`: see TaskInput.
  void serve(const std::string& method, Index length, const std::string& label, Index label_length,
             Index told = 0) {
    const Method bound = Method::bind(MethodSpec::parse(method), model_.config().rope_context(0, length));
    const Index read = told > 0 ? told : length;
    const std::size_t bytes = session_bytes(model_.config(), model_.backend().kv_type(), bound, read);
    require_memory(fmt::format("{} at {} tokens", method, length), bytes, "take shorter lengths");
    const auto [found, added] = known_.emplace(
        std::tuple{blank_.task, blank_.seed, bound.fingerprint(length), length, told}, items_.size());
    if (added) {
      Item item = blank_;
      item.method = method, item.length = length, item.told = told;
      item.cost = cost_of(read) * passes(length);
      item.bytes = bytes;
      items_.push_back(std::move(item));
    }
    items_[found->second].serves.push_back(
        {label, label_length, key(label, label_length, length, told, bound.text())});
  }

  const Model& model_;
  const PlanOptions& options_;
  const RunInfo& run_;
  const Document& document_;
  const Document* other_;
  std::vector<Item>& items_;
  const Task* task_ = nullptr;
  Item blank_;
  /// By task, seed, fingerprint, length and `told`.
  std::map<std::tuple<std::string, int, std::string, Index, Index>, std::size_t> known_;
};

}  // namespace

void require_tail(Index tail, Index n_ctx_train, Index shortest) {
  if (tail + 64 <= std::min(n_ctx_train, shortest)) return;
  const bool trained = n_ctx_train < shortest;
  throw UsageError(
      "--tail",
      fmt::format("at most {}: the {} tokens, less 64 of context", std::min(n_ctx_train, shortest) - 64,
                  trained ? fmt::format("{} trained", n_ctx_train)
                          : fmt::format("{} of the shortest length", shortest)),
      fmt::format("{}", tail), "the same tokens are scored at every length");
}

double cost_of(Index n) { return static_cast<double>(n) * (1 + static_cast<double>(n) / 12000); }

double measure_pace(const Model& model) {
  constexpr Index kProbe = 1024;
  const std::vector<Token> tokens(kProbe, 0);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 2; ++repeat) {
    const double start = now_seconds();
    token_losses(model, MethodSpec::parse(kPlain), tokens, kProbe - 2, kProbe - 1);
    best = std::min(best, now_seconds() - start);
  }
  return best / cost_of(kProbe);
}

std::vector<Item> shard_of(const std::vector<Item>& items, int shard, int n_shards) {
  std::vector<Item> mine;
  for (std::size_t i = static_cast<std::size_t>(shard - 1); i < items.size();
       i += static_cast<std::size_t>(n_shards))
    mine.push_back(items[i]);
  return mine;
}

std::vector<Item> plan_items(const Model& model, const std::vector<Document>& documents,
                             const PlanOptions& options, const RunInfo& run) {
  std::vector<const Task*> tasks;
  for (const std::string& name : options.tasks) tasks.push_back(&Registry<Task>::get(name, "task"));
  std::vector<Item> items;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    Planner planner(model, options, run, documents[d], other_document(documents, d), items);
    for (Index length : options.lengths)
      for (const Task* task : tasks) {
        if (!task->every_length && length != options.lengths.back()) continue;
        const int n_seeds = task->unit == Unit::kQuestion ? options.n_seeds : 0;
        for (int seed = std::min(n_seeds, 1); seed <= n_seeds; ++seed)
          planner.add_task(*task, d, length, seed);
      }
  }
  return items;
}

}  // namespace ropewalk
