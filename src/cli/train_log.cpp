// SPDX-License-Identifier: Apache-2.0
#include "cli/train_log.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <map>

#include "core/json.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "core/text_file.h"

namespace rw {
namespace {

constexpr std::size_t kPoints = 60;  // of a curve

std::string line_of(const StepRecord& r) {
  Json line = {{"step", r.step},   {"stage", r.stage},       {"method", r.method},
               {"n_ctx", r.n_ctx}, {"n_tokens", r.n_tokens}, {"loss", r.loss},
               {"rate", r.rate},   {"norm", r.norm},         {"seconds", r.seconds}};
  for (const HeldOutValue& v : r.held_out) line[v.share ? "found" : "held_out"][v.name] = v.value;
  return dump_json(line) + "\n";
}

/// JSON has no number for what is none.
double number_of(const JsonInput& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

StepRecord record_of(const JsonInput& line) {
  StepRecord r;
  r.step = line.at("step").get<Index>();
  r.stage = line.at("stage").get<std::string>(), r.method = line.at("method").get<std::string>();
  r.n_ctx = line.at("n_ctx").get<Index>(), r.n_tokens = line.at("n_tokens").get<Index>();
  r.loss = number_of(line.at("loss")), r.rate = number_of(line.at("rate"));
  r.norm = number_of(line.at("norm")), r.seconds = number_of(line.at("seconds"));
  for (const char* key : {"held_out", "found"})
    if (line.contains(key))
      for (const auto& [name, value] : line.at(key).items())
        r.held_out.push_back({name, std::string_view(key) == "found", number_of(value)});
  return r;
}

constexpr std::string_view kBegin = "{\"step\":";  // of every line

[[noreturn]] void refuse_line(const std::string& path, std::size_t number, const std::string& found) {
  throw Error(fmt::format("{}:{}", path, number), "a line that ropewalk train wrote of a step", found,
              "mend the line; or take it away, and the curve is drawn without it");
}

}  // namespace

std::vector<LogLine> read_train_log(const std::string& path) {
  std::vector<LogLine> lines;
  const std::string text = read_bytes(path);
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const std::size_t end = text.find('\n', at);
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (end == text.npos) {  // of a killed run
      if (line.substr(0, kBegin.size()) != kBegin.substr(0, line.size()))
        refuse_line(path, number, std::string(line.substr(0, 60)));
      break;
    }
    StepRecord record;
    try {
      record = record_of(parse_json(line, path));
    } catch (const std::exception& e) {
      refuse_line(path, number, e.what());
    }
    if (const Index before = lines.empty() ? 0 : lines.back().record.step; record.step <= before)
      refuse_line(path, number, fmt::format("step {} behind step {}", record.step, before));
    lines.push_back({std::move(record), std::string(line) + "\n"});
    at = end + 1;
  }
  return lines;
}

TrainLog::TrainLog(const std::string& folder, Index steps) : path_(folder + "/log.jsonl") {
  OutputFile kept(path_);
  if (std::error_code none; std::filesystem::exists(path_, none))
    for (LogLine& line : read_train_log(path_)) {
      if (line.record.step > steps) break;
      kept.write(line.text);
      records_.push_back(std::move(line.record));
    }
  kept.commit_to_disk();
  if (const Index missing = steps - static_cast<Index>(records_.size()); missing > 0)
    tell("{}: {} of the first {} {} no line: the curve is drawn without\n", printable(path_), missing,
         counted(steps, "step"), missing == 1 ? "has" : "have");
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
  batches.points = thinned(batches.points, kPoints);
  series.insert(series.begin(), batches);
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
       "what is held out is never trained on, and each look at it is a point.",
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
    for (auto& [key, s] : shares) found.series.push_back(s);
    page.sections.push_back(found);
  }
  for (ChartSeries* s : {&rates, &norms}) s->points = thinned(s->points, kPoints);
  page.sections.push_back(
      {"Learning rate", "rate", "Warm-up included. Means, as above.", {rates}, false, "{:.3g}"});
  page.sections.push_back(
      {"Norm of the gradient", "norm", "Before it is clipped. Means, as above.", {norms}, false, "{:.3g}"});
  return html_curve_page(page);
}

}  // namespace rw
