// SPDX-License-Identifier: Apache-2.0
#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/marks.h"
#include "report/table.h"

namespace rw {
namespace {

constexpr const char* kDashes[] = {"", "7 3", "2 3", "9 3 2 3", "4 2"};
constexpr double kLeft = 92, kRight = 628, kTop = 30, kBottom = 316, kHeight = 376, kAboveRow = 16;
constexpr double kDigit = 12;  // width of a digit on a narrow page, where letters are largest

std::string line_look(std::size_t style) {
  const char* dash = kDashes[style % std::size(kDashes)];
  return fmt::format("fill='none' stroke='{}' stroke-width='1.8'{}", colour_of(style),
                     *dash ? fmt::format(" stroke-dasharray='{}'", dash) : "");
}

/// Where values lie on the paper.
class Axes {
 public:
  Axes(const std::vector<ChartSeries>& series, const ChartOptions& options)
      : log_y_(options.log_y), linear_x_(options.linear_x) {
    for (const ChartSeries& s : series)
      for (const ChartPoint& p : s.points) include(p, options);
    if (!(y0_ <= y1_)) y0_ = value(1), y1_ = value(2);  // nothing finite
    if (x1_ - x0_ < 0.1) x0_ -= 0.5, x1_ += 0.5;
    const bool all_above = !log_y_ && y0_ >= 0;  // what is never below 0 has no axis there
    const double size = std::max(std::abs(y0_), std::abs(y1_));
    const double least = log_y_ ? 0.03 : size > 0 ? 0.005 * size : 0.01;
    const double pad = std::max(least, (y1_ - y0_) * 0.07), side = (x1_ - x0_) * 0.04;
    y0_ -= pad, y1_ += pad, x0_ -= side, x1_ += side;
    if (all_above) y0_ = std::max(0.0, y0_);
  }
  double x(Index length) const { return kLeft + (across(length) - x0_) / (x1_ - x0_) * (kRight - kLeft); }
  bool above(double y) const { return !std::isfinite(y) || value(y) > y1_; }
  double y(double v) const {
    if (above(v)) return kTop;
    return std::min(kBottom, kBottom - (value(v) - y0_) / (y1_ - y0_) * (kBottom - kTop));
  }
  bool has_x(Index length) const { return length > 0 && x(length) >= kLeft && x(length) <= kRight; }
  std::vector<double> ticks() const {
    if (!log_y_) return nice_ticks(y0_, y1_, 6);
    if (y1_ - y0_ < 0.5) return nice_ticks(std::pow(10.0, y0_), std::pow(10.0, y1_), 5);
    std::vector<double> result;
    for (int e = static_cast<int>(std::floor(y0_)); e <= y1_; ++e)
      for (double m : {1.0, 2.0, 5.0})
        if (const double v = m * std::pow(10.0, e);
            value(v) >= y0_ && value(v) <= y1_ && (m == 1 || y1_ - y0_ < 2.5))
          result.push_back(v);
    return result;
  }

