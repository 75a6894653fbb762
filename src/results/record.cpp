// SPDX-License-Identifier: Apache-2.0
#include "results/record.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "core/error.h"

namespace rw {
namespace {

/// JSON has no NaN or infinity: null says that the number is none.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

}  // namespace

std::optional<double> value_of(const Record& record, std::string_view name) {
  for (const auto& [own, value] : record.values)
    if (own == name) return value;
  return std::nullopt;
}

Json to_json(const Record& r, const RunInfo& run) {
  Json j;
  j["task"] = r.task;
  if (!r.part.empty()) j["part"] = r.part;
  j["method"] = r.method;
  j["resolved"] = r.resolved;
  j["document"] = r.document;
  j["length"] = r.length;
  j["achieved"] = r.achieved;
  if (r.seed > 0) j["seed"] = r.seed;
  if (r.depth) j["depth"] = *r.depth;
  if (r.position_end > 0) j["positions"] = {r.position_begin, r.position_end};
  if (r.n_targets > 0) {
    j["n_targets"] = r.n_targets;
    j["loss"] = number(r.loss);
    j["perplexity"] = number(std::exp(r.loss));
  }
  if (r.score) j["score"] = *r.score;
  if (!r.values.empty()) {
    Json values;
    for (const auto& [name, value] : r.values) values[name] = number(value);
    j["values"] = std::move(values);
  }
  if (!r.written.empty() || !r.expected.empty()) j["written"] = r.written, j["expected"] = r.expected;
  j["shared"] = r.shared;
  j["tail"] = run.tail;
  j["n_ctx_train"] = run.n_ctx_train;
  if (run.n_vocab > 0) j["n_vocab"] = run.n_vocab;
  if (run.n_layers > 0) j["n_layers"] = run.n_layers, j["n_acting_layers"] = run.n_acting_layers;
  j["model"] = run.model;
  j["model_id"] = run.model_id;
  j["text_sha256"] = r.text_id;
  if (!r.question_id.empty()) j["question_sha256"] = r.question_id;
  j["precision"] = run.precision;
  j["kv"] = run.kv;
  j["isa"] = run.isa;
  if (run.special) j["special"] = true;
  j["version"] = run.version;
  return j;
}

Json cost_json(const Record& r, const RunInfo& run) {
  Json cost{{"seconds", r.seconds},
            {"tokens_per_second", r.seconds > 0 ? static_cast<double>(r.achieved) / r.seconds : 0},
            {"peak_bytes", r.peak_bytes},
            {"threads", run.threads},
            {"date", r.date},
            {"command", r.command.empty() ? run.command : r.command}};
  if (const std::string& shard = r.shard.empty() ? run.shard : r.shard; !shard.empty()) cost["shard"] = shard;
  return cost;
}

namespace {

/// A count: nothing that is counted here comes near 2^40. Errors: std::out_of_range naming the key.
template <class T>
T count_of(const JsonInput& value, const char* key) {
  constexpr std::int64_t kMost = std::min<std::int64_t>(std::int64_t{1} << 40, std::numeric_limits<T>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(kMost))
    throw std::out_of_range(key);
  return static_cast<T>(value.get<std::uint64_t>());
}
template <class T>
T count_at(const JsonInput& j, const char* key) {
  return count_of<T>(j.at(key), key);
}
template <class T>
T count_at(const JsonInput& j, const char* key, T otherwise) {
  return j.contains(key) ? count_of<T>(j.at(key), key) : otherwise;
}

double number_at(const JsonInput& j, const char* key) {
  return j.contains(key) && j.at(key).is_number() ? j.at(key).get<double>()
                                                  : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Record record_from(const JsonInput& j) {
  Record r;
  r.task = j.at("task").get<std::string>();
  r.part = j.value("part", "");
  r.method = j.at("method").get<std::string>();
  r.resolved = j.at("resolved").get<std::string>();
  r.document = j.at("document").get<std::string>();
  r.text_id = j.value("text_sha256", ""), r.question_id = j.value("question_sha256", "");
  r.length = count_at<Index>(j, "length");
  r.achieved = count_at<Index>(j, "achieved");
  r.seed = count_at(j, "seed", 0);
  if (j.contains("depth")) r.depth = j.at("depth").get<double>();
  if (j.contains("positions"))
    r.position_begin = count_of<Index>(j.at("positions").at(0), "positions"),
    r.position_end = count_of<Index>(j.at("positions").at(1), "positions");
  r.n_targets = count_at(j, "n_targets", Index{0});
  if (r.n_targets > 0) r.loss = number_at(j, "loss");
  if (j.contains("score")) r.score = j.at("score").get<double>();
  if (j.contains("values"))
    for (const auto& [name, value] : j.at("values").items())
      r.values.emplace_back(
          name, value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
  r.written = j.value("written", ""), r.expected = j.value("expected", "");
  r.shared = j.value("shared", false);
  const JsonInput& cost = j.at("run");
  r.seconds = number_at(cost, "seconds");
  if (cost.contains("peak_bytes") && cost.at("peak_bytes").is_number_unsigned())
    r.peak_bytes = cost.at("peak_bytes").get<std::size_t>();
  r.date = cost.value("date", ""), r.command = cost.value("command", "");
  r.shard = cost.value("shard", "");
  return r;
}

RunInfo run_info_from(const JsonInput& j) {
  return {.version = j.value("version", ""),
          .model = j.value("model", ""),
          .model_id = j.value("model_id", j.value("model_sha256", "")),
          .precision = j.value("precision", ""),
          .kv = j.value("kv", ""),
          .isa = j.value("isa", ""),
          .command = {},
          .n_ctx_train = count_at(j, "n_ctx_train", Index{0}),
          .tail = count_at(j, "tail", Index{0}),
          .n_vocab = count_at(j, "n_vocab", Index{0}),
          .margin = 0,
          .threads = count_at(j.at("run"), "threads", 0),
          .n_layers = count_at(j, "n_layers", 0),
          .n_acting_layers = count_at(j, "n_acting_layers", 0),
          .special = j.value("special", false),
          .shard = {}};
}

}  // namespace rw
