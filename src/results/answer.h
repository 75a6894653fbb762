// SPDX-License-Identifier: Apache-2.0
/// The answer in words, first thing on the page: findings.h decides, this words it.
#pragma once
#include <functional>

#include "results/findings.h"

namespace rw {

struct Answer {
  std::string lead;                  ///< what to do, or that nothing can be advised yet
  std::vector<std::string> because;  ///< what it rests on, and what it does not show
  std::optional<NextStep> next;      ///< only where the evidence is too little; its command is not escaped
};
/// `mark` escapes and sets off a method's name, the only text in it that is not ours.
Answer answer_of(const ReportData& data, const std::function<std::string(const std::string&)>& mark);

/// The same in plain words: in lines of 80 columns, with the command on a line of its own, as long as it is;
/// and in one line, without the command.
std::string answer_text(const ReportData& data);
std::string answer_line(const ReportData& data);

}  // namespace rw
