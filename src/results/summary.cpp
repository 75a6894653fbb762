// SPDX-License-Identifier: Apache-2.0
#include "results/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/attention_plan.h"
#include "core/error.h"
#include "core/text.h"

namespace rw {
namespace {

constexpr std::size_t kNameWidth = 22;
using AllLosses = std::map<std::pair<std::string, Index>, ByDocument>;

/// Part of a run may lack a baseline: no number then, and the verdict stays open.
Interval interval_of(const std::vector<double>& values) {
  if (!values.empty()) return interval(values);
  return {.mean = std::nan(""), .low = {}, .high = {}};
}

/// Measured, and NaN or infinite.
bool no_number(const Interval& i) { return i.n > 0 && !std::isfinite(i.mean); }

std::optional<Interval> paired(const ByDocument& own, const AllLosses& all, const std::string& baseline,
                               Index length, const Units& units) {
  const auto found = all.find({baseline, length});
  if (found == all.end()) return {};
  const std::vector<double> differences = paired_difference(own, found->second, units);
  if (differences.empty()) return {};
  return interval(differences);
}

/// Tests of every row, adjusted over all rows that are tested. differences[i] belongs to cells[i].
void weigh(std::vector<SummaryCell>& cells, const std::vector<std::vector<double>>& differences,
           double margin) {
  std::vector<std::size_t> tested;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Interval& d = cells[i].difference;
    if (!cells[i].verdict.word.empty() || d.n < kEnoughUnits || !std::isfinite(d.mean) ||
        !std::isfinite(d.deviation) || (d.mean == 0 && d.deviation == 0))
      continue;
    tested.push_back(i);
  }
  using Test = double (*)(const std::vector<double>&, double, double);
  const auto adjust = [&](std::optional<double> Evidence::*p, Test test, double bound) {
    std::vector<double> values;
    values.reserve(tested.size());
    for (std::size_t i : tested) values.push_back(test(differences[i], bound, kWiden));
    values = holm(values);
    for (std::size_t t = 0; t < tested.size(); ++t) cells[tested[t]].evidence.*p = values[t];
  };
  adjust(&Evidence::degrades, p_above, margin), adjust(&Evidence::improves, p_below, -margin);
  adjust(&Evidence::not_worse, p_below, margin), adjust(&Evidence::not_better, p_above, -margin);
  adjust(&Evidence::better, p_below, 0), adjust(&Evidence::worse, p_above, 0);
  for (std::size_t i : tested) cells[i].evidence.rows = static_cast<int>(tested.size());
}

/// The cells without their numbers, and every loss.
std::vector<SummaryCell> gather(const std::vector<Record>& records, AllLosses& losses,
                                Index& reference_length) {
  std::vector<SummaryCell> cells;
  Index short_length = 0;
  std::map<std::pair<std::string, Index>, std::pair<double, double>> work;  // tokens, seconds
  std::map<std::pair<std::string, Index>, std::vector<double>> bits;
  std::map<std::string, std::size_t> order;
  for (const Record& r : records) {
    if (!gives_verdicts(r.task)) continue;
    order.emplace(r.method, order.size());
    ByDocument& own = losses[{r.method, r.length}];
    if (own.empty() && r.method != kShort) {
      SummaryCell cell;
      cell.method = r.method, cell.resolved = r.resolved, cell.length = r.length;
      cells.push_back(std::move(cell));
    }
    own[r.document] = {r.loss};
    auto& [tokens, seconds] = work[{r.method, r.length}];
    tokens += static_cast<double>(r.achieved), seconds += r.seconds;
    if (const auto value = value_of(r, kBitsPerByte)) bits[{r.method, r.length}].push_back(*value);
    if (r.method == kShort) short_length = std::max(short_length, r.achieved);
    // Where nothing is cut the baseline is plain RoPE itself; files of several runs may hold more than one.
    if (r.method == kTruncated && r.length == r.achieved)
      reference_length = std::max(reference_length, r.length);
  }
  // Files of older versions have one that is truncation itself.
  if (short_length + kShortContext > reference_length) losses.erase({kShort, 0});
  for (SummaryCell& cell : cells) {
    if (const auto [tokens, seconds] = work[{cell.method, cell.length}]; seconds > 0)
      cell.tokens_per_second = tokens / seconds;
    if (const auto own = bits.find({cell.method, cell.length}); own != bits.end())
      cell.bits_per_byte = t_interval(own->second).mean;
  }
  // Truncation alone at a length is a run that has not come there yet: nothing to hold against it.
  const auto has_method = [&](Index length) {
    return std::any_of(cells.begin(), cells.end(),
                       [&](const SummaryCell& c) { return c.length == length && c.method != kTruncated; });
  };
  std::vector<SummaryCell> shown;
  for (const SummaryCell& c : cells)
    if (c.method != kTruncated || (c.length > reference_length && has_method(c.length))) shown.push_back(c);
  cells = std::move(shown);
  std::stable_sort(cells.begin(), cells.end(), [&](const SummaryCell& a, const SummaryCell& b) {
    return std::tuple(a.length, a.method == kTruncated, order[a.method]) <
           std::tuple(b.length, b.method == kTruncated, order[b.method]);
  });
  for (SummaryCell& cell : cells)
    if (cell.length < reference_length)
      cell.verdict.word = "less read";
    else if (cell.method == kTruncated || (cell.method == kPlain && cell.length == reference_length))
      cell.verdict.word = "reference";
  return cells;
}

}  // namespace

