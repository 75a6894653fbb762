// SPDX-License-Identifier: Apache-2.0
/// What the results come to: decided once, here, for text, JSON, Markdown and the page. results/answer.h
/// words it.
#pragma once
#include <set>

#include "results/found.h"

namespace rw {

/// Three kinds of claim may stand in it: a method is not worse than truncation (holds, stable), is better, or
/// finds more. Each is corrected for all methods at a third of 5 %, so that some wrong claim of any kind has
/// a chance of 5 % at most. With fewer than kEnoughUnits there is no claim.
struct Findings {
  enum class Kind {
    kNoLoss,     ///< the tail was not measured
    kNotFinite,  ///< the reference's loss is NaN or infinite somewhere: nothing can be held against it
    kNotRead,    ///< the reference's loss is worse than chance somewhere: the model does not read that text
    kWithin,     ///< no length past the trained one was tested
    kTooFew,     ///< fewer than kEnoughUnits: what was seen, and no advice
    kNoMethod,   ///< none was shown to hold past the trained length: truncation
    kHolds,      ///< `method` was shown not to be worse than truncation, nor better
    kFindsMore,  ///< `method` holds, and was shown to find more
    kBetter,     ///< `method` holds, and its loss was shown to be lower at the length it holds to
  };
  Kind kind = Kind::kNoLoss;
  std::vector<Reach> reaches;       ///< of every method, in the order of methods_of
  std::optional<Reach> best;        ///< kHolds, kFindsMore, kBetter: the method named
  std::vector<std::string> as_far;  ///< others that hold as far, with the same claim shown
  /// Of the methods that do not explode: least mean difference at the greatest length. None: all explode.
  std::optional<SummaryCell> nearest;
  FoundAt found;
  std::optional<Found> finder;    ///< shown to find more; of several one whose loss does not break
  bool finder_breaks = false;     ///< its loss degrades or explodes at that length
  std::optional<Found> top_seen;  ///< the greatest share, shown to be more or not
  bool top_breaks = false;        ///< finder_breaks of top_seen
  std::size_t n_not_finite = 0;   ///< kNotFinite: documents whose reference is no number
  std::set<std::string> unread;   ///< kNotRead: unread_documents
};

Findings findings_of(const ReportData& data);

/// "kHolds" is "holds", and so on: for JSON.
const char* kind_name(Findings::Kind kind);

}  // namespace rw