 private:
  double value(double y) const { return log_y_ ? std::log10(y) : y; }
  double across(Index x) const {
    return linear_x_ ? static_cast<double>(x) : std::log2(static_cast<double>(std::max<Index>(1, x)));
  }
  void include(const ChartPoint& p, const ChartOptions& options) {
    const double at = across(p.x);
    x0_ = std::min(x0_, at), x1_ = std::max(x1_, at);
    for (double v : {p.y, p.low.value_or(p.y), p.high.value_or(p.y)}) {
      if (!std::isfinite(v) || (log_y_ && v <= 0) || (options.top && p.y > *options.top)) continue;
      v = std::min(v, options.top.value_or(v));
      y0_ = std::min(y0_, value(v)), y1_ = std::max(y1_, value(v));
    }
  }
  bool log_y_, linear_x_;
  double x0_ = 1e30, x1_ = -1e30, y0_ = 1e30, y1_ = -1e30;
};

/// 0.005, 2e-5: small ones by their power of ten, with as few letters as tell them apart.
std::string tick_text(double tick) {
  std::string text = fmt::format("{:.6g}", tick);
  if (tick == 0 || std::abs(tick) >= 1e-3) return text;
  text = fmt::format("{:.3e}", tick);
  const std::size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return fmt::format("{}e{}", digits, std::stoi(text.substr(e + 1)));
}

std::string grid(const Axes& axes, const std::vector<ChartSeries>& series, const ChartOptions& options) {
  std::string svg;
  for (double tick : axes.ticks())
    svg += fmt::format(
        "<line x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}' class='grid'/><text x='{3}' y='{4:.1f}' "
        "class='end'>{5}</text>",
        kLeft, kRight, axes.y(tick), kLeft - 7, axes.y(tick) + 4.5, tick_text(tick));
  std::vector<Index> xs;
  for (const ChartSeries& s : series)
    for (const ChartPoint& p : s.points) xs.push_back(p.x);
  std::sort(xs.begin(), xs.end(), std::greater());  // the greatest length always gets its label
  double last = 1e30;                               // where the label behind begins
  for (Index x : xs) {
    const std::string label = options.x_label(x);
    const double half = kDigit / 2 * static_cast<double>(label.size());
    if (last - (axes.x(x) + half) < kDigit) continue;
    const double at = axes.x(x);
    last = at - half;
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' class='axis'/><text x='{0:.1f}' y='{3}' "
        "class='mid'>{4}</text>",
        at, kBottom, kBottom + 5, kBottom + 22, escape_html(label));
  }
  svg += fmt::format("<line x1='{}' x2='{}' y1='{}' y2='{}' class='axis'/>", kLeft, kRight, kBottom, kBottom);
  if (axes.has_x(options.trained)) {
    const double x = axes.x(options.trained);
    const char* side = x < kLeft + 70 ? "start" : x > kRight - 70 ? "end" : "mid";
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' class='trained'/><text x='{0:.1f}' "
        "y='{3}' class='{4}'>trained length</text>",
        x, kTop, kBottom, kTop - 10, side);
  }
  svg += fmt::format("<text x='{}' y='{}' class='mid'>{}</text>", (kLeft + kRight) / 2, kBottom + 48,
                     escape_html(options.x_title));
  return svg + fmt::format("<text x='17' y='{0}' class='mid' transform='rotate(-90 17 {0})'>{1}</text>",
                           (kTop + kBottom) / 2, escape_html(options.y_title));
}

/// A transparent disc that shows its numbers while the pointer is on it, or after a touch.
std::string hover(const ChartSeries& s, const ChartPoint& p, const ChartOptions& options, double x,
                  double y) {
  auto number = [&](double v) {
    return std::isfinite(v) ? fmt::format(fmt::runtime(options.format), v) : std::string("not finite");
  };
  std::string words = fmt::format("{}, {}: {}", shortened(s.name, 30), options.x_label(p.x), number(p.y));
  if (p.low && p.high) words += fmt::format(" ({} to {})", number(*p.low), number(*p.high));
  const char* side = x < kLeft + 180 ? "start" : x > kRight - 180 ? "end" : "mid";
  return fmt::format(
      "<g class='point' tabindex='0' role='img' aria-label='{0}'><circle cx='{1:.1f}' cy='{2:.1f}' "
      "r='9' fill='transparent'/><text x='{1:.1f}' y='{3:.1f}' class='tip {4}'>{0}</text></g>",
      escape_html(words), x, y, y < kTop + 30 ? y + 26 : y - 13, side);
}

/// What lies above the upper edge: an arrow there.
std::string arrow(double x, const char* colour) {
  return fmt::format("<path d='M{0:.1f} {1}l-5 8h10Z' fill='#fff' stroke='{2}' stroke-width='2'/>", x,
                     kTop - 4, colour);
}

/// And its number over the chart, behind its mark, since its place says nothing. Row 0 is the lowest.
std::string above(double x, double y, const ChartOptions& options, std::size_t style, std::size_t row) {
  const std::string number =
      std::isfinite(y) ? fmt::format(fmt::runtime(options.format), y) : std::string("none");
  const double base = 5 - kAboveRow * static_cast<double>(row);
  x = std::min(x, kRight - 34);  // a narrow page's letters are larger
  return mark(style, x - 20, base - 4) +
         fmt::format("<text x='{:.1f}' y='{:.1f}' class='start above' style='fill:{}'>{}</text>", x - 12,
                     base, colour_of(style), number);
}

/// Rows of such numbers, over the length that has most of them; 0: none, or no room side by side.
std::size_t rows_above(const Axes& axes, const std::vector<ChartSeries>& series) {
  std::map<Index, std::size_t> n;
  for (const ChartSeries& s : series)
    for (const ChartPoint& p : s.points) n[p.x] += axes.above(p.y);
  std::size_t most = 0;
  double last = -1e30;
  for (const auto& [x, count] : n) {
    if (count == 0) continue;
    if (axes.x(x) - last < 58) return 0;
    last = axes.x(x), most = std::max(most, count);
  }
  return most;
}

