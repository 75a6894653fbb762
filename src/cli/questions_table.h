// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk questions` shows of its records: scores by group and method, beside truncation.
#pragma once
#include <map>

#include "judge/import/question_documents.h"
#include "results/statistics.h"

namespace rw {

/// One method's scores on one group of questions.
struct QuestionCell {
  std::string group, method;
  Interval score;     ///< 95 %: Wilson's where a score is a share of right answers, else t's, cut at 0 and 1
  Index n_empty = 0;  ///< without an answer
  /// From plain RoPE that reads only its last trained tokens, paired by question; absent for that itself, or
  /// where it did not run. `p`: that there is none; 1 where nothing differs.
  std::optional<Interval> versus_truncated;
  double p = 1;
};

/// By group and method, in the order of the records. `shares`: a score is a share of right answers.
/// A question counts in its own group and in those of FileQuestion::also.
std::vector<QuestionCell> summarise_questions(const std::vector<Record>& records,
                                              const std::vector<Document>& documents, bool shares);

/// 80 columns, a block for each group; scores in %.
std::string questions_table(const std::vector<QuestionCell>& cells);
Json questions_json(const std::vector<QuestionCell>& cells);

}  // namespace rw
