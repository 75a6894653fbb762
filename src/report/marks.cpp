// SPDX-License-Identifier: Apache-2.0
#include "report/marks.h"

#include <fmt/format.h>

#include <iterator>

namespace rw {
namespace {

// After Okabe and Ito, with more hues and none so light that paper swallows it (contrast 3 : 1 at least, and
// inverted on a dark page). Colours, marks and dashes (chart.cpp) have cycles of different lengths, so that
// two methods never share all three.
constexpr const char* kColours[] = {"#000000", "#0072b2", "#d55e00", "#00866b", "#b0518b", "#a87900",
                                    "#2f97d0", "#6a3d9a", "#8a4b12", "#6f8000", "#e0457b"};
constexpr std::size_t kMarks = 8;

}  // namespace

const char* colour_of(std::size_t style) { return kColours[style % std::size(kColours)]; }

std::string mark(std::size_t style, double x, double y) {
  const char* colour = colour_of(style);
  auto path = [&](const char* d, bool filled) {
    return fmt::format(
        "<path transform='translate({:.1f} {:.1f})' d='{}' fill='{}' stroke='{}' stroke-width='2'/>", x, y, d,
        filled ? colour : "none", colour);
  };
  switch (style % kMarks) {
    case 0:
      return fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4' fill='{}'/>", x, y, colour);
    case 1:
      return path("M-3.4-3.4H3.4V3.4H-3.4Z", true);
    case 2:
      return path("M0-4.2L4.2 3.4H-4.2Z", true);
    case 3:
      return path("M0-4.8L4.8 0L0 4.8L-4.8 0Z", true);
    case 4:
      return path("M0 4.2L4.2-3.4H-4.2Z", true);
    case 5:
      return path("M-5 0H5M0-5V5", false);
    case 6:
      return path("M-4-4L4 4M-4 4L4-4", false);
    default:
      return fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4.4' fill='#fff' stroke='{}' stroke-width='2'/>",
                         x, y, colour);
  }
}

}  // namespace rw
