// SPDX-License-Identifier: Apache-2.0
/// ropewalk tune: the method and its parameters chosen by evidence, on the user's own text.
#include "judge/tune.h"

#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/documents.h"
#include "core/hash.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "judge/statistics.h"
#include "methods/export.h"

namespace ropewalk {
namespace {

constexpr int kMostStretches = 12;

struct Options {
  std::string model, length, goal = "loss", budget = "0", out;
  std::vector<std::string> texts, candidates;
  Index tail = 256;
  int documents = 0, n_threads = 0;
  bool json = false;
  BackendOptions backend;
} options;

Goal parse_goal() {
  return options.goal == "loss" ? Goal::kLoss : options.goal == "retrieval" ? Goal::kRetrieval : Goal::kBoth;
}

/// Every second stretch is tuned on; the others are for the evaluation. With one stretch there is no honest
/// answer.
struct Split {
  std::vector<Document> tuning, evaluation;
};

Split split(const std::vector<Document>& all) {
  if (all.size() < 2)
    throw Error("tune", "text for two documents or more: one to choose on, one to judge on", "text for one",
                "give more --text, or a shorter --length");
  Split split;
  for (std::size_t i = 0; i < all.size(); ++i)
    (i % 2 == 0 ? split.tuning : split.evaluation).push_back(all[i]);
  return split;
}

/// Loss of `a` minus that of `b` by document, with its interval.
Interval margin(const std::vector<Record>& records, const std::string& a, const std::string& b) {
  std::vector<double> differences;
  for (const Record& x : records)
    for (const Record& y : records)
      if (x.task == "tail" && y.task == "tail" && x.method == a && y.method == b &&
          x.document == y.document && x.length == y.length)
        differences.push_back(x.loss - y.loss);
  return differences.empty() ? Interval{} : interval(differences);
}

std::string margin_text(const char* over, const Interval& d) {
  if (d.n == 0) return "";
  std::string text = fmt::format("over {}: {:+.4f} nats", over, d.mean);
  if (!d.low) return text + fmt::format(" on {} document{}: no interval\n", d.n, d.n == 1 ? "" : "s");
  const bool significant = *d.low > 0 || *d.high < 0;
  return text + fmt::format(" [{:+.4f}, {:+.4f}], {} documents: {}\n", *d.low, *d.high, d.n,
                            !significant ? "not significant"
                            : d.mean < 0 ? "better, significant"
                                         : "worse, significant");
}

Json margin_json(const Interval& d) {
  Json j{{"nats", d.mean}, {"documents", d.n}, {"low", nullptr}, {"high", nullptr}};
  if (d.low) j["low"] = *d.low, j["high"] = *d.high;
  return j;
}

/// The winner on the documents that nothing was chosen on, beside plain YaRN and truncation.
std::vector<Record> evaluate(const LoadedModel& loaded, const std::vector<Document>& documents,
                             const std::string& winner, Index length, Store* store, const RunInfo& info) {
  const RunnerOptions run{
      .plan = {.tasks = {"tail"}, .methods = {winner, "yarn"}, .lengths = {length}, .tail = options.tail},
      .store = store};
  return run_all(*loaded.model, *loaded.tokenizer, documents, run, info).records;
}

void print_rows(const std::vector<TuneRow>& rows, Goal goal) {
  fmt::print("{:<44} {:>5} {:>5} {:>9}{}\n", "candidate", "round", "texts", "loss",
             goal == Goal::kLoss ? "" : "  found");
  for (const TuneRow& row : rows)
    fmt::print("{:<44} {:>5} {:>5} {:>9.4f}{}\n", row.method, row.round, row.n_documents, row.loss,
               goal == Goal::kLoss ? "" : fmt::format(" {:>6.2f}", row.score));
}

void print_peers(const std::vector<PeerSetting>& settings) {
  fmt::print("\nThe same elsewhere:\n");
  for (const PeerSetting& s : settings)
    fmt::print("  {}: {}\n{}", s.engine, s.setting.empty() ? "cannot; " + s.note : s.note,
               s.setting.empty() ? "" : "    " + s.setting + "\n");
}

int run() {
  set_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();
  const Index length = parse_length(options.length);
  const double budget = parse_seconds(options.budget);
  std::vector<std::string> texts;
  for (const std::string& path : options.texts) texts.push_back(read_text_file(path));
  std::optional<Store> store;
  if (!options.out.empty()) store.emplace(options.out);
  const LoadedModel loaded = load_model(options.model, backend);
  const ModelConfig& config = loaded.model->config();
  const Split documents = split(
      documents_to_tune(*loaded.tokenizer, options.texts, texts, length, options.documents, kMostStretches));
  const RunInfo info{.version = ROPEWALK_VERSION,
                     .model = std::filesystem::path(options.model).filename().string(),
                     .model_id = sha256_file(options.model),
                     .precision = options.backend.precision,
                     .kv = options.backend.kv_type(),
                     .isa = active_isa(),
                     .command = "ropewalk tune",
                     .n_ctx_train = config.n_ctx_train,
                     .tail = options.tail,
                     .margin = 0,
                     .threads = threads()};
  const TuneOptions tuning{
      .length = length,
      .tail = options.tail,
      .goal = parse_goal(),
      .candidates = options.candidates.empty() ? tune_candidates(config, length) : options.candidates,
      .budget_seconds = budget * 0.7,  // the rest is for the evaluation
      .store = store ? &*store : nullptr};
  fmt::print(stderr, "{} candidates, {} documents to choose on and {} to judge on\n",
             tuning.candidates.size(), documents.tuning.size(), documents.evaluation.size());
  const std::vector<TuneRow> rows = tune(*loaded.model, *loaded.tokenizer, documents.tuning, tuning, info);
  const std::string winner = rows.front().method;
  const std::string full = Method::bind(MethodSpec::parse(winner), config.rope_context(0, length)).text();
  const std::vector<Record> records =
      evaluate(loaded, documents.evaluation, winner, length, store ? &*store : nullptr, info);
  const Interval over_yarn = margin(records, winner, "yarn"),
                 over_truncation = margin(records, winner, kTruncated),
                 over_plain = margin(records, winner, kPlain);
  const std::vector<PeerSetting> peers =
      peer_settings(MethodSpec::parse(full), config.rope_context(0, length));
  Json found{{"ropewalk", ROPEWALK_VERSION},
             {"model", info.model},
             {"model_sha256", info.model_id},
             {"length", length},
             {"goal", options.goal},
             {"method", full},
             {"over_yarn", margin_json(over_yarn)},
             {"over_truncation", margin_json(over_truncation)},
             {"over_plain", margin_json(over_plain)}};
  for (const PeerSetting& s : peers)
    found["elsewhere"][s.engine] = s.setting.empty() ? Json(nullptr) : Json(s.setting);
  OutputFile file(tuned_path(options.model));
  file.write(dump_json(found, 1) + "\n");
  file.commit();
  if (options.json) {
    for (const TuneRow& row : rows)
      found["candidates"].push_back({{"method", row.method},
                                     {"round", row.round},
                                     {"loss", row.loss},
                                     {"score", row.score},
                                     {"documents", row.n_documents}});
    fmt::print("{}\n", dump_json(found));
  } else {
    print_rows(rows, tuning.goal);
    fmt::print("\nwinner: {}\n{}{}{}", full, margin_text("plain YaRN", over_yarn),
               margin_text("truncation", over_truncation), margin_text("plain RoPE", over_plain));
    print_peers(peers);
  }
  fmt::print(stderr, "{} written; --method auto reads it\n", tuned_path(options.model));
  return 0;
}

void define(CLI::App& app) {
  app.add_option("MODEL", options.model, "GGUF file or Hugging Face folder")->required();
  app.add_option("--text", options.texts, "text files")->required();
  app.add_option("--length", options.length, "tokens, such as 32k")->required();
  app.add_option("--budget", options.budget, "time, such as 10m");
  app.add_option("--goal", options.goal, "loss, retrieval or both")
      ->check(CLI::IsMember({"loss", "retrieval", "both"}))
      ->capture_default_str();
  app.add_option("--candidates", options.candidates, "methods to choose from; default: all kinds");
  app.add_option("--documents", options.documents, "stretches of each text; 0: what fits, to 12")
      ->check(CLI::Range(0, 1000));
  app.add_option("--tail", options.tail, "last tokens that are scored")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--out", options.out, "results as JSON lines; goes on if it is there");
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Example:\n"
      "  ropewalk tune model.gguf --text novel.txt --length 16k --budget 10m\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is Anne?' --method auto");
}

const Register<Command> registered{{"tune", "choose a method and its parameters by evidence", define, run}};

}  // namespace
}  // namespace ropewalk
