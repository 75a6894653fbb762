// SPDX-License-Identifier: Apache-2.0
/// Who measures the items of a plan: this thread, others beside it, other ranks. The loop over items
/// (judge/runner.h) takes their records in the plan's order and does not know which.
#pragma once
#include <functional>
#include <vector>

#include "core/says.h"
#include "judge/plan.h"

namespace rw {

/// One run of the model. The records say nothing yet of the names that the item serves. `other`: see
/// TaskInput; of `plan` the tail and what tasks take beside it. Errors: those of the task.
std::vector<Record> measure_item(const Asked& model, const Tokenizer& tokenizer, const Item& item,
                                 const Document& document, const Document* other, const PlanOptions& plan,
                                 const TokensDone& done);

/// What a measurer works on. LIFETIME: all of it outlives the measurer.
struct ItemWork {
  const std::vector<Item>& items;
  const std::vector<Document>& documents;
  const PlanOptions& plan;
  /// Whether there are results of item i, which nobody needs to measure then. On the loop's thread.
  std::function<bool(std::size_t i)> is_known;
  /// Whether there is time for a document, which is then measured to its end; `done`: cost so far of all
  /// items. From any thread.
  std::function<bool(std::size_t document, double done)> begin;
  /// Measures it here. From any thread where an engine allows it, else on the loop's.
  std::function<std::vector<Record>(std::size_t i, const TokensDone& done)> measure;
  /// Takes what was measured before the loop asks for it. On the loop's thread.
  std::function<void(std::size_t i, const std::vector<Record>& records)> keep;
  bool keeps = false;                  ///< whether there is a store that it goes to
  std::function<void()> before_words;  ///< called before words for people are said
};

class Measurer {
 public:
  virtual ~Measurer() = default;
  /// The records of item i. REQUIRES: i grows from call to call, is not known, and its document has begun.
  /// `at`: called with the cost that is done of the items from i on.
  virtual std::vector<Record> measure(std::size_t i, const std::function<void(double cost)>& at) = 0;
};

/// On this thread; or, where n_at_once > 1, so many at once on threads of their own.
/// `say`: called, on the loop's thread, with an error while others' answers are waited for.
std::unique_ptr<Measurer> measure_here(const ItemWork& work, int n_at_once, Says say);

}  // namespace rw
