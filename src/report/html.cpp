// SPDX-License-Identifier: Apache-2.0
#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ropewalk {
namespace {

// Okabe and Ito's colours, which colour-blind readers can tell apart.
constexpr const char* kColours[] = {"#000000", "#0072b2", "#d55e00", "#009e73",
                                    "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"};
constexpr const char* kMarks[] = {"\xe2\x97\x8f", "\xe2\x96\xa0", "\xe2\x96\xb2", "\xe2\x97\x86",
                                  "\xe2\x96\xbc", "\xe2\x9c\x9a", "\xe2\x9c\x96", "\xe2\x97\x8b"};
constexpr double kLeft = 60, kRight = 700, kTop = 20, kBottom = 340;

std::string escape(const std::string& text) {
  std::string safe;
  for (char c : text)
    safe += c == '<'    ? "&lt;"
            : c == '>'  ? "&gt;"
            : c == '&'  ? "&amp;"
            : c == '"'  ? "&quot;"
            : c == '\'' ? "&#39;"
                        : std::string(1, c);
  return safe;
}

std::string k_tokens(Index n) { return n % 1024 == 0 ? fmt::format("{}k", n / 1024) : fmt::format("{}", n); }

struct Point {
  Index x = 0;
  double y = 0, low = 0, high = 0;
};
struct Series {
  std::string name;
  std::vector<Point> points;
};

/// A line chart: log2 of x, losses on y. Values that are not finite stand at the top edge.
std::string chart(const std::vector<Series>& series, Index trained, const std::string& x_title) {
  double x0 = 1e30, x1 = 0, y0 = 1e30, y1 = -1e30;
  for (const Series& s : series) {
    for (const Point& p : s.points) {
      x0 = std::min(x0, std::log2(static_cast<double>(p.x))),
      x1 = std::max(x1, std::log2(static_cast<double>(p.x)));
      if (std::isfinite(p.y)) y0 = std::min(y0, p.low), y1 = std::max(y1, p.high);
    }
  }
  if (x1 - x0 < 0.1) x0 -= 0.5, x1 += 0.5;
  const double pad = std::max(0.05, (y1 - y0) * 0.06);
  y0 -= pad, y1 += pad;
  auto at_x = [&](Index x) {
    return kLeft + (std::log2(static_cast<double>(x)) - x0) / (x1 - x0) * (kRight - kLeft);
  };
  auto at_y = [&](double y) {
    return std::isfinite(y) ? kBottom - (y - y0) / (y1 - y0) * (kBottom - kTop) : kTop;
  };
  std::string svg = "<svg viewBox='0 0 960 390' role='img' aria-label='loss against length'>";
  for (int tick = 0; tick <= 5; ++tick) {
    const double y = y0 + (y1 - y0) * tick / 5;
    svg += fmt::format(
        "<line x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}' class='grid'/><text x='{}' y='{:.1f}' "
        "class='end'>{:.2f}</text>",
        kLeft, kRight, at_y(y), at_y(y), kLeft - 8, at_y(y) + 4, y);
  }
  std::vector<Index> xs;
  for (const Series& s : series)
    for (const Point& p : s.points)
      if (std::find(xs.begin(), xs.end(), p.x) == xs.end()) xs.push_back(p.x);
  std::sort(xs.begin(), xs.end());
  double last = -100;
  for (Index x : xs) {
    if (at_x(x) - last < 38) continue;
    last = at_x(x);
    svg += fmt::format("<text x='{:.1f}' y='{}' class='mid'>{}</text>", last, kBottom + 20, k_tokens(x));
  }
  if (const double t = std::log2(static_cast<double>(trained)); t >= x0 && t <= x1)
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' class='trained'/><text x='{0:.1f}' y='{3}' "
        "class='{4}'>trained length</text>",
        at_x(trained), kTop, kBottom, kTop - 6, at_x(trained) < kLeft + 50 ? "start" : "mid");
  svg +=
      fmt::format("<text x='{}' y='{}' class='mid'>{}</text>", (kLeft + kRight) / 2, kBottom + 42, x_title);
  svg +=
      fmt::format("<text x='16' y='{}' class='mid' transform='rotate(-90 16 {})'>loss, nats per token</text>",
                  (kTop + kBottom) / 2, (kTop + kBottom) / 2);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const char* colour = kColours[i % 8];
    const char* dash = i < 8 ? "" : " stroke-dasharray='5 3'";
    std::string path, marks;
    for (const Point& p : series[i].points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", at_x(p.x), at_y(p.y));
      if (std::isfinite(p.y) && p.high > p.low)
        marks += fmt::format("<line x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}' stroke='{3}'/>",
                             at_x(p.x), at_y(p.low), at_y(p.high), colour);
      marks += fmt::format(
          "<text x='{:.1f}' y='{:.1f}' class='mid' fill='{}'>{}<title>{} at {}: {:.4f}</title></text>",
          at_x(p.x), at_y(p.y) + 5, colour, kMarks[i % 8], escape(series[i].name), k_tokens(p.x), p.y);
    }
    svg += fmt::format("<g><path d='{}' fill='none' stroke='{}' stroke-width='1.6'{}/>{}</g>", path, colour,
                       dash, marks);
    svg += fmt::format("<text x='{}' y='{}' fill='{}'>{} {}</text>", kRight + 24,
                       kTop + 12 + 20 * static_cast<double>(i), colour, kMarks[i % 8],
                       escape(series[i].name.substr(0, 30)));
  }
  return svg + "</svg>";
}

