// SPDX-License-Identifier: Apache-2.0
/// Where labels beside marks stand, so that none lies on another.
#pragma once
#include <optional>
#include <vector>

namespace rw {

/// On paper: y grows downwards.
struct PaperBox {
  double left = 0, top = 0, right = 0, bottom = 0;
};
/// Area that both cover.
double overlap(const PaperBox& a, const PaperBox& b);

/// A label for the mark at (x, y).
struct LabelWish {
  double x = 0, y = 0, width = 0;
};
/// Height of a label.
inline constexpr double kLabelRow = 18;

/// A place for each, in their order: beside its mark, else rows above or below, the nearest that lies inside
/// `inside` and covers neither another label nor anything of `taken` (marks); `avoided` (bars, lines) is
/// covered where rows would else be between mark and label. None: there is no such place.
std::vector<std::optional<PaperBox>> place_labels(const std::vector<LabelWish>& wishes,
                                                  std::vector<PaperBox> taken,
                                                  const std::vector<PaperBox>& avoided,
                                                  const PaperBox& inside);

/// Heights for labels in one column, kLabelRow apart at least and inside [top, bottom] where it holds them
/// all, else from its top on; as near to the heights wished for as that allows (least squares, by pooling
/// neighbours). REQUIRES: `wishes` grow. Source: Barlow et al., Statistical Inference under Order
/// Restrictions (1972): isotonic regression.
std::vector<double> spread_rows(const std::vector<double>& wishes, double top, double bottom);

}  // namespace rw
