// SPDX-License-Identifier: Apache-2.0
#include "evaluation/complete.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"
#include "evaluation/fitting_methods.h"
#include "judge/scope.h"
#include "judge/text_tokens.h"

namespace rw {
namespace {

constexpr double kNoLimit = 1e9;  // seconds

/// Errors: Error where every text fits in what the model was trained on: there is nothing to extend.
void require_longer(const TokenTexts& texts, Index n_ctx_train) {
  std::size_t longest = 0;
  for (const std::vector<Token>& tokens : texts.tokens) longest = std::max(longest, tokens.size());
  if (static_cast<Index>(longest) > n_ctx_train) return;
  throw Error(option("texts", "--text"),
              fmt::format("more than the {} tokens that the model was trained on", n_ctx_train),
              counted(longest, "token"),
              "such a text needs no method: plain RoPE reads it whole. Give a longer one to see how far "
              "methods hold");
}

/// Cost of one document with these methods at these lengths.
double cost_of_one(const PreparedEval& prepared, BoundMethods& bound, const std::vector<std::string>& methods,
                   const std::vector<Index>& lengths) {
  const Model& model = *prepared.model;
  PlanOptions wished = prepared.runner.plan;
  wished.methods = methods, wished.lengths = lengths, wished.methods_bound = &bound;
  Document any;
  any.tokens.assign(static_cast<std::size_t>(tokens_needed(wished)), some_text_token(model.tokenizer()));
  double cost = 0;
  for (const Item& item : plan_items(model, model.tokenizer(), {std::move(any)}, wished, prepared.info).items)
    cost += item.cost;
  return cost;
}

/// As much of the answer as the budget buys. `every`: methods that nobody named.
void choose(PreparedEval& prepared, BoundMethods& bound, const std::vector<std::string>& every,
            const Says& say) {
  RunnerOptions& runner = prepared.runner;
  PlanOptions& plan = runner.plan;
  const Index n_ctx_train = prepared.model->config().n_ctx_train;
  const int n_texts = static_cast<int>(prepared.texts.names.size());
  ScopeRequest asked{plan.methods, plan.lengths, prepared.n_documents * n_texts,
                     runner.budget_seconds > 0 ? runner.budget_seconds : kNoLimit};
  asked.usual = fitting(kDefaultMethods, bound, {n_ctx_train}), asked.droppable = every;
  asked.fitting = [&](const auto& methods, const auto& lengths) { return fitting(methods, bound, lengths); };
  const double pace = runner.pace = pace_on(*prepared.model, runner.coordinator);
  const DocumentsOf documents_of = [&](Index length) {
    PlanOptions wished = plan;
    wished.lengths = {length};
    return count_stretches(prepared.texts, tokens_needed(wished) - 1,
                           (kMostDocuments + n_texts - 1) / n_texts);
  };
  const SecondsOf seconds_of = [&](const auto& methods, const auto& lengths) {
    return pace * cost_of_one(prepared, bound, methods, lengths);
  };
  const Scope scope = choose_scope(asked, n_ctx_train, seconds_of, documents_of);
  plan.methods = scope.methods, plan.lengths = scope.lengths;
  prepared.n_documents = (scope.n_documents + n_texts - 1) / n_texts;
  say(fmt::format("methods {}; lengths to {}; {}: about {}", fmt::join(plan.methods, " "),
                  k_tokens(plan.lengths.back()), counted(scope.n_documents, "document"),
                  time_text(scope.seconds)));
  for (const std::string& line : left_out(scope, asked, n_ctx_train, documents_of)) say(line);
}

}  // namespace

void complete(PreparedEval& prepared, const EvalRequest& request, const Says& say) {
  PlanOptions& plan = prepared.runner.plan;
  const ModelConfig& config = prepared.model->config();
  const Index n_ctx_train = config.n_ctx_train;
  const Index shortest = plan.lengths.empty() ? n_ctx_train : plan.lengths.front();
  if (plan.tail == 0) plan.tail = usual_tail(n_ctx_train, shortest);
  if (any_scores_tail(plan)) require_tail(plan.tail, n_ctx_train, shortest);
  BoundMethods bound(*prepared.model);
  // What auto stands for depends on the lengths; where those are still to be chosen, on the first past the
  // trained.
  const std::vector<Index> first = plan.lengths.empty() ? std::vector<Index>{2 * n_ctx_train} : plan.lengths;
  const std::vector<std::string> every = expand_all(plan.methods, bound, first, say);
  replace_auto(plan.methods, request.model_path, config, first, say);
  if (!plan.methods.empty() && !plan.lengths.empty() && prepared.n_documents > 0) return;
  if (plan.lengths.empty()) require_longer(prepared.texts, n_ctx_train);
  if (!request.budget_seconds) prepared.runner.budget_seconds = kDefaultBudget;
  choose(prepared, bound, every, say);
}

}  // namespace rw