/// The intervals of a series, along its line: back along the lower ends. What has none, or lies above, parts
/// it.
std::string band_of(const Axes& axes, const ChartSeries& series) {
  std::string svg, upper, lower;
  const auto close = [&] {
    if (!upper.empty())
      svg += fmt::format("<polygon points='{}{}' fill='{}' fill-opacity='0.13'/>", upper, lower,
                         colour_of(series.style));
    upper.clear(), lower.clear();
  };
  for (const ChartPoint& p : series.points) {
    if (!p.low || !p.high || axes.above(p.y)) {
      close();
      continue;
    }
    const double x = axes.x(p.x);
    upper += fmt::format("{:.1f},{:.1f} ", x, axes.y(*p.high));
    lower.insert(0, fmt::format("{:.1f},{:.1f} ", x, axes.y(*p.low)));
  }
  close();
  return svg;
}

/// Marks with whiskers stand beside each other; without, where they are.
bool has_whiskers(const std::vector<ChartSeries>& series) {
  for (const ChartSeries& s : series)
    for (const ChartPoint& p : s.points)
      if (p.low && p.high && *p.high > *p.low) return true;
  return false;
}

}  // namespace

std::vector<double> nice_ticks(double low, double high, int n) {
  const double rough = std::max(1e-12, (high - low) / n), power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
  std::vector<double> ticks;
  for (double i = std::ceil(low / step); i * step <= high && ticks.size() < 50; ++i)
    ticks.push_back(i * step + 0.0);  // no "-0"
  return ticks;
}

std::string svg_chart(const std::vector<ChartSeries>& series, const ChartOptions& options) {
  const Axes axes(series, options);
  const std::size_t n_rows = rows_above(axes, series);
  const double band = kAboveRow * static_cast<double>(n_rows);
  std::string svg = fmt::format("<svg viewBox='0 {} 640 {}' role='group' aria-label='{}'>", -band,
                                kHeight + band, escape_html(options.title)),
              marks, hovers;
  std::map<Index, std::size_t> n_above;  // at one length: their numbers stand one over the other
  if (n_rows > 0) svg += fmt::format("<text x='{}' y='5' class='end above'>above:</text>", kLeft - 7);
  svg += grid(axes, series, options);
  const double step = !options.bands && has_whiskers(series) ? 3 : 0;  // px
  for (const ChartSeries& s : series)
    if (options.bands) svg += band_of(axes, s);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const ChartSeries& s = series[i];
    const char* colour = colour_of(s.style);
    const double aside = step * (static_cast<double>(i) - static_cast<double>(series.size() - 1) / 2);
    std::string path;
    bool was_above = true;  // what lies above on both ends is no line: along the edge all would look alike
    for (const ChartPoint& p : s.points) {
      const bool is_above = axes.above(p.y);
      const double x = axes.x(p.x), y = axes.y(p.y), own = std::clamp(x + aside, x - 12, x + 12);
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() || (is_above && was_above) ? "M" : "L", own, y);
      was_above = is_above;
      if (is_above) {
        marks += arrow(own, colour);
        if (n_rows > 0) marks += above(x, p.y, options, s.style, n_above[p.x]++);
      } else if (!options.bands && p.low && p.high && *p.high > *p.low) {
        marks += fmt::format(
            "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}' stroke='{3}' "
            "stroke-width='1.5' class='whisker'/>",
            own, axes.y(*p.low), axes.y(*p.high), colour);
      }
      if (!is_above) marks += mark(s.style, own, y);
      hovers += hover(s, p, options, own, y);
    }
    svg += fmt::format("<path d='{}' {}/>", path, line_look(s.style));
  }
  return svg + marks + hovers + "</svg>\n";
}

std::string chart_legend(const std::vector<ChartSeries>& series) {
  std::string html = "<ul class='legend'>";
  for (const ChartSeries& s : series)
    html +=
        fmt::format("<li><svg viewBox='0 0 44 14' aria-hidden='true'><path d='M1 7H43' {}/>{}</svg>{}</li>",
                    line_look(s.style), mark(s.style, 22, 7), escape_name(s.name));
  return html + "</ul>\n";
}

}  // namespace rw
