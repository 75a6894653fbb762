// SPDX-License-Identifier: Apache-2.0
#include "judge/summary.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "judge/plan.h"

namespace ropewalk {
namespace {

constexpr std::size_t kNameWidth = 25;
using Losses = std::map<std::string, double>;  // by document

std::vector<double> minus(const Losses& a, const Losses& b) {
  std::vector<double> result;
  for (const auto& [document, loss] : a)
    if (const auto other = b.find(document); other != b.end()) result.push_back(loss - other->second);
  return result;
}

std::string signed_number(double x) { return std::isfinite(x) ? fmt::format("{:+.3f}", x) : "nan"; }

std::string length_text(Index length) {
  return length % 1024 == 0 ? fmt::format("{}k", length / 1024) : fmt::format("{}", length);
}

}  // namespace

std::vector<SummaryCell> summarise(const std::vector<Record>& records, double margin) {
  std::map<std::pair<std::string, Index>, Losses> losses;
  std::vector<SummaryCell> cells;
  Losses reference;
  Index reference_length = kForever;
  for (const Record& r : records) {
    if (r.task != "tail") continue;
    if (losses[{r.method, r.length}].empty() && r.method != kShort)
      cells.push_back({.method = r.method,
                       .resolved = r.resolved,
                       .length = r.length,
                       .loss = {},
                       .difference = {},
                       .verdict = {},
                       .tokens_per_second = r.seconds > 0 ? static_cast<double>(r.achieved) / r.seconds : 0});
    losses[{r.method, r.length}][r.document] = r.loss;
    if (r.method == kTruncated) reference_length = std::min(reference_length, r.length);
  }
  reference = losses[{kTruncated, reference_length}];
  std::erase_if(cells,
                [&](const SummaryCell& c) { return c.method == kTruncated && c.length == reference_length; });
  std::stable_sort(cells.begin(), cells.end(), [](const SummaryCell& a, const SummaryCell& b) {
    return std::pair(a.length, a.method == kTruncated) < std::pair(b.length, b.method == kTruncated);
  });
  for (SummaryCell& cell : cells) {
    const Losses& own = losses[{cell.method, cell.length}];
    std::vector<double> values;
    bool finite = true;
    for (const auto& [document, loss] : own) values.push_back(loss), finite = finite && std::isfinite(loss);
    cell.loss = t_interval(values);
    cell.difference = t_interval(minus(own, reference));
    cell.verdict = judge(cell.difference, t_interval(minus(own, losses[{kShort, 0}])), finite, margin);
  }
  return cells;
}

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
          fmt::format("\n{:<{}} {:>7} {:>10} {:>17}  {}\n", length_text(length) + " tokens", kNameWidth,
                      "loss", "perplexity", n_documents >= 3 ? "difference +- 95%" : "difference", "verdict");
    }
    // A name that is too long stands on a line of its own: cut short, two methods could look the same.
    const bool fits = c.method.size() <= kNameWidth;
    if (!fits) text += c.method + "\n";
    std::string difference = signed_number(c.difference.mean);
    if (c.difference.low) difference += fmt::format(" +- {:.3f}", c.difference.mean - *c.difference.low);
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
  int needed = 0, least = kManyDocuments;
  for (const SummaryCell& c : cells) {
    if (c.verdict.more_documents == 0) continue;
    needed = std::max(needed, c.verdict.more_documents), least = std::min(least, c.verdict.more_documents);
  }
  if (needed > 0)
    text += fmt::format("inconclusive: {}{}{} documents in all would decide, by the row.\n", least,
                        needed > least ? fmt::format(" to {}", needed) : "",
                        needed >= kManyDocuments ? " or more" : "");
  return text;
}

Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, std::size_t n_documents) {
  auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); };
  Json list = Json::array();
  for (const SummaryCell& c : cells) {
    Json j{{"method", c.method},
           {"resolved", c.resolved},
           {"length", c.length},
           {"loss", number(c.loss.mean)},
           {"perplexity", number(std::exp(c.loss.mean))},
           {"difference", number(c.difference.mean)}};
    j["interval"] =
        c.difference.low ? Json{number(*c.difference.low), number(*c.difference.high)} : Json(nullptr);
    j["verdict"] = c.verdict.word;
    j["approximate"] = c.verdict.approximate;
    if (!c.verdict.note.empty()) j["note"] = c.verdict.note;
    if (c.verdict.more_documents > 0) j["documents_needed"] = c.verdict.more_documents;
    j["tokens_per_second"] = c.tokens_per_second;
    list.push_back(std::move(j));
  }
  return {{"model", run.model},   {"n_ctx_train", run.n_ctx_train}, {"tail", run.tail},
          {"margin", run.margin}, {"n_documents", n_documents},     {"results", list}};
}

}  // namespace ropewalk
