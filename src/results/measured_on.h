// SPDX-License-Identifier: Apache-2.0
/// Results of several files: methods that were measured on different texts. Each is held against truncation
/// on its own texts; methods are ranked on those that all have.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "results/summary.h"

namespace rw {

/// The documents of a method at the greatest length, paired with truncation's.
using MeasuredOn = std::vector<std::pair<std::string, Units>>;
/// In the order of the cells, baselines left out. Empty: all on the same.
MeasuredOn measured_on(const std::vector<SummaryCell>& cells);
/// "Not the same texts for all, at 16k: yarn on 5 texts (a.txt, b.txt, c.txt and 2 more); pi on ...". Empty:
/// all on the same. `mark` escapes the names.
std::string measured_on_text(const std::vector<SummaryCell>& cells,
                             const std::function<std::string(const std::string&)>& mark);

/// The cell's mean difference, over the documents that every method has at its length; over its own where
/// they share none.
double shared_mean(const std::vector<SummaryCell>& cells, const SummaryCell& cell);

}  // namespace rw
