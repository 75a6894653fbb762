// SPDX-License-Identifier: Apache-2.0
/// How far each method goes, and at what cost: the numbers behind the answer in words.
#pragma once
#include <map>
#include <optional>

#include "results/report_data.h"

namespace rw {

bool is_baseline(const std::string& method);  ///< one of those, plain RoPE apart
/// Whether the verdicts are of an encoder's masked tokens.
bool asks_for_masked(const ReportData& data);

/// In the order of the records, plain RoPE first: the number of a method is its colour and mark everywhere.
std::vector<std::string> methods_of(const ReportData& data);

/// Of this method at this length, or null.
const SummaryCell* cell_at(const ReportData& data, const std::string& method, Index length);
/// Seconds that reading took, by document.
ByDocument seconds_by_document(const ReportData& data, const std::string& method, Index length);
/// Their mean; none: not measured.
std::optional<double> seconds_of(const ReportData& data, const std::string& method, Index length);

/// The cell's loss as charts show it: plain RoPE's at the trained length over all documents, plus the cell's
/// paired difference with its interval. Between documents losses differ far more than between methods: the
/// interval of the loss itself would hide what the difference shows, and in a run that is not finished the
/// mean of fewer documents would look like a gain. Of a finished run the mean is the loss itself.
Interval paired_loss(const ReportData& data, const SummaryCell& cell);
/// Where a chart of losses should end, so that a method that explodes does not flatten the rest: above all
/// that did not. None: at the greatest loss.
std::optional<double> loss_top(const ReportData& data);

struct Score {
  double sum = 0;
  Index n = 0;
  double mean() const { return n > 0 ? sum / static_cast<double>(n) : 0; }
};
/// A task that asks for what lies in the text, with its part: "needle multi-key".
std::string retrieval_name(const Record& record);
using ScoreByLength = std::map<Index, Score>;  // by length
/// By task and method. Records without a score are none of them.
std::map<std::string, std::map<std::string, ScoreByLength>> retrieval_scores(const ReportData& data);

/// What a task's scores (by method) are held against: the model's own in short texts; else plain RoPE's at
/// the least length, if the model was trained on so many. n = 0: there is none.
Score own_short_score(const std::map<std::string, ScoreByLength>& methods, Index trained);
/// Tasks where the model finds too little even in short texts to tell how far (RetrievalReach::can_tell),
/// with what it finds there.
std::map<std::string, Score> cannot_tell(const ReportData& data);

/// results/derived.h of each method.
struct Reach {
  std::string method;
  std::optional<Index> breaks_at;  ///< the least length that degrades or explodes
  std::optional<Index> holds_to;   ///< every judged length up to it was shown not to be worse by the margin
  bool stable = false;             ///< each of those was even shown to lie within the margin
  bool judged = false;             ///< there is a verdict past the trained length
  std::optional<Index> retrieves_to, ruler_to;
  std::optional<Index> used_to;  ///< the far part's worth is above 0, shown by an interval
  bool use_known = false;        ///< far-use was measured on 3 units or more
  bool retrieval_known = false;  ///< a task was asked whose short score is 20 % at least
  bool cannot_tell = false;      ///< a task was asked whose short score is below
  bool as_fast = false;          ///< it is plain RoPE with other numbers
};
std::vector<Reach> reaches(const ReportData& data);
/// Seconds over plain RoPE's at the same length, by unit; none: not both were timed there.
std::optional<Interval> slowdown(const ReportData& data, const std::string& method, Index length);

}  // namespace rw
