// SPDX-License-Identifier: Apache-2.0
/// The picture itself: across the loss, upwards what is found.
#include <algorithm>
#include <cmath>

#include "report/chart.h"
#include "report/holds_and_finds.h"
#include "report/label_places.h"
#include "report/marks.h"
#include "report/table.h"

namespace rw {
namespace {

constexpr double kPlaneLeft = 74, kPlaneTop = 32, kPlaneBottom = 342, kPaperWidth = 640;
constexpr double kLetter = 9.8;       // of a label on a narrow page, where letters are the largest
constexpr double kLeastCorner = 150;  // its width, where that is no more than 0.38 of the plane's
constexpr std::size_t kNameLetters = 16;

/// UTF-8.
std::size_t letters_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string label_of(const HeldAndFound& m) {
  std::string label = shortened(m.method, kNameLetters);
  if (m.beyond)
    label += std::isfinite(m.loss.mean) ? fmt::format(" {:+.2f}", m.loss.mean) : std::string(" not finite");
  return label;
}
double width_of(const std::string& label) { return kLetter * static_cast<double>(letters_of(label)); }

/// Where values lie on the paper.
struct Plane {
  double x0 = 0, x1 = 0;  // nats, at the left and right edge
  double right = 628, bottom = kPlaneBottom;

