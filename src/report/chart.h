// SPDX-License-Identifier: Apache-2.0
/// A line chart as inline SVG: lengths on a log axis, or steps and seconds on a linear one; intervals as
/// whiskers or bands; numbers on hover without a script.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/text.h"
#include "core/types.h"

namespace rw {

struct ChartPoint {
  Index x = 0;
  double y = 0;
  std::optional<double> low = {}, high = {};
};
struct ChartSeries {
  std::string name;
  std::size_t style = 0;  ///< the method's number: the same colour, dash and mark in every chart
  std::vector<ChartPoint> points;
};
struct ChartOptions {
  std::string title, x_title, y_title;
  Index trained = 0;               ///< marked where it lies inside
  bool log_y = false;              ///< REQUIRES: values above 0
  std::optional<double> top = {};  ///< what lies above stands at the upper edge as an arrow
  std::string format = "{:.3f}";   ///< of a value, for hover
  bool linear_x = false;           ///< from 0 on: steps, seconds
  std::function<std::string(Index x)> x_label = k_tokens;
  bool bands = false;  ///< intervals as bands along the line, for curves with many points
};

std::string svg_chart(const std::vector<ChartSeries>& series, const ChartOptions& options);
/// Line and mark of each series with its name, as HTML that wraps.
std::string chart_legend(const std::vector<ChartSeries>& series);
/// 1, 2 or 5 times a power of ten, up to about n of them inside [low, high].
std::vector<double> nice_ticks(double low, double high, int n);

}  // namespace rw
