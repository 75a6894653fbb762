// SPDX-License-Identifier: Apache-2.0
/// What a training run writes down of its steps: a file of JSON lines, and the curves that are drawn of it.
#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "report/curve.h"
#include "train/trainer.h"

namespace rw {

struct LogLine {
  StepRecord record;
  std::string text;  ///< with its newline, as it stands
};
/// The lines of a log; a last one that was cut short, as a killed run leaves it, is none. null is a loss that
/// is no number. Errors: Error that names the line which is none of a step, or of one that is not behind the
/// step before it.
std::vector<LogLine> read_train_log(const std::string& path);

/// FOLDER/log.jsonl: a line for each step, written through at once.
class TrainLog {
 public:
  /// Keeps the lines of the first `steps` steps as they stand, and drops those of steps behind them, which
  /// are taken again. Says it where one is missing. Errors: as read_train_log; Error where it cannot be
  /// written.
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

}  // namespace rw
