// SPDX-License-Identifier: Apache-2.0
/// One measurement; a file of results holds one as JSON in each line.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/types.h"

namespace rw {

/// Baselines: plain RoPE; the same, told only the last `trained` tokens; the same, told the tail and the 64
/// tokens before it; the same, at a length that the model was trained on.
inline const std::string kPlain = "none", kTruncated = "none (truncated)", kShort = "64 tokens before",
                         kOwnShort = "none (short)";
/// Of kShort. Almost no context, but only to a model that truncation gives kShortContext more of: where the
/// trained length is hardly longer, "worse than no context" would mean "worse than truncation", and there is
/// no such baseline.
inline constexpr Index kShortContext = 64;

/// The tasks whose loss verdicts are made of, that of the same tokens at every length: the last ones, or of
/// those some that are masked. A model has one of them: an encoder is asked for what is masked.
inline bool gives_verdicts(std::string_view task) { return task == "tail" || task == "masked"; }
/// The tasks that depend on how many last tokens are scored.
inline bool scores_tail(std::string_view task) { return gives_verdicts(task) || task == "far-use"; }

/// The value of every task that measures the mean loss of a text.
inline constexpr const char* kBitsPerByte = "bits_per_byte";

/// What one model made of one document at one length under one method, or of one question about it.
struct Record {
  std::string task;      ///< its name in the registry
  std::string part;      ///< of a task that measures several things: "swapped", "multi-key"; else empty
  std::string method;    ///< as asked for; "none (truncated)" and "64 tokens before" are baselines
  std::string resolved;  ///< with every default filled in
  std::string document;
  std::string text_id;                         ///< SHA-256 of the document's tokens
  std::string question_id = {};                ///< of a file: SHA-256 of what it says, without --prompts
  Index length = 0;                            ///< tokens asked for
  Index achieved = 0;                          ///< tokens read and written
  Index position_begin = 0, position_end = 0;  ///< positions: the bucket [begin, end)
  Index n_targets = 0;                         ///< tokens that are scored
  double loss = 0;                             ///< mean nats per target; says nothing where there is none
  std::optional<double> score;                 ///< retrieval: share of the answers found, 0 to 1
  std::optional<double> depth;                 ///< retrieval: where the needle lies, 0 (first) to 1
  int seed = 0;                                ///< of a question; 0 where nothing is drawn
  std::vector<std::pair<std::string, double>> values;  ///< continuation: metric and value
  std::string written, expected;                       ///< what the model wrote, and the truth
  double seconds = 0;
  std::size_t peak_bytes = 0;
  bool shared = false;       ///< the same plan was run under another name; not run again
  std::string date = {};     ///< UTC day on which it was measured, "2026-11-26"; empty: not known
  std::string command = {};  ///< that measured it; empty: not known
  std::string shard = {};    ///< "2/3": of whose run; empty: of a whole plan's
};

/// What all records of one run have in common.
struct RunInfo {
  std::string version, model, model_id, precision, kv, isa, command;
  Index n_ctx_train = 0, tail = 0;
  Index n_vocab = 0;  ///< 0: not known, in files of older versions
  double margin = 0;  ///< what counts as stable, nats
  int threads = 0;
  int n_layers = 0;         ///< 0: not known, in files of older versions
  int n_acting_layers = 0;  ///< that methods act on
  bool special = false;     ///< control tokens that are spelled in the texts were read as such
  std::string shard = {};   ///< see Record; of what is measured now
};

/// Of another engine's run: what its server alone knows.
inline const std::string kOfServer = "of the server";
inline bool was_remote(const RunInfo& run) { return run.isa == kOfServer; }

/// The value of that name among record.values; none: the task has no such value.
std::optional<double> value_of(const Record& record, std::string_view name);

/// What the same command gives again, to the byte; and what it does not: time, memory.
Json to_json(const Record& record, const RunInfo& run);
Json cost_json(const Record& record, const RunInfo& run);
/// Of a line of results, whose checksum store.h has checked. Errors: nlohmann's, where a field is missing or
/// of another kind; std::out_of_range naming a count that is none.
Record record_from(const JsonInput& line);
RunInfo run_info_from(const JsonInput& line);

}  // namespace rw