/// The answer first: which methods held at the greatest length, best first.
std::string answer(const std::vector<SummaryCell>& cells, const RunInfo& run) {
  const Index longest = cells.back().length;
  std::vector<const SummaryCell*> at_longest;
  const SummaryCell *truncated = nullptr, *plain = nullptr;
  for (const SummaryCell& c : cells) {
    if (c.length != longest) continue;
    if (c.method == "none (truncated)") truncated = &c;
    if (c.method == "none") plain = &c;
    if (std::isfinite(c.loss.mean)) at_longest.push_back(&c);
  }
  if (at_longest.empty()) return fmt::format("Nothing held at {} tokens.", k_tokens(longest));
  const SummaryCell& best = **std::min_element(at_longest.begin(), at_longest.end(),
                                               [](auto* a, auto* b) { return a->loss.mean < b->loss.mean; });
  std::string text;
  if (&best == truncated)
    text = fmt::format(
        "At {} tokens no method has a smaller loss than plain RoPE told only the last {}, which costs "
        "nothing: {:.3f} nats.",
        k_tokens(longest), k_tokens(run.n_ctx_train), best.loss.mean);
  else
    text = fmt::format("At {} tokens the least loss is {:.3f} nats, by <b>{}</b> ({}).", k_tokens(longest),
                       best.loss.mean, escape(best.method), escape(best.verdict.shown()));
  if (plain && longest > run.n_ctx_train)
    text += fmt::format(" Plain RoPE there: {:.3f} ({}).", plain->loss.mean, escape(plain->verdict.shown()));
  if (truncated && &best != truncated)
    text += fmt::format(" Keeping only the last {} tokens, which costs nothing, gives {:.3f}.",
                        k_tokens(run.n_ctx_train), truncated->loss.mean);
  return text + " A stable loss does not prove that the far text is used.";
}

std::string verdict_table(const std::vector<SummaryCell>& cells) {
  std::string html =
      "<table><tr><th>tokens<th>method<th>loss<th>perplexity<th>difference (95 "
      "%)<th>verdict<th>tokens/s</tr>";
  for (const SummaryCell& c : cells) {
    std::string difference = fmt::format("{:+.4f}", c.difference.mean);
    if (c.difference.low)
      difference += fmt::format(" ({:+.4f} to {:+.4f})", *c.difference.low, *c.difference.high);
    html +=
        fmt::format("<tr><td>{}<td title='{}'>{}<td>{:.4f}<td>{:.4g}<td>{}<td class='{}'>{}{}<td>{:.0f}</tr>",
                    k_tokens(c.length), escape(c.resolved), escape(c.method), c.loss.mean,
                    std::exp(c.loss.mean), difference, c.verdict.word, c.verdict.shown(),
                    c.verdict.note.empty() ? "" : " (" + c.verdict.note + ")", c.tokens_per_second);
  }
  return html + "</table>";
}

