// SPDX-License-Identifier: Apache-2.0
/// The only loop over documents, lengths and methods.
#pragma once
#include <optional>

#include "core/output_file.h"
#include "judge/task.h"

namespace ropewalk {

/// Baselines: plain RoPE; the same, told only the last `trained` tokens; the same, told the tail and the 64
/// tokens before it.
inline const std::string kPlain = "none", kTruncated = "none (truncated)", kShort = "64 tokens before";

struct RunnerOptions {
  std::string task = "tail";
  std::vector<std::string> methods;  ///< as typed; plain RoPE is added in front
  std::vector<Index> lengths;        ///< ascending
  Index tail = 256;
  double budget_seconds = 0;  ///< 0: all documents; else stop before one that would not fit
  OutputFile* out = nullptr;  ///< gets a line of JSON per measurement, flushed
};

struct RunnerResult {
  std::vector<Record> records;
  std::size_t n_documents = 0;  ///< done
};

/// Documents are the outermost loop, so that a run that stops early is already useful. Two methods that lower
/// to the same plan at a length run once. Errors: Error for a document too short, or too little memory,
/// before any work starts; UsageError for a method that does not fit the model.
RunnerResult run_all(const Model& model, const std::vector<Document>& documents, const RunnerOptions& options,
                     const RunInfo& info);

/// `n` disjoint stretches of a text, or the whole text as one. Each holds more than `least` tokens.
/// Errors: Error naming how many tokens there are.
std::vector<Document> split_document(const std::string& name, std::vector<Token> tokens,
                                     const std::vector<Token>& bos, int n, Index least);

}  // namespace ropewalk
