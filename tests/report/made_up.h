// SPDX-License-Identifier: Apache-2.0
/// Records that no model wrote, for tests of the report.
#pragma once
#include <algorithm>

#include "report/report.h"

namespace rw {

inline const std::string kEvil = "<script>alert('1')</script>\"&|,`*\n=1";

/// Losses at 4k, 8k (trained) and 16k on some documents; what 16k adds is given.
struct MadeUp {
  int documents = 5;
  std::vector<Record> records = {};

  Record& add(const std::string& task, const std::string& method, Index length, int document) {
    Record& r = records.emplace_back();
    r.task = task, r.method = r.resolved = method, r.length = length;
    r.achieved = method == "none (truncated)" ? std::min<Index>(length, 8192) : length;
    r.document = "text" + std::to_string(document);
    return r;
  }
  void tail(const std::string& method, Index length, double added, double seconds = 1) {
    for (int d = 0; d < documents; ++d) {
      Record& r = add("tail", method, length, d);
      r.n_targets = 256,
      r.loss = 3 + 0.1 * d + added + 0.001 * (d % 3 - 1) * (length > 8192 && method != "none (truncated)");
      r.seconds = seconds, r.peak_bytes = 1u << 28;
    }
  }
  void method(const std::string& name, double added, double seconds = 1) {
    tail(name, 4096, 0.06), tail(name, 8192, 0), tail(name, 16384, added, seconds);
  }
  void baselines(double plain) {
    tail("none (truncated)", 8192, 0), tail("none (truncated)", 16384, 0), tail("64 tokens before", 0, 0.6);
    method("none", plain);
  }
  /// `found` of 4 questions at each length.
  void retrieval(const std::string& name, Index length, int found, const std::string& task = "passkey") {
    for (int q = 0; q < 4; ++q) {
      Record& r = add(task, name, length, 0);
      r.seed = q + 1, r.depth = 0.5 * (q % 2), r.score = q < found;
    }
  }
  ReportData data(std::vector<MethodNote> notes = {}) const {
    RunInfo run;
    run.model = "model.gguf", run.n_ctx_train = 8192, run.tail = 256, run.margin = 0.02;
    return report_data(records, run, std::move(notes));
  }
};

}  // namespace rw
