// SPDX-License-Identifier: Apache-2.0
/// Records of the tail task, gathered per method and length, with intervals and verdicts.
#pragma once
#include <limits>

#include "results/derived.h"
#include "results/units.h"
#include "results/verdict.h"

namespace rw {

struct SummaryCell {
  std::string method, resolved;
  Index length = 0;
  Interval loss, difference;  ///< difference from plain RoPE at the trained length, paired by document
  /// From truncated plain RoPE and from plain RoPE, both told this length; absent where that was not run.
  std::optional<Interval> versus_truncated, versus_plain;
  ByDocument by_document;  ///< the difference of each document that has one
  Evidence evidence;
  Verdict verdict;
  double tokens_per_second = 0;  ///< over all documents
  /// Mean over documents: the loss that no vocabulary changes; NaN: not stored.
  double bits_per_byte = std::numeric_limits<double>::quiet_NaN();
};

/// One cell for each (method, length) of the tail task: by length, at each length in the order of the
/// records, truncation last. `margin`: nats, what counts as stable. Intervals and tests are over units. Not
/// judged, in any format: the reference (truncation at every length, plain RoPE at the trained one) and
/// lengths below it, where every method has read less; and nothing at all where the model does not read a
/// document (`n_vocab`, unread_documents), but for losses that are no number, which are said to be none.
/// Holm's correction is over every judged row with kEnoughUnits or more but those that equal the reference in
/// every document (a method below the length where it starts is plain RoPE itself: nothing is tested).
std::vector<SummaryCell> summarise(const std::vector<Record>& records, const Units& units,
                                   double margin = kStabilityMargin, Index n_vocab = 0);

/// Documents of the tail task in which the reference, truncation, has a loss above ln(n_vocab), or above 8
/// bits a byte: guessing evenly among tokens, or bytes, does better, so that no difference from it says
/// anything of a method. (Tokens of single bytes are guessed well and read badly.) `n_vocab` 0: not known.
std::set<std::string> unread_documents(const std::vector<Record>& records, Index n_vocab);
/// Why there is no advice where unread_documents finds some. `all`: "5 documents", those that were judged.
std::string not_read_text(std::size_t n_unread, const std::string& all);

/// The length that differences are taken from: the trained one, or the greatest tested where that is less.
Index reference_length(const std::vector<SummaryCell>& cells, const RunInfo& run);

/// breaks_at and holds_to of one method over the lengths of the cells, truncation included.
struct MethodReach {
  std::string method;
  std::optional<Index> breaks_at, holds_to;
};
/// In the order of the cells.
std::vector<MethodReach> reaches(const std::vector<SummaryCell>& cells);

/// The mean, "+0.123"; "-" where nothing was measured to take it from, "no number" where a loss is none.
std::string difference_text(const Interval& difference);
/// "2 % of perplexity"; of margins of which that says nothing, "perplexity times 1.6".
std::string margin_as_perplexity(double margin);
/// What an inconclusive row still needs: "+12", in two digits from 100 on; ">999"; empty: nothing, or not
/// known.
std::string more_text(const Verdict& verdict);

/// Said wherever an interval stands beside a word.
inline constexpr const char* kUncorrected =
    "Intervals are of each row alone, uncorrected; words are corrected over all rows.";

/// What intervals, "inconclusive", "*", "~" and "not read" mean, where they occur; a sentence each.
std::vector<std::string> legend_of(const std::vector<SummaryCell>& cells);

/// For the terminal: a block of rows per length. 80 columns.
std::string summary_table(const std::vector<SummaryCell>& cells, const RunInfo& run, const Units& units);
Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, const Units& units);

}  // namespace rw
