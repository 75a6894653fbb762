// SPDX-License-Identifier: Apache-2.0
/// Loss against length as characters, for a terminal of 80 columns.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/table.h"
#include "results/reach.h"

namespace rw {
namespace {

constexpr int kRows = 16, kColumns = 68;

/// Row 0 is for what lies above the axis.
struct Paper {
  std::vector<std::string> rows = std::vector<std::string>(kRows + 1, std::string(kColumns, ' '));
  double x0 = 1e30, x1 = -1e30, y0 = 1e30, y1 = -1e30;
  int column(Index length) const {
    const double at = std::log2(static_cast<double>(length));
    return static_cast<int>(std::lround((at - x0) / (x1 - x0) * (kColumns - 1)));
  }
  double row(double y) const {
    if (!std::isfinite(y) || y > y1) return 0;
    return 1 + std::clamp((y1 - y) / (y1 - y0) * (kRows - 1), 0.0, kRows - 1.0);
  }
  char& at(double row_, int column_) {
    return rows[static_cast<std::size_t>(std::lround(row_))][static_cast<std::size_t>(column_)];
  }
};

Paper paper_for(const ReportData& data) {
  Paper paper;
  double top = loss_top(data).value_or(1e30);
  for (const SummaryCell& c : data.cells) {
    const double x = std::log2(static_cast<double>(c.length));
    paper.x0 = std::min(paper.x0, x), paper.x1 = std::max(paper.x1, x);
    const double loss = paired_loss(data, c).mean;
    if (!std::isfinite(loss) || loss > top) continue;
    paper.y0 = std::min(paper.y0, loss), paper.y1 = std::max(paper.y1, loss);
  }
  if (!(paper.y0 <= paper.y1)) paper.y0 = 0, paper.y1 = 1;
  if (paper.y1 - paper.y0 < 1e-3) paper.y1 += 1e-3;
  if (paper.x1 - paper.x0 < 0.1) paper.x0 -= 0.5, paper.x1 += 0.5;
  return paper;
}

struct Spot {
  int column;
  double row;
};

void draw_lines(Paper& paper, const std::vector<Spot>& spots) {
  for (std::size_t i = 1; i < spots.size(); ++i) {
    const int from = spots[i - 1].column, to = spots[i].column;
    const double first = spots[i - 1].row, last = spots[i].row;
    for (int c = from + 1; c < to; ++c) paper.at(first + (last - first) * (c - from) / (to - from), c) = '.';
  }
}

std::string under(const Paper& paper, const ReportData& data) {
  std::string marks(kColumns + 8, ' ');
  int free_from = 0;
  std::vector<Index> lengths;
  for (const SummaryCell& c : data.cells)
    if (lengths.empty() || lengths.back() != c.length) lengths.push_back(c.length);
  for (Index length : lengths) {
    const std::string label = k_tokens(length) + (length == data.run.n_ctx_train ? " trained" : "");
    const int at = std::clamp(paper.column(length) - static_cast<int>(label.size()) / 2, 0,
                              kColumns + 2 - static_cast<int>(label.size()));
    if (at < free_from) continue;
    marks.replace(static_cast<std::size_t>(at), label.size(), label);
    free_from = at + static_cast<int>(label.size()) + 1;
  }
  return marks.substr(0, marks.find_last_not_of(' ') + 1);
}

/// In columns of 26 characters; a longer name takes as many as it needs.
std::string in_columns(const std::vector<std::string>& entries) {
  constexpr std::size_t kWidth = 26, kLine = 78;
  std::string text, line;
  for (const std::string& entry : entries) {
    line.resize((line.size() + kWidth - 1) / kWidth * kWidth, ' ');
    if (!line.empty() && line.size() + entry.size() > kLine)
      text += "  " + line.substr(0, line.find_last_not_of(' ') + 1) + "\n", line.clear();
    line += entry + " ";
  }
  return text + "  " + line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string character_curves(const ReportData& data) {
  if (data.cells.empty()) return "";
  Paper paper = paper_for(data);
  const std::vector<std::string> methods = methods_of(data);
  std::vector<std::vector<Spot>> lines(methods.size());
  for (const SummaryCell& c : data.cells)
    for (std::size_t m = 0; m < methods.size(); ++m)
      if (methods[m] == c.method)
        lines[m].push_back({paper.column(c.length), paper.row(paired_loss(data, c).mean)});
  if (data.run.n_ctx_train > 0) {
    const int trained = paper.column(data.run.n_ctx_train);
    if (trained >= 0 && trained < kColumns)
      for (int r = 1; r <= kRows; ++r) paper.at(r, trained) = ':';
  }
  for (const auto& line : lines) draw_lines(paper, line);
  std::vector<std::string> legend;
  for (std::size_t m = 0; m < methods.size(); ++m) {
    if (lines[m].empty()) continue;
    const char letter = static_cast<char>(m < 26 ? 'a' + m : 'A' + m % 26);
    for (const Spot& spot : lines[m]) {
      char& place = paper.at(spot.row, spot.column);
      place = place == ' ' || place == '.' || place == ':' || place == letter ? letter : '#';
    }
    legend.push_back(fmt::format("{} {}", letter, shortened(printable(methods[m]), 72)));
  }
  std::string text = "loss, nats per token, against total tokens (log scale)\n";
  const bool above = paper.rows[0].find_first_not_of(' ') != std::string::npos;
  for (int r = above ? 0 : 1; r <= kRows; ++r) {
    const double value = paper.y1 - (paper.y1 - paper.y0) * (r - 1) / (kRows - 1);
    std::string row = paper.rows[static_cast<std::size_t>(r)];
    row.erase(row.find_last_not_of(' ') + 1);
    text += fmt::format("{:>8} |{}\n",
                        r == 0       ? "higher"
                        : r % 3 == 1 ? fmt::format("{:.3f}", value)
                                     : "",
                        row);
  }
  text += fmt::format("{:>8} +{}\n{:>10}{}\n", "", std::string(kColumns, '-'), "", under(paper, data));
  text += in_columns(legend) + "  # several\n";
  return text;
}

}  // namespace rw
