// SPDX-License-Identifier: Apache-2.0
#include "results/summary.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/attention_plan.h"
#include "core/error.h"
#include "core/text.h"

namespace ropewalk {
namespace {

constexpr std::size_t kNameWidth = 25;
using Losses = std::map<std::string, double>;  // by document
using AllLosses = std::map<std::pair<std::string, Index>, Losses>;

std::vector<double> minus(const Losses& a, const Losses& b) {
  std::vector<double> result;
  for (const auto& [document, loss] : a)
    if (const auto other = b.find(document); other != b.end()) result.push_back(loss - other->second);
  return result;
}

/// Part of a run may lack a baseline: no number then, and the verdict stays open.
Interval interval_of(const std::vector<double>& values) {
  if (!values.empty()) return interval(values);
  return {.mean = std::nan(""), .low = {}, .high = {}};
}

std::string signed_number(double x) { return std::isfinite(x) ? fmt::format("{:+.3f}", x) : "nan"; }

std::optional<Interval> paired(const Losses& own, const AllLosses& all, const std::string& baseline,
                               Index length) {
  const auto found = all.find({baseline, length});
  if (found == all.end()) return {};
  const std::vector<double> differences = minus(own, found->second);
  if (differences.empty()) return {};
  return interval(differences);
}

/// Tests of every row, adjusted over all rows that are tested. differences[i] belongs to cells[i].
void weigh(std::vector<SummaryCell>& cells, const std::vector<std::vector<double>>& differences,
           double margin) {
  std::vector<std::size_t> tested;
  std::vector<double> beyond, nonzero;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Interval& d = cells[i].difference;
    if (d.n < 3 || !std::isfinite(d.mean) || !std::isfinite(d.deviation)) continue;
    cells[i].evidence.equivalent = p_equivalent(differences[i], margin);
    if (cells[i].method == kTruncated || (d.mean == 0 && d.deviation == 0)) continue;
    tested.push_back(i);
    beyond.push_back(p_beyond(differences[i], margin));
    nonzero.push_back(p_differs(differences[i]));
  }
  beyond = holm(beyond), nonzero = holm(nonzero);
  for (std::size_t t = 0; t < tested.size(); ++t) {
    Evidence& evidence = cells[tested[t]].evidence;
    evidence.beyond = beyond[t], evidence.nonzero = nonzero[t];
    evidence.rows = static_cast<int>(tested.size());
  }
}

/// The cells without their numbers, by length, truncation last; and every loss.
std::vector<SummaryCell> gather(const std::vector<Record>& records, AllLosses& losses,
                                Index& reference_length) {
  std::vector<SummaryCell> cells;
  std::map<std::pair<std::string, Index>, std::pair<double, double>> work;  // tokens, seconds
  for (const Record& r : records) {
    if (r.task != "tail") continue;
    if (losses[{r.method, r.length}].empty() && r.method != kShort) {
      SummaryCell cell;
      cell.method = r.method, cell.resolved = r.resolved, cell.length = r.length;
      cells.push_back(std::move(cell));
    }
    losses[{r.method, r.length}][r.document] = r.loss;
    auto& [tokens, seconds] = work[{r.method, r.length}];
    tokens += static_cast<double>(r.achieved), seconds += r.seconds;
    // Where nothing is cut the baseline is plain RoPE itself; files of several runs may hold more than one.
    if (r.method == kTruncated && r.length == r.achieved)
      reference_length = std::max(reference_length, r.length);
  }
  for (SummaryCell& cell : cells)
    if (const auto [tokens, seconds] = work[{cell.method, cell.length}]; seconds > 0)
      cell.tokens_per_second = tokens / seconds;
  std::erase_if(cells,
                [&](const SummaryCell& c) { return c.method == kTruncated && c.length <= reference_length; });
  std::stable_sort(cells.begin(), cells.end(), [](const SummaryCell& a, const SummaryCell& b) {
    return std::pair(a.length, a.method == kTruncated) < std::pair(b.length, b.method == kTruncated);
  });
  return cells;
}

}  // namespace

