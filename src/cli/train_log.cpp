// SPDX-License-Identifier: Apache-2.0
#include "cli/train_log.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>

#include "core/json.h"
#include "core/output_file.h"
#include "core/text.h"
#include "core/text_file.h"

namespace ropewalk {
namespace {

constexpr std::size_t kPoints = 60;  // of a curve

std::string line_of(const StepRecord& r) {
  Json line = {{"step", r.step},   {"stage", r.stage},       {"method", r.method},
               {"n_ctx", r.n_ctx}, {"n_tokens", r.n_tokens}, {"loss", r.loss},
               {"rate", r.rate},   {"norm", r.norm},         {"seconds", r.seconds}};
  for (const HeldOutValue& v : r.held_out) line[v.share ? "found" : "held_out"][v.name] = v.value;
  return dump_json(line) + "\n";
}

StepRecord record_of(const JsonInput& line) {
  StepRecord r;
  r.step = line.at("step").get<Index>();
  r.stage = line.at("stage").get<std::string>(), r.method = line.at("method").get<std::string>();
  r.n_ctx = line.at("n_ctx").get<Index>(), r.n_tokens = line.at("n_tokens").get<Index>();
  r.loss = line.at("loss").get<double>(), r.rate = line.at("rate").get<double>();
  r.norm = line.at("norm").get<double>(), r.seconds = line.at("seconds").get<double>();
  for (const char* key : {"held_out", "found"})
    if (line.contains(key))
      for (const auto& [name, value] : line.at(key).items())
        r.held_out.push_back({name, std::string_view(key) == "found", value.get<double>()});
  return r;
}

/// What stands in the lines of steps 1, 2 ... up to `steps`; a line that is none ends it.
std::vector<StepRecord> read_log(const std::string& path, Index steps) {
  std::vector<StepRecord> records;
  std::error_code none;
  if (steps == 0 || !std::filesystem::exists(path, none)) return records;
  const std::string text = read_bytes(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == text.npos) break;
    try {
      StepRecord record = record_of(parse_json(std::string_view(text).substr(at, end - at), path));
      if (record.step > steps) break;
      records.push_back(std::move(record));
    } catch (const std::exception&) {
      break;
    }
    at = end + 1;
  }
  return records;
}

}  // namespace

TrainLog::TrainLog(const std::string& folder, Index steps)
    : path_(folder + "/log.jsonl"), records_(read_log(path_, steps)) {
  OutputFile kept(path_);
  for (const StepRecord& record : records_) kept.write(line_of(record));
  kept.commit();
  file_.reset(std::fopen(path_.c_str(), "a"));
  if (!file_) fail_to_write(path_, errno);
}

void TrainLog::add(const StepRecord& record) {
  const std::string line = line_of(record);
  errno = 0;
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    fail_to_write(path_, errno);
  records_.push_back(record);
}

std::vector<ChartSeries> TrainLog::losses() const {
  ChartSeries batches{"batches", 0, {}};
  std::vector<ChartSeries> series;
  for (const StepRecord& r : records_) {
    batches.points.push_back({r.step, r.loss});
    for (const HeldOutValue& v : r.held_out) {
      if (v.share) continue;
      auto found = std::find_if(series.begin(), series.end(),
                                [&](const ChartSeries& s) { return s.name == "held out: " + v.name; });
      if (found == series.end())
        found = series.insert(series.end(), {"held out: " + v.name, series.size() + 1, {}});
      found->points.push_back({r.step, v.value});
    }
  }
  series.insert(series.begin(), batches);
  for (ChartSeries& s : series) s.points = thinned(s.points, kPoints);
  return series;
}

std::string TrainLog::text() const {
  return text_chart(losses(), "loss, nats per token, against step (log scale)");
}

namespace {

/// The losses of what is held out beside that of the batch; where one was lower before, when.
std::string training_lead(const std::vector<StepRecord>& records) {
  std::map<std::string, std::vector<ChartPoint>> held_out;
  for (const StepRecord& r : records)
    for (const HeldOutValue& v : r.held_out)
      if (!v.share) held_out[v.name].push_back({r.step, v.value});
  std::string lead = fmt::format("After {} the loss is {:.3f} nats per token",
                                 counted(records.back().step, "step"), records.back().loss);
  std::string risen;
  for (const auto& [name, points] : held_out) {
    const ChartPoint &last = points.back(),
                     &least = *std::min_element(points.begin(), points.end(),
                                                [](const auto&a, const auto&b) { return a.y < b.y; });
    lead += fmt::format(", on held-out {} {:.3f}", name, last.y);
    if (least.y < last.y)
      risen += fmt::format(" On held-out {} it was least at step {}: {:.3f}, and has risen since.", name,
                           least.x, least.y);
  }
  return lead + "." + risen;
}

}  // namespace

std::string TrainLog::page(const std::string& name,
                           const std::vector<std::pair<std::string, std::string>>& facts) const {
  CurvePage page{.title = "Training " + name, .lead = "", .sections = {}, .facts = facts};
  if (!records_.empty()) page.lead = training_lead(records_);
  page.sections.push_back(
      {"Loss against step", "loss, nats per token",
       "Weighted means. A point of the batches is the mean of the steps since the point before; "
       "what is held out is never trained on.",
       losses()});
  std::map<std::string, ChartSeries> shares;
  ChartSeries rates{"rate", 0, {}}, norms{"norm", 0, {}};
  for (const StepRecord& r : records_) {
    for (const HeldOutValue& v : r.held_out)
      if (v.share) {
        ChartSeries& s = shares.try_emplace(v.name, ChartSeries{v.name, shares.size(), {}}).first->second;
        s.points.push_back({r.step, 100 * v.value});
      }
    rates.points.push_back({r.step, r.rate}), norms.points.push_back({r.step, r.norm});
  }
  if (!shares.empty()) {
    CurvePage::Section found{
        "Found", "% of the samples", "Samples of which every token that is asked for is the likeliest.", {}};
    found.format = "{:.0f} %";
    for (auto& [key, s] : shares) found.series.push_back({s.name, s.style, thinned(s.points, kPoints)});
    page.sections.push_back(found);
  }
  for (ChartSeries* s : {&rates, &norms}) s->points = thinned(s->points, kPoints);
  page.sections.push_back({"Learning rate", "rate", "Warm-up included.", {rates}, false, "{:.3g}"});
  page.sections.push_back(
      {"Norm of the gradient", "norm", "Before it is clipped.", {norms}, false, "{:.3g}"});
  return html_curve_page(page);
}

}  // namespace ropewalk
