// SPDX-License-Identifier: Apache-2.0
/// A comparison of starts for people and for other programs: results/recovery.h decides, this shows it.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "results/recovery.h"

namespace rw {

/// How it was made; none of it is from us, so all of it is escaped.
struct RecoveryOrigin {
  std::string model, model_id, command;
  std::vector<std::string> lines;  ///< what learned, on what, how fast; what it was judged on
};

/// The answer: what to start from first, then what it rests on and what it does not show; a sentence each.
std::vector<std::string> recovery_answer(const Recovery& recovery);
/// "yarn: yarn:factor=16,trained=256", in lines of 80 columns, which a long method has several of: they end
/// with its commas. A method that is as it was asked for stands once.
std::string start_line(const Start& start);
/// For a terminal of 80 columns.
std::string recovery_text(const Recovery& recovery);
/// One object; what was not measured or not shown is null.
Json recovery_json(const Recovery& recovery);
/// One self-contained page: answer, curves by step and by time, tables. is_report (report.h) knows it.
std::string recovery_page(const Recovery& recovery, const RecoveryOrigin& origin);

}  // namespace rw