std::vector<SummaryCell> summarise(const std::vector<Record>& records, double margin) {
  AllLosses losses;
  Index reference_length = 0;
  std::vector<SummaryCell> cells = gather(records, losses, reference_length);
  const Losses reference = losses[{kTruncated, reference_length}];
  std::vector<std::vector<double>> differences;
  for (SummaryCell& cell : cells) {
    const Losses& own = losses[{cell.method, cell.length}];
    std::vector<double> values;
    for (const auto& [document, loss] : own) values.push_back(loss);
    cell.loss = interval(values);
    differences.push_back(minus(own, reference));
    cell.difference = interval_of(differences.back());
    cell.versus_truncated = paired(own, losses, kTruncated, cell.length);
    cell.versus_plain = paired(own, losses, kPlain, cell.length);
  }
  weigh(cells, differences, margin);
  for (SummaryCell& cell : cells) {
    const Losses& own = losses[{cell.method, cell.length}];
    const bool finite =
        std::all_of(own.begin(), own.end(), [](const auto& entry) { return std::isfinite(entry.second); });
    cell.verdict =
        judge(cell.difference, interval_of(minus(own, losses[{kShort, 0}])), finite, margin, cell.evidence);
  }
  return cells;
}

std::vector<MethodReach> reaches(const std::vector<SummaryCell>& cells, Index reference) {
  std::vector<std::string> methods;
  std::map<std::string, std::vector<JudgedLength>> judged;
  for (const SummaryCell& c : cells) {
    if (judged[c.method].empty()) methods.push_back(c.method);
    judged[c.method].push_back({c.length, c.verdict});
  }
  std::vector<MethodReach> result;
  result.reserve(methods.size());
  for (const std::string& method : methods)
    result.push_back({method, breaks_at(judged[method], reference), stable_to(judged[method], reference)});
  return result;
}

namespace {

/// What "inconclusive" and "*" mean, where they occur.
std::string inconclusive_text(const std::vector<SummaryCell>& cells) {
  int most = 0, least = kManyDocuments, most_more = 0, least_more = kManyDocuments;
  bool corrected = false;
  for (const SummaryCell& c : cells) {
    const Verdict& v = c.verdict;
    corrected = corrected || !v.uncorrected.empty();
    if (v.documents_needed == 0) continue;
    most = std::max(most, v.documents_needed), least = std::min(least, v.documents_needed);
    most_more = std::max(most_more, v.more_documents), least_more = std::min(least_more, v.more_documents);
  }
  std::string text;
  if (most > 0) {
    const char* open = most >= kManyDocuments ? " or more" : "";
    text += fmt::format("inconclusive: about {}{} further documents would decide, by row;\n", least_more,
                        most_more > least_more ? fmt::format(" to {}{}", most_more, open) : open);
    text += fmt::format("in all {}{}.\n", least, most > least ? fmt::format(" to {}{}", most, open) : open);
  }
  if (corrected) text += "*: beyond the margin by itself, but not after Holm's correction over all rows.\n";
  return text;
}

}  // namespace