std::set<std::string> unread_documents(const std::vector<Record>& records, Index n_vocab) {
  std::set<std::string> documents;
  const double chance =
      n_vocab > 0 ? std::log(static_cast<double>(n_vocab)) : std::numeric_limits<double>::infinity();
  for (const Record& r : records) {
    if (!gives_verdicts(r.task) || r.method != kTruncated || !std::isfinite(r.loss)) continue;
    if (r.loss > chance || value_of(r, kBitsPerByte).value_or(0) > 8) documents.insert(r.document);
  }
  return documents;
}

std::string not_read_text(std::size_t n_unread, const std::string& all) {
  return fmt::format(
      "this model does not read this text: in {} of {} truncation's loss is worse than guessing evenly; "
      "check "
      "the text's language and encoding, and the model's conversion",
      n_unread, all);
}

std::vector<SummaryCell> summarise(const std::vector<Record>& records, const Units& units, double margin,
                                   Index n_vocab) {
  AllLosses losses;
  Index reference_length = 0;
  std::vector<SummaryCell> cells = gather(records, losses, reference_length);
  const bool unread = !unread_documents(records, n_vocab).empty();
  const ByDocument reference = losses[{kTruncated, reference_length}];
  std::vector<std::vector<double>> differences;
  for (SummaryCell& cell : cells) {
    const ByDocument& own = losses[{cell.method, cell.length}];
    cell.loss = interval(unit_means(own, units));
    differences.push_back(paired_difference(own, reference, units));
    cell.difference = interval_of(differences.back());
    // A loss that is no number, or a reference, is not worse than chance: it is none.
    if (unread && cell.verdict.word.empty() && all_finite(own) && !no_number(cell.difference))
      cell.verdict.word = "not read";
    for (const auto& [document, loss] : own)
      if (const auto other = reference.find(document); other != reference.end())
        cell.by_document[document] = {loss.front() - other->second.front()};
    cell.versus_truncated = paired(own, losses, kTruncated, cell.length, units);
    cell.versus_plain = paired(own, losses, kPlain, cell.length, units);
  }
  weigh(cells, differences, margin);
  for (SummaryCell& cell : cells) {
    if (!cell.verdict.word.empty()) continue;  // not judged
    const ByDocument& own = losses[{cell.method, cell.length}];
    cell.verdict = judge(cell.difference, interval_of(paired_difference(own, losses[{kShort, 0}], units)),
                         all_finite(own), margin, cell.evidence);
  }
  return cells;
}

