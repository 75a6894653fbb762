// SPDX-License-Identifier: Apache-2.0
/// The report for other programs: what was decided, and every record.
#include "core/error.h"
#include "report/origin.h"
#include "report/report.h"
#include "results/answer.h"
#include "results/found.h"
#include "results/reach.h"

namespace rw {
namespace {

Json findings_json(const Findings& findings) {
  Json json{{"kind", kind_name(findings.kind)}};
  json["method"] = findings.best ? Json(findings.best->method) : Json(nullptr);
  json["holds_to"] = findings.best ? Json(*findings.best->holds_to) : Json(nullptr);
  json["as_far"] = findings.as_far;
  json["finder"] = findings.finder ? Json(findings.finder->method) : Json(nullptr);
  Json found = Json::array();
  for (const Found& f : findings.found.methods)
    found.push_back(
        {{"method", f.method},
         {"length", findings.found.length},
         {"found", f.own.mean()},
         {"truncation", f.truncated.mean()},
         {"n_questions", f.own.n},
         {"difference", f.difference.mean},
         {"interval", f.difference.low ? Json{*f.difference.low, *f.difference.high} : Json(nullptr)},
         {"n_units", f.difference.n},
         {"p_more", f.p ? Json(*f.p) : Json(nullptr)},
         {"shown", f.shown()}});
  json["found"] = std::move(found);
  return json;
}

/// The derived lengths of docs/judging.md; null: at no tested length.
Json derived_json(const ReportData& data) {
  const auto length = [](std::optional<Index> n) { return n ? Json(*n) : Json(nullptr); };
  Json derived = Json::array();
  for (const Reach& r : reaches(data))
    derived.push_back({{"method", r.method},
                       {"breaks_at", length(r.breaks_at)},
                       {"holds_to", length(r.holds_to)},
                       {"used_to", length(r.used_to)},
                       {"retrieves_to", length(r.retrieves_to)},
                       {"ruler_to", length(r.ruler_to)}});
  return derived;
}

Json retrieval_json(const ReportData& data) {
  Json rows = Json::array();
  for (const RetrievalRow& row : retrieval_rows(data)) {
    const Proportion p = proportion(row.score.sum, row.score.n);
    Json j{{"task", row.task}, {"length", row.length}, {"method", row.method}, {"found", p.value}};
    j["interval"] = Json{p.low, p.high}, j["n_questions"] = row.score.n;
    j["versus_truncated"] = nullptr;
    if (row.difference) {
      const Interval& d = *row.difference;
      j["versus_truncated"] = {{"difference", d.mean}, {"interval", nullptr}, {"n_units", d.n}};
      if (d.low && d.deviation > 0) j["versus_truncated"]["interval"] = Json{*d.low, *d.high};
    }
    rows.push_back(std::move(j));
  }
  return rows;
}

}  // namespace

std::string json_report(const ReportData& data) {
  Json json = data.cells.empty() ? Json::object() : summary_json(data.cells, data.run, data.units);
  Json records = Json::array();
  for (const Record& r : data.records) {
    Json j = to_json(r, data.run);
    j["run"] = cost_json(r, data.run);
    records.push_back(std::move(j));
  }
  const Origin origin = origin_of(data);
  json["answer"] = answer_line(data);
  const auto next = answer_of(data, printable).next;
  json["to_decide"] = next && !next->command.empty() ? Json(next->command) : Json(nullptr);
  json["derived"] = derived_json(data);
  json["retrieval"] = retrieval_json(data);
  json["findings"] = findings_json(findings_of(data));
  json["origin"] = {{"commands", origin.commands}, {"texts", origin.texts}, {"dates", origin.dates}};
  if (data.run.n_layers > 0)
    json["n_layers"] = data.run.n_layers, json["n_acting_layers"] = data.run.n_acting_layers;
  json["records"] = std::move(records);
  return dump_json(json) + "\n";
}

}  // namespace rw
