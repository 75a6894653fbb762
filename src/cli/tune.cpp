// SPDX-License-Identifier: Apache-2.0
/// ropewalk tune: the method and its parameters chosen by evidence, on the user's own text.
#include "judge/tune.h"

#include <algorithm>

#include "cli/command.h"
#include "cli/documents.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "methods/export.h"
#include "results/verdict.h"

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

/// `better`: -1 where less is better, else 1.
std::string margin_text(const char* what, const char* over, const Interval& d, int better) {
  if (d.n == 0) return "";
  std::string text = fmt::format("{:<6} versus {:<12} {:+.4f}", what, over, d.mean);
  if (!d.low) return text + fmt::format(" on {} document{}: no interval\n", d.n, d.n == 1 ? "" : "s");
  return text + fmt::format(" [{:+.4f}, {:+.4f}], {} documents: {}\n", *d.low, *d.high, d.n,
                            *d.low <= 0 && *d.high >= 0 ? "not significant"
                            : better * d.mean > 0       ? "better, significant"
                                                        : "worse, significant");
}

Json interval_json(const Interval& d) {
  if (d.n == 0) return nullptr;
  return {{"difference", d.mean},
          {"interval", d.low ? Json{*d.low, *d.high} : Json(nullptr)},
          {"n_documents", d.n}};
}

/// What the winner is held against; "versus_yarn" in JSON.
struct Rival {
  const char* key;
  const char* shown;
  std::string method;
};
const std::vector<Rival> rivals{{"versus_yarn", "plain YaRN", "yarn"},
                                {"versus_truncated", "truncation", kTruncated},
                                {"versus_plain", "plain RoPE", kPlain}};

/// `margins`: over each rival.
void print_margins(const std::vector<Margin>& margins) {
  std::string loss, score;
  for (std::size_t r = 0; r < rivals.size(); ++r) {
    loss += margin_text("loss", rivals[r].shown, margins[r].loss, -1);
    score += margin_text("found", rivals[r].shown, margins[r].score, 1);
  }
  fmt::print("{}{}", loss, score);
}

void print_rows(const std::vector<TuneRow>& rows) {
  fmt::print("{:<44} {:>5} {:>5} {:>9}{}\n", "candidate", "round", "texts", "loss",
             rows[0].score ? "  found" : "");
  for (const TuneRow& row : rows)
    fmt::print("{:<44} {:>5} {:>5} {:>9.4f}{}\n", row.method, row.round, row.n_documents, row.loss,
               row.score ? fmt::format(" {:>6.2f}", *row.score) : "");
}

Json found_json(const RunInfo& info, Index length, const std::string& method,
                const std::vector<Margin>& margins, const std::vector<PeerSetting>& peers) {
  Json found{{"ropewalk", ROPEWALK_VERSION}, {"model", info.model},
             {"model_id", info.model_id},    {"length", length},
             {"goal", options.goal},         {"method", method}};
  for (std::size_t r = 0; r < rivals.size(); ++r)
    found[rivals[r].key] = {{"loss", interval_json(margins[r].loss)},
                            {"score", interval_json(margins[r].score)}};
  found["elsewhere"] = settings_json(peers);
  return found;
}

Json rows_json(const std::vector<TuneRow>& rows) {
  Json list = Json::array();
  for (const TuneRow& row : rows)
    list.push_back({{"method", row.method},
                    {"round", row.round},
                    {"loss", row.loss},
                    {"score", row.score ? Json(*row.score) : Json(nullptr)},
                    {"n_documents", row.n_documents}});
  return list;
}

/// What of the budget is left; a limit stays a limit when it is used up.
double left_of(double budget, double start) {
  return budget > 0 ? std::max(1e-3, budget - (now_seconds() - start)) : 0;
}

int run() {
  const double start = now_seconds();
  use_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();
  const Index length = parse_length(options.length);
  const double budget = parse_seconds(options.budget);
  for (const std::string& spec : options.candidates) MethodSpec::parse(spec);
  std::vector<std::string> texts;
  for (const std::string& path : options.texts) texts.push_back(read_text_file(path));
  std::optional<Store> store;
  if (!options.out.empty()) store.emplace(options.out);
  const LoadedModel loaded = load_model(options.model, backend);
  OutputFile file(tuned_path(options.model));  // a folder that cannot be written to is said before the work
  const ModelConfig& config = loaded.model->config();
  const Split documents = split(
      documents_to_tune(*loaded.tokenizer, options.texts, texts, length, options.documents, kMostStretches));
  RunInfo info = run_info(options.model, options.backend, loaded);
  info.command = "ropewalk tune", info.tail = options.tail, info.margin = kStabilityMargin;
  const TuneOptions tuning{
      .length = length,
      .tail = options.tail,
      .goal = parse_goal(),
      .candidates = options.candidates.empty() ? tune_candidates(config, length) : options.candidates,
      .budget_seconds = left_of(budget, start),
      .store = store ? &*store : nullptr};
  fmt::print(stderr, "candidates: {}; documents: {} to choose on, {} to judge on\n", tuning.candidates.size(),
             documents.tuning.size(), documents.evaluation.size());
  const std::vector<TuneRow> rows = tune(*loaded.model, *loaded.tokenizer, documents.tuning, tuning, info);
  const std::string winner = rows.front().method;
  const std::string full = Method::bind(MethodSpec::parse(winner), config.rope_context(0, length)).text();
  fmt::print(stderr, "judging {}\n", winner);
  const std::vector<Record> records = evaluate_winner(*loaded.model, *loaded.tokenizer, documents.evaluation,
                                                      winner, tuning, left_of(budget, start), info)
                                          .records;
  const std::vector<PeerSetting> peers =
      peer_settings(MethodSpec::parse(full), config.rope_context(0, length), config.architecture);
  std::vector<Margin> margins;
  margins.reserve(rivals.size());
  for (const Rival& rival : rivals) margins.push_back(margin(records, length, winner, rival.method));
  Json found = found_json(info, length, full, margins, peers);
  file.write(dump_json(found, 1) + "\n");
  file.commit();
  if (options.json) {
    found["candidates"] = rows_json(rows);
    fmt::print("{}\n", dump_json(found));
  } else {
    print_rows(rows);
    fmt::print("\nwinner: {}\n", full);
    print_margins(margins);
    fmt::print("\nThe same elsewhere:\n{}", settings_text(peers));
  }
  fmt::print(stderr, "{} written; --method auto reads it\n", tuned_path(options.model));
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("--text", options.texts, "text files")->required();
  app.add_option("--length", options.length, "tokens, such as 32k")->required();
  app.add_option("--budget", options.budget, "time, such as 10m; 0: no limit")->capture_default_str();
  app.add_option("--goal", options.goal, "loss, retrieval (keys found; 7 x the work), both")
      ->check(one_of({"loss", "retrieval", "both"}))
      ->capture_default_str();
  app.add_option("--candidates", options.candidates, "methods to choose from; default: all kinds");
  app.add_option("--documents", options.documents, "stretches of each text; 0: what fits, to 12")
      ->check(in_range(0, 1000));
  app.add_option("--tail", options.tail, "last tokens that are scored")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("--out", options.out, "results as JSON lines; goes on if it is there");
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Example:\n"
      "  ropewalk tune model.gguf --text novel.txt --length 16k --budget 10m\n"
      "  ropewalk generate model.gguf -f novel.txt -p 'Who is Anne?' --method auto");
}

const Register<Command> registered{{"tune", "choose a method and its parameters by evidence", define, run}};

}  // namespace
}  // namespace ropewalk