Index reference_length(const std::vector<SummaryCell>& cells, const RunInfo& run) {
  return cells.empty() ? 0 : std::min(run.n_ctx_train, cells.back().length);
}

std::vector<MethodReach> reaches(const std::vector<SummaryCell>& cells) {
  std::vector<std::string> methods;
  std::map<std::string, std::vector<JudgedLength>> judged;
  for (const SummaryCell& c : cells) {
    if (judged[c.method].empty()) methods.push_back(c.method);
    judged[c.method].push_back({c.length, c.verdict});
  }
  std::vector<MethodReach> result;
  result.reserve(methods.size());
  for (const std::string& method : methods)
    result.push_back({method, breaks_at(judged[method]), holds_to(judged[method])});
  return result;
}

std::vector<std::string> legend_of(const std::vector<SummaryCell>& cells) {
  bool open = false, corrected = false, seen = false, tested = false, unread = false;
  for (const SummaryCell& c : cells) {
    tested = tested || (c.verdict.judged() && c.difference.low);
    open = open || c.verdict.documents_needed > 0;
    corrected = corrected || !c.verdict.uncorrected.empty();
    seen = seen || c.verdict.seen_only;
    unread = unread || c.verdict.word == "not read";
  }
  std::vector<std::string> lines;
  if (tested) lines.emplace_back(kUncorrected);
  if (seen)
    lines.push_back(
        fmt::format("~: no verdict on fewer than {}; the mean's side of the margin only.", kEnoughUnits));
  if (open) lines.emplace_back("inconclusive +N: about N more would decide, if mean and spread stay.");
  if (corrected)
    lines.emplace_back("*: by its own interval, but not after the correction (docs/judging.md).");
  if (unread)
    lines.emplace_back("not read: with the trained context the loss is worse than chance; no verdict.");
  return lines;
}

std::string difference_text(const Interval& difference) {
  if (std::isfinite(difference.mean)) return fmt::format("{:+.3f}", difference.mean);
  return no_number(difference) ? "no number" : "-";
}

std::string margin_as_perplexity(double margin) {
  return margin < 0.2 ? fmt::format("{:.2g} % of perplexity", 100 * (std::exp(margin) - 1))
                      : fmt::format("perplexity times {:.2g}", std::exp(margin));
}

std::string more_text(const Verdict& v) {
  if (v.documents_needed == 0) return "";
  if (v.documents_needed >= kManyDocuments) return fmt::format(">{}", kManyDocuments - 1);
  return fmt::format("+{}", v.more_documents < 100 ? v.more_documents : (v.more_documents + 5) / 10 * 10);
}

