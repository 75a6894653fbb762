// SPDX-License-Identifier: Apache-2.0
/// What every page of ours is made in: one file, no script, nothing fetched, prints well.
#pragma once
#include "report/chart.h"

namespace rw {

/// The whole page around `body`, which is HTML. `title` and `heading` are escaped here.
std::string html_page(const std::string& title, const std::string& heading, const std::string& body);
/// A chart with its legend.
std::string html_chart(const std::vector<ChartSeries>& series, const ChartOptions& options);

}  // namespace rw
