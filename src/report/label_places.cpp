// SPDX-License-Identifier: Apache-2.0
#include "report/label_places.h"

#include <algorithm>
#include <cmath>

namespace rw {
namespace {

constexpr double kAside = 9;      // from the middle of a mark to its label
constexpr int kRowsAway = 9;      // at most
constexpr double kPerArea = 0.4;  // what covering a bar costs, in units of distance: a row for 20 wide

bool lies_inside(const PaperBox& a, const PaperBox& b) {
  return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
}

/// Beside the mark first, then row by row, to the right and to the left, farther off, and around its middle.
std::vector<PaperBox> candidates(const LabelWish& wish) {
  std::vector<PaperBox> boxes;
  for (int row = 0; row <= kRowsAway; ++row)
    for (int side : {-1, 1}) {
      const double y = wish.y + side * row * kLabelRow, top = y - kLabelRow / 2, bottom = y + kLabelRow / 2;
      for (double far : {0.0, 24.0}) {
        boxes.push_back({wish.x + kAside + far, top, wish.x + kAside + far + wish.width, bottom});
        boxes.push_back({wish.x - kAside - far - wish.width, top, wish.x - kAside - far, bottom});
      }
      if (row > 0) boxes.push_back({wish.x - wish.width / 2, top, wish.x + wish.width / 2, bottom});
    }
  return boxes;
}

/// Of a label's nearest point from its mark.
double distance(const LabelWish& wish, const PaperBox& box) {
  const double x = std::clamp(wish.x, box.left, box.right), y = (box.top + box.bottom) / 2;
  return std::hypot(x - wish.x, y - wish.y);
}

}  // namespace

double overlap(const PaperBox& a, const PaperBox& b) {
  const double wide = std::min(a.right, b.right) - std::max(a.left, b.left),
               high = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return wide > 0 && high > 0 ? wide * high : 0;
}

std::vector<std::optional<PaperBox>> place_labels(const std::vector<LabelWish>& wishes,
                                                  std::vector<PaperBox> taken,
                                                  const std::vector<PaperBox>& avoided,
                                                  const PaperBox& inside) {
  std::vector<std::optional<PaperBox>> places;
  for (const LabelWish& wish : wishes) {
    std::optional<PaperBox> best;
    double least = 0;
    for (const PaperBox& box : candidates(wish)) {
      const auto covers = [&](const PaperBox& other) { return overlap(box, other) > 0; };
      if (!lies_inside(box, inside) || std::any_of(taken.begin(), taken.end(), covers)) continue;
      double cost = distance(wish, box);
      for (const PaperBox& other : avoided) cost += kPerArea * overlap(box, other);
      if (!best || cost < least - 1e-9) best = box, least = cost;
    }
    if (best) taken.push_back(*best);
    places.push_back(best);
  }
  return places;
}

std::vector<double> spread_rows(const std::vector<double>& wishes, double top, double bottom) {
  struct Pool {
    double sum;  // of the heights wished for, each less the rows before it
    std::size_t n;
    double mean() const { return sum / static_cast<double>(n); }
  };
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    pools.push_back({wishes[i] - kLabelRow * static_cast<double>(i), 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean() >= pools.back().mean()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().sum += last.sum, pools.back().n += last.n;
    }
  }
  const double most = bottom - kLabelRow * (static_cast<double>(wishes.size()) - 1);
  std::vector<double> rows;
  for (const Pool& pool : pools)
    for (std::size_t i = 0; i < pool.n; ++i)
      rows.push_back(std::max(top, std::min(pool.mean(), most)) +
                     kLabelRow * static_cast<double>(rows.size()));
  return rows;
}

}  // namespace rw
