// SPDX-License-Identifier: Apache-2.0
/// What a run will do, before it does it: every item with its cost and memory.
#pragma once
#include "judge/bound_methods.h"
#include "judge/task.h"

namespace rw {

struct PlanOptions {
  std::vector<std::string> tasks = {"tail"};
  std::vector<std::string> methods;  ///< as typed; plain RoPE is added in front
  std::vector<Index> lengths;        ///< ascending; questions of a file have their own
  Index tail = 256, n_predict = 128;
  Index stride = 0;                      ///< of sliding; 0: half of the length
  int n_seeds = 4, n_depths = 5;         ///< of tasks that ask questions
  bool baselines = true;                 ///< false: the methods alone, where the rest was measured already
  MethodFacts* methods_bound = nullptr;  ///< of the model, for those who plan often; null: new ones
};

/// A label and the length it stands for, of those that one run of the model serves.
struct Served {
  std::string label;
  Index length = 0;
  std::string resolved = {};  ///< the method with every default filled in
  std::string key = {};       ///< of the results: all that they depend on
};

/// One run of the model. Methods that lower to the same plan share it.
struct Item {
  std::string task, method;  ///< method: as typed, the first of those that share the plan
  Index length = 0;
  std::size_t document = 0;
  int seed = 0;
  Index told = 0;  ///< see TaskInput
  std::vector<Served> serves;
  double cost = 0;  ///< see cost_of, model/cost.h
  std::size_t bytes = 0;
};

/// Of decoders or of encoders: what is judged where no task is named.
std::string usual_task(bool encoder);
/// Errors: UsageError for a task that does not exist, or that is not of such a model.
void require_tasks_fit(const std::vector<std::string>& tasks, bool encoder);

/// The last tokens that are scored where nothing is said: 256, half of the trained length, or what leaves
/// room for the 64 tokens before them in it and in the shortest length, whichever is least; never less
/// than 1.
Index usual_tail(Index n_ctx_train, Index shortest);
/// Errors: Error for a model that was trained on 64 tokens or fewer; UsageError where the tail with the 64
/// tokens before it does not fit into the trained length and the shortest one: at the reference other tokens
/// would be scored than elsewhere.
void require_tail(Index tail, Index n_ctx_train, Index shortest);
struct Plan {
  std::vector<Item> items;
  std::vector<std::string> left_out;  ///< what does not fit its length or has nothing to score, a line each
};

/// Seconds for a unit of cost, from reading 1,024 tokens twice; the faster counts.
double measure_pace(const Model& model);
/// Every n_shards-th item from the shard-th on.
std::vector<Item> shard_of(const std::vector<Item>& items, int shard, int n_shards);

/// Tokens that every document must have for these tasks at these lengths. Errors: UsageError for a task that
/// does not exist.
Index tokens_needed(const PlanOptions& options);

/// Items by document, then length, seed, task, method: a run that stops early is already useful.
/// Errors: UsageError for a task or method that does not exist or fit the model, Error for too little memory,
/// or where nothing fits its length or has something to score.
Plan plan_items(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                const PlanOptions& options, const RunInfo& run);

}  // namespace rw
