// SPDX-License-Identifier: Apache-2.0
/// Which method, with which parameters, for this model, length and text? Successive halving: all candidates
/// on one document, the better third on more, and so on. What wins is then measured on documents that no
/// choice was made on.
#pragma once
#include "judge/runner.h"
#include "results/statistics.h"

namespace ropewalk {

/// Specs worth a try: every kind of method with several windows, factors, groups, betas and bases around what
/// `length` and the trained length suggest. Those that do not fit the model are left out.
std::vector<std::string> tune_candidates(const ModelConfig& config, Index length);

/// kBoth adds the ranks of the two. The loss is measured for each goal: it breaks ties of retrieval, of which
/// there are many where few questions are asked.
enum class Goal { kLoss, kRetrieval, kBoth };

struct TuneOptions {
  Index length = 0, tail = 256;
  Goal goal = Goal::kLoss;
  std::vector<std::string> candidates;
  /// 0: none. Else fewer candidates begin and later rounds have fewer documents, so that about seven tenths
  /// of it choose and the rest is the evaluation's. One document at least is always read.
  double budget_seconds = 0;
  int n_questions = 2;  ///< of each document, at 3 depths, for retrieval
  Store* store = nullptr;
};

/// How one candidate did in the last round that it was in.
struct TuneRow {
  std::string method;
  int round = 0;
  double loss = 0;              ///< mean over the documents so far
  std::optional<double> score;  ///< share of the keys found, 0 to 1; absent where the goal is the loss
  std::size_t n_documents = 0;
};

/// Ranks candidates on `documents`, best first. REQUIRES: candidates and documents.
/// Errors: Error where the goal has retrieval and the model finds less than a fifth in short text.
std::vector<TuneRow> tune(const Model& model, const Tokenizer& tokenizer,
                          const std::vector<Document>& documents, const TuneOptions& options,
                          const RunInfo& info);

/// The winner beside plain YaRN, plain RoPE and truncation, in `seconds_left` (0: no limit).
RunnerResult evaluate_winner(const Model& model, const Tokenizer& tokenizer,
                             const std::vector<Document>& documents, const std::string& winner,
                             const TuneOptions& options, double seconds_left, const RunInfo& info);

/// Of one method minus another's on the same documents at one length; n = 0: never measured together.
struct Margin {
  Interval loss;   ///< nats of the tail
  Interval score;  ///< share of the questions answered, each document's mean
};
Margin margin(const std::vector<Record>& records, Index length, const std::string& a, const std::string& b);

}  // namespace ropewalk
