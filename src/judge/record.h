// SPDX-License-Identifier: Apache-2.0
/// One measurement; a file of results holds one as JSON in each line.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "core/types.h"

namespace ropewalk {

/// What one model made of one document at one length under one method.
struct Record {
  std::string task;      ///< "tail", "positions"
  std::string method;    ///< as asked for; "none (truncated)" and "64 tokens before" are baselines
  std::string resolved;  ///< with every default filled in
  std::string document;
  Index length = 0;                            ///< tokens asked for
  Index achieved = 0;                          ///< tokens read
  Index position_begin = 0, position_end = 0;  ///< positions: the bucket [begin, end)
  Index n_targets = 0;
  double loss = 0;  ///< mean nats per target
  double seconds = 0;
  bool shared = false;  ///< the same plan was run under another name; not run again
};

/// What all records of one run have in common.
struct RunInfo {
  std::string version, model, model_id, text_id, precision, kv, isa, command;
  Index n_ctx_train = 0, tail = 0;
  double margin = 0;  ///< what counts as stable, nats
  int threads = 0;
};

Json to_json(const Record& record, const RunInfo& run);

}  // namespace ropewalk
