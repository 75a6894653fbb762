// SPDX-License-Identifier: Apache-2.0
/// Small words of the answer: numbers, verdicts and truncation in a sentence.
#pragma once
#include <cmath>
#include <string>

#include "core/text.h"
#include "results/findings.h"

namespace rw {

/// An interval is of its own comparison; what is claimed is corrected over all of them, so that one may be
/// free of 0 and its claim not shown. Hence the word.
inline std::string ends(const Interval& i, const char* format) {
  if (!i.low) return "";
  return fmt::format(", uncorrected 95 % interval {} to {}", fmt::format(fmt::runtime(format), *i.low),
                     fmt::format(fmt::runtime(format), *i.high));
}

/// "+0.016 nats, uncorrected 95 % interval +0.001 to +0.031".
inline std::string nats(const Interval& d) {
  return fmt::format("{:+.3f} nats{}", d.mean, ends(d, "{:+.3f}"));
}

/// "0.016 nats less than" what the sentence names; "as much as" it, where three digits show no difference.
inline std::string more_or_less(double d) {
  if (std::abs(d) < 0.0005) return "as much as";
  return fmt::format("{:.3f} nats {} than", std::abs(d), d > 0 ? "more" : "less");
}

/// A verdict in a sentence, where nobody has read what "~" and "*" mean.
inline std::string in_words(const Verdict& v) {
  std::string text = v.word;
  if (v.seen_only) text = "seen " + v.word + ", which is no verdict";
  if (!v.uncorrected.empty())
    text += fmt::format(", {} by its own interval, which is not corrected", v.uncorrected);
  return text + (v.note.empty() ? "" : ", " + v.note);
}

/// Truncation, in the words that say what to do.
inline std::string last_tokens(const ReportData& data) {
  return fmt::format("the last {} tokens", k_tokens(data.run.n_ctx_train));
}

}  // namespace rw
