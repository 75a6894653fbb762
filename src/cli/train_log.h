// SPDX-License-Identifier: Apache-2.0
/// What a training run writes down of its steps: a file of JSON lines, and the curves that are drawn of it.
#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "report/curve.h"
#include "train/trainer.h"

namespace ropewalk {

/// FOLDER/log.jsonl: a line for each step, written through at once.
class TrainLog {
 public:
  /// Keeps the lines of the first `steps` steps, and drops what a killed run left behind them. Errors: Error
  /// where it cannot be written.
  TrainLog(const std::string& folder, Index steps);
  void add(const StepRecord& record);
  const std::vector<StepRecord>& records() const { return records_; }

  /// Loss against step, 80 columns, with what is held out.
  std::string text() const;
  /// Its own page.
  std::string page(const std::string& name,
                   const std::vector<std::pair<std::string, std::string>>& facts) const;

 private:
  std::vector<ChartSeries> losses() const;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<StepRecord> records_;
};

}  // namespace ropewalk
