// SPDX-License-Identifier: Apache-2.0
#include "report/curve.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/page_frame.h"
#include "report/table.h"

namespace rw {
namespace {

constexpr int kHigh = 16, kWide = 68;

double log_of(Index x) { return std::log2(static_cast<double>(std::max<Index>(1, x))); }

/// What the axes span.
struct Span {
  double x0 = 1e300, x1 = -1e300, y0 = 1e300, y1 = -1e300;
  void include(const ChartPoint& p) {
    if (!std::isfinite(p.y)) return;
    x0 = std::min(x0, log_of(p.x)), x1 = std::max(x1, log_of(p.x));
    y0 = std::min(y0, p.y), y1 = std::max(y1, p.y);
  }
};

std::string x_labels(const Span& span) {
  std::string line(kWide + 8, ' ');
  int free_from = 0;
  for (Index x = 1; log_of(x) <= span.x1 + 1e-9; x *= 2) {
    if (log_of(x) < span.x0 - 1e-9) continue;
    const std::string label = fmt::format("{}", x);
    const int at =
        std::max(0, static_cast<int>(std::lround((log_of(x) - span.x0) / (span.x1 - span.x0) * (kWide - 1))) -
                        static_cast<int>(label.size()) / 2);
    if (at < free_from || at + static_cast<int>(label.size()) > kWide + 2) continue;
    line.replace(static_cast<std::size_t>(at), label.size(), label);
    free_from = at + static_cast<int>(label.size()) + 2;
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, std::size_t most) {
  if (points.size() <= most || most < 2) return points;
  std::vector<ChartPoint> result;
  const double ratio = std::pow(static_cast<double>(points.size()), 1 / static_cast<double>(most));
  double end = 1;
  for (std::size_t from = 0; from < points.size();) {
    end = std::max(end * ratio, static_cast<double>(from + 1));
    const std::size_t to = std::min(points.size(), static_cast<std::size_t>(std::lround(end)));
    double sum = 0;
    for (std::size_t i = from; i < to; ++i) sum += points[i].y;
    result.push_back({points[to - 1].x, sum / static_cast<double>(to - from)});
    from = to;
  }
  return result;
}

std::string text_chart(const std::vector<ChartSeries>& series, const std::string& title) {
  Span span;
  for (const ChartSeries& s : series)
    for (const ChartPoint& p : s.points) span.include(p);
  if (span.y0 > span.y1) return "";
  if (span.y1 - span.y0 < 1e-3) span.y1 += 1e-3;
  if (span.x1 - span.x0 < 0.1) span.x0 -= 0.5, span.x1 += 0.5;
  std::vector<std::string> rows(kHigh, std::string(kWide, ' '));
  std::string legend;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const char letter = static_cast<char>('a' + i % 26);
    for (const ChartPoint& p : series[i].points) {
      if (!std::isfinite(p.y)) continue;
      const auto row = static_cast<std::size_t>(
                     std::lround((span.y1 - p.y) / (span.y1 - span.y0) * (kHigh - 1))),
                 column = static_cast<std::size_t>(
                     std::lround((log_of(p.x) - span.x0) / (span.x1 - span.x0) * (kWide - 1)));
      char& place = rows[row][column];
      place = place == ' ' || place == letter ? letter : '#';
    }
    legend += fmt::format("  {} {}", letter, printable(series[i].name));
  }
  std::string text = title + "\n";
  for (int r = 0; r < kHigh; ++r) {
    std::string& row = rows[static_cast<std::size_t>(r)];
    row.erase(row.find_last_not_of(' ') + 1);
    const double value = span.y1 - (span.y1 - span.y0) * r / (kHigh - 1);
    text += fmt::format("{:>8} |{}\n", r % 3 == 0 ? fmt::format("{:.3f}", value) : "", row);
  }
  return text + fmt::format("{:>8} +{}\n{:>10}{}\n", "", std::string(kWide, '-'), "", x_labels(span)) +
         wrapped(legend + (series.size() > 1 ? "  # several" : ""), "  ");
}

std::string html_curve_page(const CurvePage& page) {
  std::string body = "<p class='answer'>" + escape_html(page.lead) + "</p>\n";
  for (const CurvePage::Section& section : page.sections) {
    ChartOptions options{.title = section.heading, .x_title = "step (log scale)", .y_title = section.y_title};
    options.log_y = section.log_y, options.format = section.format;
    body += "<section><h2>" + escape_html(section.heading) + "</h2>" + html_chart(section.series, options) +
            "<p class='note'>" + escape_html(section.note) + "</p></section>\n";
  }
  Table table{.caption = "", .head = {"", ""}, .rows = {}};
  for (const auto& [name, value] : page.facts) table.rows.push_back({{name}, {value}});
  body += "<section><h2>How it was made</h2>" + html_table(table) + "</section>";
  return html_page("ropewalk: " + page.title, page.title, body);
}

}  // namespace rw
