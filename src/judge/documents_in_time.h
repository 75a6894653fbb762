// SPDX-License-Identifier: Apache-2.0
/// How many documents a budget has room for, while they are measured.
#pragma once
#include <mutex>
#include <vector>

#include "judge/plan.h"

namespace rw {

/// How many of n documents fit into the budget at the pace so far; one at least. No budget (0): all.
std::size_t documents_that_fit(double budget_seconds, double seconds_each, std::size_t n);

/// Of one plan, whose time begins now. The budget is for documents with work: those that the store has cost
/// nothing. Thread-safe: whoever is the first to want an item of a document decides.
class DocumentsInTime {
 public:
  /// `known`: by item, whether the store has it.
  DocumentsInTime(const std::vector<Item>& items, const std::vector<bool>& known, std::size_t n_documents,
                  double budget_seconds);
  double total() const { return total_; }  ///< cost of all that is not known
  /// As much of it as there is time for; `done`: cost so far.
  double total_in_time(double done) const;
  /// Whether the document has begun, or begins now. REQUIRES: none is asked for before those in front of it.
  bool begin(std::size_t document, double done);

 private:
  std::size_t n_fitting(double done) const;
  std::vector<double> work_;  // that is left, by document
  const double budget_seconds_, start_;
  std::size_t n_left_ = 0;
  double total_ = 0, one_ = 0;  // one: of the documents that are left the mean
  std::mutex mutex_;            // of what follows
  std::size_t n_begun_ = 0, n_begun_or_known_ = 0;
};

}  // namespace rw
