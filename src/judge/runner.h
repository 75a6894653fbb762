// SPDX-License-Identifier: Apache-2.0
/// The only loop over items.
#pragma once
#include "judge/coordinator.h"
#include "results/store.h"

namespace rw {

struct RunnerOptions {
  PlanOptions plan;
  double budget_seconds = 0;           ///< 0: all documents; else stop before one that would not fit
  double pace = 0;                     ///< measure_pace, where it was measured already; 0: it was not
  int shard = 1, n_shards = 1;         ///< of the items, every n_shards-th from the shard-th on
  std::string share = {};              ///< "k/n": the shard of the plan that this is, or is a job of
  Store* store = nullptr;              ///< finished items are taken from it, and go to it
  int n_at_once = 1;                   ///< items of another engine that are asked side by side
  Coordinator* coordinator = nullptr;  ///< of several ranks that measure; null: this process alone
  bool only_stored = false;            ///< nothing is run: items that the store lacks are left out
  std::function<void(const Plan&)> planned = {};  ///< called with this shard's plan, before the work
  Says say = kQuiet;                              ///< beside the progress
  /// Where this is a part of longer work, in place of a line of progress: the share of this plan's work that
  /// is done. Not called where there is none.
  std::function<void(double share)> on_share = {};
};

struct RunnerResult {
  std::vector<Record> records;
  std::size_t n_documents = 0;           ///< done
  bool out_of_time = false;              ///< the budget had no room for the others
  std::size_t n_items = 0, n_known = 0;  ///< items that were run, and of them those that the store had
};

/// Whether the store has all that the item serves.
bool item_known(const Item& item, const Store& store);

/// Does the plan, document by document. Errors: Error for a document too short, or too little memory, before
/// any work starts; UsageError for a method that does not fit the model.
RunnerResult run_all(const Asked& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                     const RunnerOptions& options, const RunInfo& info);

/// `n` disjoint stretches of a text, or the whole text as one. Each holds `least` tokens or more.
/// Errors: Error naming how many tokens there are and how many stretches they hold.
std::vector<Document> split_document(const std::string& name, std::vector<Token> tokens,
                                     const std::vector<Token>& bos, int n, Index least);

}  // namespace rw
