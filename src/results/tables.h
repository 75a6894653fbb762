// SPDX-License-Identifier: Apache-2.0
/// What tasks other than `tail` measured, for the terminal: 80 columns.
#pragma once
#include <string>
#include <vector>

#include "results/units.h"

namespace rw {

/// A block for each task and length: a row for each method and part; mean loss, score and first values over
/// documents and questions. The positions task: a row for each bucket, a column for each method. Not far-use
/// and what has a score: the report's tables show their differences (report/sections.h).
std::string other_tables(const std::vector<Record>& records, const Units& units);

}  // namespace rw
