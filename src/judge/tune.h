// SPDX-License-Identifier: Apache-2.0
/// Which method, with which parameters, for this model, length and text? Successive halving: all candidates
/// on a few documents, the better third on more, and so on. What wins is then measured on documents that no
/// choice was made on.
#pragma once
#include "judge/runner.h"

namespace ropewalk {

/// Specs worth a try: every kind of method with several windows, factors, groups and bases around what
/// `length` and the trained length suggest. Those that do not fit the model are left out.
std::vector<std::string> tune_candidates(const ModelConfig& config, Index length);

enum class Goal { kLoss, kRetrieval, kBoth };

struct TuneOptions {
  Index length = 0, tail = 256;
  Goal goal = Goal::kLoss;
  std::vector<std::string> candidates;
  double budget_seconds = 0;  ///< 0: none; else later rounds use fewer documents
  int n_questions = 2;        ///< of each document, for retrieval
  Store* store = nullptr;
};

/// How one candidate did in the last round that it was in.
struct TuneRow {
  std::string method;
  int round = 0;
  double loss = 0;   ///< mean over the round's documents
  double score = 0;  ///< retrieval, 0 to 1
  std::size_t n_documents = 0;
};

/// Ranks candidates on `documents`, best first. Goal kBoth adds the ranks of loss and retrieval.
/// REQUIRES: candidates and documents.
std::vector<TuneRow> tune(const Model& model, const Tokenizer& tokenizer,
                          const std::vector<Document>& documents, const TuneOptions& options,
                          const RunInfo& info);

}  // namespace ropewalk