std::string summary_table(const std::vector<SummaryCell>& cells, const RunInfo& run, const Units& units) {
  const bool intervals = units.n() >= 3;
  std::string text = fmt::format("Last {} tokens of {}; difference from plain RoPE at {}\n", run.tail,
                                 units.scope(), k_tokens(reference_length(cells, run)));
  Index length = -1;
  for (const SummaryCell& c : cells) {
    if (c.length != length) {
      length = c.length;
      text += fmt::format("\n{:<{}} {:>7} {:>10} {:>17}  {}\n", k_tokens(length) + " tokens", kNameWidth,
                          "loss", "perplexity", intervals ? "difference +- 95%" : "difference", "verdict");
    }
    // A name that is too long stands on a line of its own: cut short, two methods could look the same.
    const bool fits = c.method.size() <= kNameWidth;
    if (!fits) text += c.method + "\n";
    std::string difference = difference_text(c.difference);
    if (c.difference.low && std::isfinite(c.difference.mean))  // a bootstrap's ends may lean: the farther one
      difference += fmt::format(" +- {:.3f}", std::max(c.difference.mean - *c.difference.low,
                                                       *c.difference.high - c.difference.mean));
    // In 80 columns: the note of a loss that is no number stands in the loss already.
    const Verdict& v = c.verdict;
    const std::string verdict =
        v.word == "explodes" ? v.word : v.shown() + (v.documents_needed > 0 ? " " + more_text(v) : "");
    const bool is_number = std::isfinite(c.loss.mean);
    text +=
        fmt::format("{:<{}} {:>7} {:>10} {:>17}  {}\n", fits ? c.method : "", kNameWidth,
                    is_number ? fmt::format("{:.3f}", c.loss.mean) : "none",
                    is_number ? fmt::format("{:.4g}", std::exp(c.loss.mean)) : "none", difference, verdict);
  }
  if (units.n() >= kEnoughUnits)
    text += fmt::format("\nstable: within {:g} nats, {}; not worse: below +{:g} nats.\n", run.margin,
                        margin_as_perplexity(run.margin), run.margin);
  else
    text += fmt::format("\nmargin: {:g} nats, {}.\n", run.margin, margin_as_perplexity(run.margin));
  const auto reference = std::find_if(cells.begin(), cells.end(), [](const SummaryCell& c) {
    return c.verdict.word == "reference" && std::isfinite(c.bits_per_byte);
  });
  if (reference != cells.end())
    text += fmt::format("bits per byte of the reference: {:.3f} (vocabularies do not change it).\n",
                        reference->bits_per_byte);
  for (const std::string& line : legend_of(cells)) text += wrapped(line);
  return text;
}

Json summary_json(const std::vector<SummaryCell>& cells, const RunInfo& run, const Units& units) {
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
           {kBitsPerByte, number(c.bits_per_byte)},
           {"difference", number(c.difference.mean)},
           {"n_documents", c.by_document.size()}};
    j["interval"] = ends(c.difference);
    j["versus_truncated"] = versus(c.versus_truncated);
    j["versus_plain"] = versus(c.versus_plain);
    for (const auto& [key, p] : {std::pair{"p_degrades", c.evidence.degrades},
                                 {"p_not_worse", c.evidence.not_worse},
                                 {"p_not_better", c.evidence.not_better},
                                 {"p_improves", c.evidence.improves},
                                 {"p_better", c.evidence.better},
                                 {"p_worse", c.evidence.worse}})
      if (p) j[key] = *p;  // one-sided, adjusted by Holm
    j["verdict"] = c.verdict.word;
    j["seen_only"] = c.verdict.seen_only;
    if (!c.verdict.note.empty()) j["note"] = c.verdict.note;
    if (!c.verdict.uncorrected.empty()) j["uncorrected"] = c.verdict.uncorrected;
    if (c.verdict.documents_needed > 0) {
      j["documents_needed"] = c.verdict.documents_needed;
      j["more_documents"] = c.verdict.more_documents;
    }
    j["tokens_per_second"] = c.tokens_per_second;
    list.push_back(std::move(j));
  }
  for (const MethodReach& m : reaches(cells))
    if (!is_baseline(m.method))
      reach.push_back(
          {{"method", m.method}, {"breaks_at", length(m.breaks_at)}, {"holds_to", length(m.holds_to)}});
  const char* interval_by = units.n() < 3 ? "none" : units.n() < kBootstrapFrom ? "t" : "bootstrap";
  return {{"model", run.model},
          {"n_ctx_train", run.n_ctx_train},
          {"tail", run.tail},
          {"margin", run.margin},
          {"n_documents", units.n_documents()},
          {"n_texts", units.n_texts()},
          {"n_units", units.n()},
          {"interval_by", interval_by},
          {"interval_correction", "none: each row alone"},
          {"correction",
           fmt::format("Holm over rows, one-sided {:.4f}, standard errors x {:g}", kClaimLevel, kWiden)},
          {"results", list},
          {"reach", reach}};
}

}  // namespace rw
