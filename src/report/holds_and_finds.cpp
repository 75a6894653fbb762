// SPDX-License-Identifier: Apache-2.0
#include "report/holds_and_finds.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "report/chart.h"
#include "report/table.h"

namespace rw {
namespace {

using Scores = std::map<std::string, std::map<std::string, ScoreByLength>>;  // by task and method

bool was_asked(const Scores& scores, const std::string& task, const std::string& method, Index length) {
  const auto& by_method = scores.at(task);
  const auto own = by_method.find(method);
  return own != by_method.end() && own->second.contains(length);
}

/// The difference from truncation; none: not measured, or it says nothing.
std::optional<Interval> loss_of(const ReportData& data, const std::string& method, Index length) {
  const SummaryCell* cell = cell_at(data, method, length);
  if (!cell || cell->verdict.word == "not read") return std::nullopt;
  if (method == kTruncated)
    return std::isfinite(cell->loss.mean) ? std::optional<Interval>(Interval{.low = {}, .high = {}})
                                          : std::nullopt;
  return cell->versus_truncated;
}

void set_beyond(const ReportData& data, HoldsAndFinds& both) {
  double truncated = 0, farthest = 5 * both.margin;
  for (const HeldAndFound& m : both.methods)
    if (m.method == kTruncated) truncated = m.found.value;
  for (const HeldAndFound& m : both.methods) {
    const bool explodes = cell_at(data, m.method, both.length)->verdict.word == "explodes";
    if (m.loss.mean <= std::numbers::ln2 && (!explodes || m.found.low > truncated))
      farthest = std::max(farthest, m.loss.mean);
  }
  for (HeldAndFound& m : both.methods) m.beyond = !(m.loss.mean <= farthest);  // so is what is no number
}

HoldsAndFinds at_length(const ReportData& data, const Scores& scores, Index length) {
  HoldsAndFinds both{.length = length, .trained = data.run.n_ctx_train, .tasks = {}, .methods = {}};
  if (!loss_of(data, kTruncated, length)) return both;
  std::vector<HeldAndFound> shown;
  const std::vector<std::string> methods = methods_of(data);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    const std::optional<Interval> loss = loss_of(data, methods[m], length);
    const bool asked = std::any_of(scores.begin(), scores.end(), [&](const auto& task) {
      return was_asked(scores, task.first, methods[m], length);
    });
    if (loss && asked) shown.push_back({.method = methods[m], .style = m, .loss = *loss, .found = {}});
  }
  if (std::all_of(shown.begin(), shown.end(), [](const auto& m) { return m.method == kTruncated; }))
    return both;
  Score in_short;
  for (const auto& [task, by_method] : scores) {
    if (!std::all_of(shown.begin(), shown.end(), [&, &name = task](const HeldAndFound& m) {
          return was_asked(scores, name, m.method, length);
        }))
      continue;
    both.tasks.push_back(task);
    const Score own = own_short_score(by_method, data.run.n_ctx_train);
    in_short.sum += own.sum, in_short.n += own.n;
  }
  if (both.tasks.empty()) return both;
  for (HeldAndFound& m : shown) {
    Score sum;
    for (const std::string& task : both.tasks) {
      const Score& score = scores.at(task).at(m.method).at(length);
      sum.sum += score.sum, sum.n += score.n;
    }
    m.found = proportion(sum.sum, sum.n);
  }
  both.methods = std::move(shown), both.margin = data.run.margin;
  both.short_known = in_short.n > 0;
  both.bar = kFindsShare * (both.short_known ? in_short.mean() : 1);
  set_beyond(data, both);
  return both;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

/// Where, how to read it, and what it says. HTML.
std::string how_to_read(const HoldsAndFinds& both) {
  std::vector<std::string> in_corner;
  Index least = both.methods.front().found.n, most = least;
  for (const HeldAndFound& m : both.methods) {
    if (both.in_corner(m)) in_corner.push_back("<b>" + escape_name(m.method) + "</b>");
    least = std::min(least, m.found.n), most = std::max(most, m.found.n);
  }
  std::vector<std::string> tasks;
  for (const std::string& task : both.tasks) tasks.push_back(escape_html(task));
  const std::string times =
      both.trained > 0 ? fmt::format(", {:.3g} times the trained length",
                                     static_cast<double>(both.length) / static_cast<double>(both.trained))
                       : "";
  return fmt::format(
      "<p>At {} tokens{}. Farther left is less loss, higher is more found ({}, {}{}). In the shaded corner, "
      "which holds the loss and finds: {}.</p>",
      k_tokens(both.length), times, list_of(tasks), least < most ? fmt::format("{} to ", least) : "",
      counted(most, "question"), in_corner.empty() ? "no method" : list_of(in_corner));
}

std::string what_is_shown(const HoldsAndFinds& both, const ReportData& data) {
  return fmt::format(
      "<p class='note'>Loss: the difference from truncation, which reads the last {} tokens only, {}. "
      "Corner: "
      "at most {:g} nats above truncation, and {} found. Bars: 95 % intervals, uncorrected. A triangle at "
      "the "
      "right edge: the loss lies beyond, at the number beside it. A place is no verdict; those stand "
      "below.</p>",
      k_tokens(both.trained), escape_html("on " + data.units.scope()), both.margin,
      both.short_known ? fmt::format("at least {:g} of what the model finds in short texts ({:.0f} %)",
                                     kFindsShare, 100 * both.bar / kFindsShare)
                       : fmt::format("at least {:.0f} %", 100 * both.bar));
}

}  // namespace

bool HoldsAndFinds::in_corner(const HeldAndFound& m) const {
  constexpr double kRounding = 1e-9;  // sums of parts of answers are rounded
  return std::isfinite(m.loss.mean) && m.loss.mean <= margin && m.found.value + kRounding >= bar;
}

HoldsAndFinds holds_and_finds(const ReportData& data) {
  Scores scores = retrieval_scores(data);
  for (const auto& [task, score] : cannot_tell(data)) scores.erase(task);
  std::set<Index, std::greater<>> lengths;
  for (const SummaryCell& c : data.cells)
    if (c.length > data.run.n_ctx_train) lengths.insert(c.length);
  for (const Index length : lengths)
    if (HoldsAndFinds both = at_length(data, scores, length); !both.methods.empty()) return both;
  return {};
}

std::string holds_and_finds_section(const ReportData& data) {
  const HoldsAndFinds both = holds_and_finds(data);
  if (both.methods.empty()) return "";
  std::vector<ChartSeries> series;
  for (const HeldAndFound& m : both.methods) series.push_back({m.method, m.style, {}});
  return "<section id='holds-and-finds'><h2>Does it hold, and does it find?</h2>" + how_to_read(both) +
         "<div class='chart'>" + holds_and_finds_chart(both) + "</div>" + chart_legend(series) +
         what_is_shown(both, data) + "</section>\n";
}

}  // namespace rw
