// SPDX-License-Identifier: Apache-2.0
#include "cli/questions_table.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace rw {
namespace {

/// Scores of one method on one group, by document.
struct Gathered {
  std::string group, method;
  std::map<std::string, double> scores;
  Index n_empty = 0;
};

std::vector<double> values_of(const std::map<std::string, double>& scores) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const auto& [document, score] : scores) values.push_back(score);
  return values;
}

Interval score_interval(const std::vector<double>& scores, bool shares) {
  Interval mean = t_interval(scores);
  if (shares) {
    const Proportion share =
        proportion(std::accumulate(scores.begin(), scores.end(), 0.0), static_cast<Index>(scores.size()));
    mean.low = share.low, mean.high = share.high;
    return mean;
  }
  if (!(mean.deviation > 0))
    mean.low = mean.high = std::nullopt;  // the spread is unknown where all are equal
  if (mean.low) mean.low = std::max(0.0, *mean.low), mean.high = std::min(1.0, *mean.high);
  return mean;
}

/// Two-sided, of paired scores: McNemar's where each is right or wrong, else sign-flip.
double p_of(const std::vector<double>& own, const std::vector<double>& other) {
  const auto right_or_wrong = [](double score) { return score == 0 || score == 1; };
  std::vector<double> more, less;
  Index only_own = 0, only_other = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    more.push_back(own[i] - other[i]), less.push_back(other[i] - own[i]);
    only_own += own[i] > other[i], only_other += own[i] < other[i];
  }
  if (std::all_of(own.begin(), own.end(), right_or_wrong) &&
      std::all_of(other.begin(), other.end(), right_or_wrong))
    return p_mcnemar(only_own, only_other);
  return std::min(1.0, 2 * std::min(p_sign_flip(more), p_sign_flip(less)));
}

void compare(const Gathered& own, const Gathered& truncated, QuestionCell& cell) {
  std::vector<double> differences, mine, theirs;
  for (const auto& [document, score] : own.scores)
    if (const auto other = truncated.scores.find(document); other != truncated.scores.end())
      differences.push_back(score - other->second), mine.push_back(score), theirs.push_back(other->second);
  if (differences.empty()) return;
  cell.versus_truncated = t_interval(differences);
  if (!(cell.versus_truncated->deviation > 0)) cell.versus_truncated->low = cell.versus_truncated->high = {};
  cell.p = p_of(mine, theirs);
}

Json interval_json(const Interval& i) { return i.low ? Json{*i.low, *i.high} : Json(nullptr); }

double value_of(const Record& record, const char* name) {
  for (const auto& [own, value] : record.values)
    if (own == name) return value;
  return 0;
}

}  // namespace

std::vector<QuestionCell> summarise_questions(const std::vector<Record>& records,
                                              const std::vector<Document>& documents, bool shares) {
  std::map<std::string, const FileQuestion*> questions;
  for (const Document& document : documents) questions[document.name] = &document.asked->question;
  std::vector<Gathered> all;
  const auto gathered = [&](const std::string& group, const std::string& method) -> Gathered& {
    for (Gathered& g : all)
      if (g.group == group && g.method == method) return g;
    return all.emplace_back(Gathered{group, method, {}});
  };
  for (const Record& r : records) {
    const FileQuestion& question = *questions.at(r.document);
    std::vector<std::string> groups{question.group};
    groups.insert(groups.end(), question.also.begin(), question.also.end());
    for (const std::string& group : groups) {
      Gathered& g = gathered(group, r.method);
      g.scores[r.document] = r.score.value_or(0);
      g.n_empty += value_of(r, "empty") > 0;
    }
  }
  std::vector<QuestionCell> cells;
  for (const Gathered& g : all) {
    QuestionCell cell{.group = g.group,
                      .method = g.method,
                      .score = score_interval(values_of(g.scores), shares),
                      .n_empty = g.n_empty,
                      .versus_truncated = {}};
    for (const Gathered& other : all)
      if (other.group == g.group && other.method == kTruncated && g.method != kTruncated)
        compare(g, other, cell);
    cells.push_back(std::move(cell));
  }
  const auto place = [&](const QuestionCell& cell) {  // of a group: where it is first met
    return std::find_if(all.begin(), all.end(), [&](const Gathered& g) { return g.group == cell.group; });
  };
  std::stable_sort(cells.begin(), cells.end(),
                   [&](const QuestionCell& a, const QuestionCell& b) { return place(a) < place(b); });
  return cells;
}

std::string questions_table(const std::vector<QuestionCell>& cells) {
  std::string text, group;
  for (const QuestionCell& cell : cells) {
    if (cell.group != group) {
      text += fmt::format("{}{:<24} {:>4} {:>7} {:>12} {:>5} {:>23}\n", text.empty() ? "" : "\n",
                          cell.group.substr(0, 24), "n", "score %", "95 %", "empty", "from truncation");
      group = cell.group;
    }
    const auto ends = [](const Interval& i, const char* form) {
      return i.low ? fmt::format(fmt::runtime(form), 100 * *i.low, 100 * *i.high) : std::string("-");
    };
    std::string versus;
    if (const auto& v = cell.versus_truncated)
      versus = fmt::format("{:+.1f}{}", 100 * v->mean, v->low ? ends(*v, " ({:+.0f} to {:+.0f})") : "");
    const bool wide = cell.method.size() > 24;
    if (wide) text += cell.method + "\n";
    text += fmt::format("{:<24} {:>4} {:>7.1f} {:>12} {:>5} {:>23}\n", wide ? "" : cell.method, cell.score.n,
                        100 * cell.score.mean, ends(cell.score, "{:.0f} to {:.0f}"), cell.n_empty, versus);
    text.resize(text.find_last_not_of(" \n") + 1);
    text += "\n";
  }
  return text;
}

Json questions_json(const std::vector<QuestionCell>& cells) {
  Json list = Json::array();
  for (const QuestionCell& cell : cells) {
    Json one{
        {"questions", cell.group}, {"method", cell.method}, {"n", cell.score.n}, {"score", cell.score.mean}};
    one["low"] = cell.score.low ? Json(*cell.score.low) : Json();
    one["high"] = cell.score.high ? Json(*cell.score.high) : Json();
    one["n_empty"] = cell.n_empty;
    if (const auto& v = cell.versus_truncated)
      one["versus_truncated"] = {
          {"difference", v->mean}, {"interval", interval_json(*v)}, {"n", v->n}, {"p", cell.p}};
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace rw
