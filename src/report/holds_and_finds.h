// SPDX-License-Identifier: Apache-2.0
/// The picture of the whole question: does a method hold the loss at a long length, and does it find there?
#pragma once
#include <string>
#include <vector>

#include "results/reach.h"

namespace rw {

/// One mark.
struct HeldAndFound {
  std::string method;
  std::size_t style = 0;  ///< the method's number: the same colour and mark in every chart
  Interval loss;          ///< less truncation's, nats per token, paired by document; of truncation itself 0
  Proportion found;       ///< of the questions of all tasks, with Wilson's interval
  bool beyond = false;    ///< the loss lies too far to the right to be drawn to scale
};
struct HoldsAndFinds {
  Index length = 0, trained = 0;
  std::vector<std::string> tasks;     ///< that every method was asked
  std::vector<HeldAndFound> methods;  ///< in the order of methods_of; empty: nothing was measured both ways
  double margin = 0;                  ///< holds: the loss is at most so much above truncation's, nats
  double bar = 0;  ///< finds: at least this share, kFindsShare of what the model finds in short texts
  bool short_known = false;  ///< that was measured; else it is taken for all
  bool in_corner(const HeldAndFound& m) const;
};

/// At the greatest length past the trained one at which truncation's loss is known, and of one method at
/// least both its loss and its answers to a task that can tell (cannot_tell). A method of which one of both
/// is missing is left out. Where the model does not read the texts ("not read"), or truncation's loss is no
/// number, there is nothing to show. Beyond is what lies farther to the right than all that do not explode or
/// find more than truncation (by the lower end of the share), than 5 margins, or than ln 2 (perplexity
/// doubled): it would only make the corner small.
HoldsAndFinds holds_and_finds(const ReportData& data);
/// As inline SVG. Marks that are `beyond` stand at the right edge as arrows, with their numbers.
std::string holds_and_finds_chart(const HoldsAndFinds& both);
/// Heading, chart, legend, and how to read it; empty: nothing to show.
std::string holds_and_finds_section(const ReportData& data);

}  // namespace rw
