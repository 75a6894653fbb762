// SPDX-License-Identifier: Apache-2.0
/// "How far does it reach?" asked without saying how far, by which methods, on how many documents: as much of
/// the answer as a budget buys on this machine.
#pragma once
#include "judge/plan.h"

namespace rw {

/// What is asked for where nothing is said, the first of them being the last to be left out. One or two of
/// each kind: distance maps, a frequency scaling, a mask (docs/results.md).
inline const std::vector<std::string> kDefaultMethods{"self-extend", "yarn", "lm-infinite", "leaky-rerope",
                                                      "dca"};
/// Nobody who says nothing waits longer.
inline constexpr double kDefaultBudget = 600;
/// More documents than these are not taken unasked.
inline constexpr int kMostDocuments = 24;

/// Of the methods those that fit the model at every one of the lengths, in their order.
using FittingOf = std::function<std::vector<std::string>(const std::vector<std::string>& methods,
                                                         const std::vector<Index>& lengths)>;

struct Scope {
  std::vector<std::string> methods;
  std::vector<std::string> unfit;  ///< that were to choose from, and do not fit these lengths
  std::vector<Index> lengths;      ///< ascending; the first is the trained length
  int n_documents = 1;             ///< in all
  double seconds = 0;              ///< that it should take
};

/// What is fixed is not chosen.
struct ScopeRequest {
  std::vector<std::string> methods;  ///< as asked for; empty: choose
  std::vector<Index> lengths;        ///< ascending; empty: choose
  int n_documents = 0;               ///< 0: choose
  double budget_seconds = kDefaultBudget;
  std::vector<std::string> usual = kDefaultMethods;  ///< to choose methods from
  std::vector<std::string> droppable = {};           ///< of `methods`, those that nobody named: "all"
  FittingOf fitting = {};                            ///< none: every method fits
};

/// Seconds that one document takes with these methods at these lengths.
using SecondsOf =
    std::function<double(const std::vector<std::string>& methods, const std::vector<Index>& lengths)>;
/// Documents that a text yields for a greatest length.
using DocumentsOf = std::function<int(Index length)>;

/// The first of a list of wishes that fits, from sixteen times the trained length with all methods on eight
/// documents down to one and an eighth times with one method on one; what is left of the budget goes into
/// documents. The last wish is taken even where it does not fit. Lengths that the text has no document for,
/// or that a method which was asked for by name does not fit, are no wish; other methods that do not fit fall
/// out. `n_ctx_train` >= 1. Errors: none.
Scope choose_scope(const ScopeRequest& request, Index n_ctx_train, const SecondsOf& seconds_of,
                   const DocumentsOf& documents_of);

/// What was left out, a sentence for each reason: "left out for 10 minutes: methods dca; lengths beyond 1k",
/// "left out, since the text is too short: lengths beyond 1k" (it has no document of the next), "left out,
/// since the text has only 3 documents of 2k: lengths beyond 1k", "left out, since they do not fit 2k tokens:
/// methods self-extend". Empty: nothing.
std::vector<std::string> left_out(const Scope& scope, const ScopeRequest& request, Index n_ctx_train,
                                  const DocumentsOf& documents_of);

}  // namespace rw