  explicit Plane(const HoldsAndFinds& both) {
    double column = 0;
    std::size_t n_beyond = 0;
    x1 = 2 * both.margin;
    for (const HeldAndFound& m : both.methods) {
      if (m.beyond) {
        column = std::max(column, width_of(label_of(m))), ++n_beyond;
        continue;
      }
      x0 = std::min(x0, m.loss.low.value_or(m.loss.mean));
      x1 = std::max(x1, m.loss.high.value_or(m.loss.mean));
    }
    if (n_beyond > 0) right = kPaperWidth - column - 44;
    bottom = std::max(bottom, kPlaneTop + kLabelRow * (static_cast<double>(n_beyond) + 1));
    const double pad = 0.05 * (x1 - x0);
    x0 -= pad, x1 += pad;
    const double share = std::min(0.38, kLeastCorner / (right - kPlaneLeft));
    x0 = std::min(x0, (both.margin - share * x1) / (1 - share));
  }
  double x(double nats) const {
    return std::clamp(kPlaneLeft + (nats - x0) / (x1 - x0) * (right - kPlaneLeft), kPlaneLeft, right);
  }
  double y(double share) const { return bottom - 12 - share * (bottom - kPlaneTop - 24); }
  double x(const HeldAndFound& m) const { return m.beyond ? right : x(m.loss.mean); }
  double y(const HeldAndFound& m) const { return y(m.found.value); }
};

std::string plane_of(const Plane& plane, const HoldsAndFinds& both) {
  std::string svg = fmt::format(
      "<rect x='{0}' y='{1}' width='{2:.1f}' height='{3:.1f}' class='corner'/><text x='{0}' y='{4}' "
      "class='start corner-name'>holds the loss and finds</text>",
      kPlaneLeft, kPlaneTop, plane.x(both.margin) - kPlaneLeft, plane.y(both.bar) - kPlaneTop, kPlaneTop - 9);
  for (int share = 0; share <= 100; share += 20)
    svg += fmt::format(
        "<line x1='{0}' x2='{1:.1f}' y1='{2:.1f}' y2='{2:.1f}' class='grid'/><text x='{3}' y='{4:.1f}' "
        "class='end'>{5}</text>",
        kPlaneLeft, plane.right, plane.y(share / 100.0), kPlaneLeft - 7, plane.y(share / 100.0) + 4.5, share);
  for (const double tick : nice_ticks(plane.x0, plane.x1, static_cast<int>((plane.right - kPlaneLeft) / 62)))
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' class='axis'/><text x='{0:.1f}' y='{3}' "
        "class='mid'>{4}</text>",
        plane.x(tick), plane.bottom, plane.bottom + 5, plane.bottom + 22,
        std::abs(tick) < 1e-12 ? "0" : fmt::format("{:+.6g}", tick));
  svg += fmt::format(
      "<line x1='{0}' x2='{1:.1f}' y1='{2}' y2='{2}' class='axis'/><line x1='{3:.1f}' x2='{3:.1f}' y1='{4}' "
      "y2='{2}' class='origin'/><text x='{3:.1f}' y='{5}' class='mid'>truncation</text>",
      kPlaneLeft, plane.right, plane.bottom, plane.x(0), kPlaneTop, plane.bottom + 42);
  svg += fmt::format("<text x='{:.1f}' y='{}' class='mid'>loss above truncation's, nats per token</text>",
                     std::max(280.0, (kPlaneLeft + plane.right) / 2), plane.bottom + 66);
  return svg + fmt::format(
                   "<text x='17' y='{0}' class='mid' transform='rotate(-90 17 {0})'>found, per "
                   "cent</text>",
                   (kPlaneTop + plane.bottom) / 2);
}

/// The bars of a mark; of one beyond the edge only the upright one.
std::vector<PaperBox> bars_of(const Plane& plane, const HeldAndFound& m) {
  const double x = plane.x(m), y = plane.y(m);
  std::vector<PaperBox> bars{{x - 1, plane.y(m.found.high), x + 1, plane.y(m.found.low)}};
  if (!m.beyond && m.loss.low && m.loss.high)
    bars.push_back({plane.x(*m.loss.low), y - 1, plane.x(*m.loss.high), y + 1});
  return bars;
}

std::string svg_of_bars(const Plane& plane, const HeldAndFound& m) {
  std::string svg;
  for (const PaperBox& bar : bars_of(plane, m)) {
    const bool upright = bar.right - bar.left <= 2;
    const double x = (bar.left + bar.right) / 2, y = (bar.top + bar.bottom) / 2;
    svg += fmt::format(
        "<line x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}' stroke='{}' stroke-width='1.5' "
        "class='whisker'/>",
        upright ? x : bar.left, upright ? x : bar.right, upright ? bar.top : y, upright ? bar.bottom : y,
        colour_of(m.style));
  }
  return svg;
}

/// The label, from the side of its box that is nearest to its mark at x: letters may be narrower than the
/// box.
std::string written(const HeldAndFound& m, const PaperBox& box, double x) {
  const bool left = box.right <= x, right = box.left >= x;
  return fmt::format("<text x='{:.1f}' y='{:.1f}' class='{} who' style='fill:{}'>{}</text>",
                     left    ? box.right
                     : right ? box.left
                             : (box.left + box.right) / 2,
                     (box.top + box.bottom) / 2 + 4.5,
                     left    ? "end"
                     : right ? "start"
                             : "mid",
                     colour_of(m.style), escape_html(label_of(m)));
}

std::string leader(const HeldAndFound& m, double x1, double y1, double x2, double y2) {
  return fmt::format(
      "<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' stroke='{}' stroke-width='1' "
      "stroke-opacity='.55'/>",
      x1, y1, x2, y2, colour_of(m.style));
}

/// Discs and labels that show the numbers while the pointer is on them, or after a touch.
std::string numbers_of(const HeldAndFound& m, const PaperBox& label, double x, double y) {
  const std::string name = shortened(m.method, 30);
  const auto& d = m.loss;
  std::string loss = std::isfinite(d.mean) ? fmt::format("loss {:+.3f}", d.mean) : "loss not finite";
  if (d.low && d.high) loss += fmt::format(" ({:+.3f} to {:+.3f})", *d.low, *d.high);
  const std::string found = fmt::format("found {:.0f} % of {} ({:.0f} to {:.0f})", 100 * m.found.value,
                                        m.found.n, 100 * m.found.low, 100 * m.found.high);
  std::string html = fmt::format(
      "<g class='point' tabindex='0' role='img' aria-label='{}: {}, {}'><rect x='{:.1f}' y='{:.1f}' "
      "width='{:.1f}' height='{:.1f}' fill='transparent'/><circle cx='{:.1f}' cy='{:.1f}' r='9' "
      "fill='transparent'/>",
      escape_html(name), loss, found, label.left, label.top, label.right - label.left,
      label.bottom - label.top, x, y);
  const double middle = std::clamp(x, 190.0, kPaperWidth - 190);
  double line = y < kPlaneTop + 90 ? y + 30 : y - 62;
  for (const std::string& text : {name, loss, found}) {
    html +=
        fmt::format("<text x='{:.1f}' y='{:.1f}' class='tip mid'>{}</text>", middle, line, escape_html(text));
    line += 22;
  }
  return html + "</g>";
}

/// Marks inside, each with its label.
std::string inside_marks(const Plane& plane, const std::vector<HeldAndFound>& methods, std::string& hovers) {
  std::string svg, marks;
  std::vector<LabelWish> wishes;
  std::vector<PaperBox> taken, avoided{{plane.x(0) - 1, kPlaneTop, plane.x(0) + 1, plane.bottom}};
  for (const HeldAndFound& m : methods) {
    const double x = plane.x(m), y = plane.y(m);
    taken.push_back({x - 6, y - 6, x + 6, y + 6});
    if (m.beyond) continue;
    wishes.push_back({x, y, width_of(label_of(m))});
    for (const PaperBox& bar : bars_of(plane, m)) avoided.push_back(bar);
    svg += svg_of_bars(plane, m), marks += mark(m.style, x, y);
  }
  const auto places =
      place_labels(wishes, taken, avoided, {kPlaneLeft + 3, kPlaneTop, plane.right, plane.bottom - 1});
  std::size_t i = 0;
  for (const HeldAndFound& m : methods) {
    if (m.beyond) continue;
    const LabelWish& wish = wishes[i];
    const PaperBox label = places[i++].value_or(PaperBox{wish.x, wish.y, wish.x, wish.y});
    if (label.right > label.left) {  // else there is no room: legend and hover name it
      const double x = std::clamp(wish.x, label.left, label.right), y = (label.top + label.bottom) / 2;
      if (std::hypot(x - wish.x, y - wish.y) > 14) svg += leader(m, wish.x, wish.y, x, y);
      marks += written(m, label, wish.x);
    }
    hovers += numbers_of(m, label, wish.x, wish.y);
  }
  return svg + marks;
}

/// Arrows at the right edge, and beside them their labels one over the other.
std::string marks_beyond(const Plane& plane, const std::vector<HeldAndFound>& methods, std::string& hovers) {
  std::vector<const HeldAndFound*> beyond;
  for (const HeldAndFound& m : methods)
    if (m.beyond) beyond.push_back(&m);
  const auto before = [](const HeldAndFound* a, const HeldAndFound* b) {
    if (a->found.value != b->found.value) return a->found.value > b->found.value;
    return std::isfinite(a->loss.mean) && (!std::isfinite(b->loss.mean) || a->loss.mean < b->loss.mean);
  };
  std::stable_sort(beyond.begin(), beyond.end(), before);
  std::vector<double> heights;
  heights.reserve(beyond.size());
  for (const HeldAndFound* m : beyond) heights.push_back(plane.y(*m));
  const std::vector<double> rows = spread_rows(heights, kPlaneTop + 6, plane.bottom - 2);
  std::string svg;
  for (std::size_t i = 0; i < beyond.size(); ++i) {
    const HeldAndFound& m = *beyond[i];
    const double x = plane.right + 30, y = rows[i];
    const PaperBox label{x + 9, y - kLabelRow / 2, x + 9 + width_of(label_of(m)), y + kLabelRow / 2};
    svg += leader(m, plane.right + 5, heights[i], x - 7, y) + svg_of_bars(plane, m) +
           fmt::format("<path d='M{:.1f} {:.1f}l-8-5v10Z' fill='#fff' stroke='{}' stroke-width='2'/>",
                       plane.right + 4, heights[i], colour_of(m.style)) +
           mark(m.style, x, y) + written(m, label, x);
    hovers += numbers_of(m, label, x, y);
  }
  return svg;
}

}  // namespace

std::string holds_and_finds_chart(const HoldsAndFinds& both) {
  const Plane plane(both);
  std::string hovers, said;
  for (const HeldAndFound& m : both.methods)
    if (both.in_corner(m)) said += (said.empty() ? "" : ", ") + m.method;
  std::string svg = fmt::format(
      "<svg viewBox='0 0 640 {}' role='group' aria-label='does it hold, and does it find, at "
      "{}'><desc>Across: "
      "loss above truncation's. Upwards: share found. In the corner that holds the loss and finds: {}. A "
      "mark "
      "says its numbers.</desc>",
      plane.bottom + 76, k_tokens(both.length), said.empty() ? "no method" : escape_html(said));
  svg += plane_of(plane, both) + inside_marks(plane, both.methods, hovers);
  return svg + marks_beyond(plane, both.methods, hovers) + hovers + "</svg>\n";
}

}  // namespace rw
