// SPDX-License-Identifier: Apache-2.0
/// Curves of a training run: in characters, and as a page.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "report/chart.h"

namespace rw {

/// Lines against a log axis, 80 columns wide, 16 rows high; values that are not finite are left out. Empty
/// where nothing is finite.
std::string text_chart(const std::vector<ChartSeries>& series, const std::string& title);
/// At most `most` points, the last among them: each the mean of as many steps as lie between it and the one
/// before, which become more towards the end as on a log axis.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, std::size_t most);

struct CurvePage {
  std::string title, lead;  ///< not escaped yet
  /// Charts with a heading, a title for their y axis and a note each.
  struct Section {
    std::string heading, y_title, note;
    std::vector<ChartSeries> series;
    bool log_y = false;
    std::string format = "{:.3f}";
  };
  std::vector<Section> sections;
  std::vector<std::pair<std::string, std::string>> facts;  ///< name, value: a table at the end
};
/// Self-contained, no script, nothing fetched.
std::string html_curve_page(const CurvePage& page);

}  // namespace rw