std::vector<Series> series_of(const std::vector<SummaryCell>& cells) {
  std::vector<Series> result;
  for (const SummaryCell& c : cells) {
    auto found =
        std::find_if(result.begin(), result.end(), [&](const Series& s) { return s.name == c.method; });
    if (found == result.end()) found = result.insert(result.end(), {c.method, {}});
    found->points.push_back(
        {c.length, c.loss.mean, c.loss.low.value_or(c.loss.mean), c.loss.high.value_or(c.loss.mean)});
  }
  return result;
}

std::vector<Series> position_series(const std::vector<Record>& records) {
  std::vector<Series> result;
  std::vector<std::vector<int>> counts;
  for (const Record& r : records) {
    if (r.position_end == 0) continue;
    std::size_t s = 0;
    while (s < result.size() && result[s].name != r.method) ++s;
    if (s == result.size()) result.push_back({r.method, {}}), counts.emplace_back();
    std::size_t p = 0;
    while (p < result[s].points.size() && result[s].points[p].x != r.position_end) ++p;
    if (p == result[s].points.size())
      result[s].points.push_back({r.position_end, 0, 0, 0}), counts[s].push_back(0);
    Point& point = result[s].points[p];
    const int n = ++counts[s][p];
    point.y += (r.loss - point.y) / n;
    point.low = point.high = point.y;
  }
  return result;
}

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2em "
    ".8em;border-bottom:1px solid #ddd;text-align:left}"
    "svg{width:100%;height:auto}svg "
    "text{font-size:13px}.mid{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#e5e5e5}"
    ".trained{stroke:#888;stroke-dasharray:4 "
    "4}.explodes{background:#f6c8b0}.degrades{background:#fbe7c0}.stable{background:#d4ecdf}"
    ".improves{background:#bfe3f5}code{background:#f3f3f3;padding:0 .2em}.answer{font-size:1.15em}@media "
    "print{body{margin:0}}";

}  // namespace

std::string html_report(const std::vector<SummaryCell>& cells, const std::vector<Record>& records,
                        const RunInfo& run, std::size_t n_documents, const std::vector<MethodNote>& notes) {
  std::string html = fmt::format(
      "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width'>"
      "<title>ropewalk: {0}</title><style>{1}</style><h1>How far does {0} reach?</h1>",
      escape(run.model), kStyle);
  if (!cells.empty()) {
    html += fmt::format("<p class='answer'>{}</p>", answer(cells, run));
    html += chart(series_of(cells), run.n_ctx_train,
                  "total tokens (log scale); the same last tokens are scored at every length");
    html += fmt::format(
        "<p>The last {} tokens of {} document{} scored under growing context. Difference: from plain RoPE at "
        "{} tokens, paired by document{}. Stable: within {:g} nats, {:.2g} % of perplexity.</p>",
        run.tail, n_documents, n_documents == 1 ? "" : "s", std::min(run.n_ctx_train, cells.back().length),
        n_documents < 3 ? "; too few documents for an interval, so a verdict has ~ in front"
                        : ", with a 95 % interval",
        run.margin, 100 * (std::exp(run.margin) - 1));
    html += verdict_table(cells);
  }
  if (const auto positions = position_series(records); !positions.empty())
    html +=
        "<h2>Loss by position</h2>" +
        chart(positions, run.n_ctx_train, "position (log scale), one pass; other positions are other text");
  html += "<h2>What the methods are</h2><table><tr><th>method<th>what it does<th>formula<th>source</tr>";
  for (const MethodNote& note : notes)
    html += fmt::format("<tr><td>{}<td>{}<td><code>{}</code><td>{}</tr>", escape(note.name),
                        escape(note.title), escape(note.formula), escape(note.source));
  html += fmt::format(
      "</table><h2>How it was made</h2><p><code>{}</code></p><p>ropewalk {}, {}, {}, {} threads; model "
      "SHA-256 {}.</p></html>\n",
      escape(run.command), escape(run.version), escape(run.isa), escape(run.precision), run.threads,
      escape(run.model_id));
  return html;
}

}  // namespace ropewalk
