// SPDX-License-Identifier: Apache-2.0
/// Results as reports take them.
#pragma once
#include "results/report_data.h"

namespace rw {

/// Records, methods in the order in which they were asked for, with what their methods are: formula and
/// source of each that has a name of ours.
ReportData report_for(std::vector<Record> records, const RunInfo& run);

}  // namespace rw