std::string summary_table(const std::vector<SummaryCell>& cells, const RunInfo& run,
                          std::size_t n_documents) {
  std::string text =
      fmt::format("Last {} tokens of {} document{}; difference: from plain RoPE at {} tokens\n", run.tail,
                  n_documents, n_documents == 1 ? "" : "s", std::min(run.n_ctx_train, cells.back().length));
  Index length = -1;
  for (const SummaryCell& c : cells) {
    if (c.length != length) {
      length = c.length;
      text +=
          fmt::format("\n{:<{}} {:>7} {:>10} {:>17}  {}\n", k_tokens(length) + " tokens", kNameWidth, "loss",
                      "perplexity", n_documents >= 3 ? "difference +- 95%" : "difference", "verdict");
    }
    // A name that is too long stands on a line of its own: cut short, two methods could look the same.
    const bool fits = c.method.size() <= kNameWidth;
    if (!fits) text += c.method + "\n";
    std::string difference = signed_number(c.difference.mean);
    if (c.difference.low)  // a bootstrap's ends may lean: the farther one
      difference += fmt::format(" +- {:.3f}", std::max(c.difference.mean - *c.difference.low,
                                                       *c.difference.high - c.difference.mean));
    const std::string note = c.verdict.note.empty()                ? ""
                             : c.verdict.note == "slightly better" ? " (better)"
                                                                   : " (worse)";
    text += fmt::format("{:<{}} {:>7.3f} {:>10.4g} {:>17}  {}{}\n", fits ? c.method : "", kNameWidth,
                        c.loss.mean, std::exp(c.loss.mean), difference, c.verdict.shown(), note);
  }
  text += fmt::format("\nstable: within {:g} nats, {:.2g} % of perplexity.\n", run.margin,
                      100 * (std::exp(run.margin) - 1));
  if (n_documents < 3)
    text += fmt::format("{}, no interval: ~ marks a verdict from the difference alone.\n",
                        n_documents == 1 ? "One text" : "Two texts");
  text += inconclusive_text(cells);
  return text;
}

Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents) {
  auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); };
  auto ends = [&](const Interval& i) {
    return i.low ? Json{number(*i.low), number(*i.high)} : Json(nullptr);
  };
  auto versus = [&](const std::optional<Interval>& i) {
    return i ? Json{{"difference", number(i->mean)}, {"interval", ends(*i)}} : Json(nullptr);
  };
  auto length = [](std::optional<Index> n) { return n ? Json(*n) : Json(nullptr); };
  Json list = Json::array(), reach = Json::array();
  for (const SummaryCell& c : cells) {
    Json j{{"method", c.method},
           {"resolved", c.resolved},
           {"length", c.length},
           {"loss", number(c.loss.mean)},
           {"perplexity", number(std::exp(c.loss.mean))},
           {"difference", number(c.difference.mean)}};
    j["interval"] = ends(c.difference);
    j["versus_truncated"] = versus(c.versus_truncated);
    j["versus_plain"] = versus(c.versus_plain);
    if (c.evidence.beyond) j["p_beyond_margin"] = *c.evidence.beyond;  // adjusted by Holm
    if (c.evidence.equivalent) j["p_equivalent"] = *c.evidence.equivalent;
    j["verdict"] = c.verdict.word;
    j["approximate"] = c.verdict.approximate;
    if (!c.verdict.note.empty()) j["note"] = c.verdict.note;
    if (!c.verdict.uncorrected.empty()) j["uncorrected"] = c.verdict.uncorrected;
    if (c.verdict.documents_needed > 0) {
      j["documents_needed"] = c.verdict.documents_needed;
      j["more_documents"] = c.verdict.more_documents;
    }
    j["tokens_per_second"] = c.tokens_per_second;
    list.push_back(std::move(j));
  }
  const Index reference = cells.empty() ? 0 : std::min(run.n_ctx_train, cells.back().length);
  for (const MethodReach& m : reaches(cells, reference))
    reach.push_back(
        {{"method", m.method}, {"breaks_at", length(m.breaks_at)}, {"stable_to", length(m.stable_to)}});
  const char* interval_by = n_documents < 3 ? "none" : n_documents < kBootstrapFrom ? "t" : "bootstrap";
  return {{"model", run.model},
          {"n_ctx_train", run.n_ctx_train},
          {"tail", run.tail},
          {"margin", run.margin},
          {"n_documents", n_documents},
          {"interval_by", interval_by},
          {"correction", "Holm, 5 %"},
          {"results", list},
          {"reach", reach}};
}

}  // namespace ropewalk
