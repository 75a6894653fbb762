// SPDX-License-Identifier: Apache-2.0
/// One self-contained HTML file with the curves and the verdicts. Opens without a network, prints well, and
/// tells methods apart by shape as well as by colour.
#pragma once
#include <string>
#include <vector>

#include "judge/summary.h"

namespace ropewalk {

/// What each method is, given by the caller: this layer knows records only.
struct MethodNote {
  std::string name, title, formula, source;
};

std::string html_report(const std::vector<SummaryCell>& cells, const std::vector<Record>& records,
                        const RunInfo& run, std::size_t n_documents, const std::vector<MethodNote>& notes);

}  // namespace ropewalk
