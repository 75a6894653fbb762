// SPDX-License-Identifier: Apache-2.0
/// Which method, with which parameters, for this model, length and text? Successive halving: all candidates
/// on one document, the better third on more, and so on. Plain RoPE and truncation are in every round. What
/// wins is then measured on documents that no choice was made on (tune_evidence.h says what that shows).
#pragma once
#include "judge/measured_heads.h"
#include "judge/runner.h"

namespace rw {

/// Specs worth a try: every kind of method with several windows, factors, groups, betas and bases around what
/// `length` and the trained length suggest. Those that do not fit the model are left out. Parameters are
/// written so that they follow the length (1.5x: 1.5 times the default), but for a base, which does not.
/// `heads`: what was measured of this model; without it kMeasuredMethods are no candidates.
std::vector<std::string> tune_candidates(const ModelConfig& config, Index length,
                                         const MeasuredHeads* heads = nullptr);

/// kBoth adds the ranks of the two. The loss is measured for each goal: it breaks ties of retrieval, of which
/// there are many where few questions are asked.
enum class Goal { kLoss, kRetrieval, kBoth };

/// What will be done, as far as it is known before.
struct TunePlan {
  std::size_t n_begin = 0,
              n_left_out = 0;  ///< candidates that are tried, and that the budget has no time for
  double seconds = 0;          ///< at the pace measured; with a budget never more than that
};

struct TuneOptions {
  Index length = 0, tail = 256;
  Goal goal = Goal::kLoss;
  std::vector<std::string> candidates;
  std::size_t n_to_judge = 0;  ///< documents for evaluate_winner, which the plan counts in
  /// 0: none. Else fewer candidates begin and later rounds have fewer documents, so that about seven tenths
  /// of it choose and the rest is the evaluation's.
  double budget_seconds = 0;
  int n_questions = 2;  ///< of each document, at 3 depths, for retrieval
  Store* store = nullptr;
  Coordinator* coordinator = nullptr;
  std::function<void(const TunePlan&)> planned = {};  ///< called once, before the work
  std::function<void(double share)> on_share = {};    ///< RunnerOptions::on_share, of each round
};

/// How one candidate did in the last round that it was in.
struct TuneRow {
  std::string method;        ///< also kPlain and kTruncated
  std::string same_as = {};  ///< another row whose plan is the same at this length; plain RoPE goes first
  int round = 0;
  double loss = 0;              ///< mean over the documents so far; infinite where one is not finite
  std::optional<double> score;  ///< share of the keys found, 0 to 1; absent where the goal is the loss
  std::size_t n_documents = 0;
};

struct TuneResult {
  std::vector<TuneRow> rows = {};  ///< best first; of equals plain RoPE, then truncation
  TunePlan plan;
  const std::string& winner() const;  ///< the best of those that are methods: truncation is none
  /// Truncation's loss is a number on every document; else nothing can be judged, and the rounds ended.
  bool has_reference() const;
};

/// Ranks candidates on `documents`. REQUIRES: candidates, documents, and a length past the trained one:
/// inside it there is nothing to tune. Errors: Error where the goal has retrieval and the model finds less
/// than a fifth in short text; Error, before the work, for a budget that is too small for the least there is
/// to do: four candidates on one document, and one document to judge on.
TuneResult tune(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
                const TuneOptions& options, const RunInfo& info);

/// The winner beside plain YaRN, plain RoPE and truncation, in `seconds_left` (0: no limit).
RunnerResult evaluate_winner(const Model& model, const Tokenizer& tokenizer,
                             const std::vector<Document>& documents, const std::string& winner,
                             const TuneOptions& options, double seconds_left, const RunInfo& info);

}  // namespace rw
