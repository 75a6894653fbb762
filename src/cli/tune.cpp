// SPDX-License-Identifier: Apache-2.0
/// ropewalk tune: the method and its parameters chosen by evidence, on the user's own text.
#include <algorithm>
#include <cmath>
#include <ctime>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/goes_on.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/text.h"
#include "judge/tune_evidence.h"
#include "methods/export.h"
#include "methods/tuned_file.h"
#include "results/verdict.h"

namespace ropewalk {
namespace {

constexpr int kMostStretches = 12;

struct Options {
  std::string model, length, goal = "loss", budget = "0", out;
  std::vector<std::string> texts, candidates;
  Index tail = 0;  // follows the trained length
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

/// What the winner is held against, as it is shown.
std::string shown(const std::string& rival) {
  return rival == kPlain ? "plain RoPE" : rival == kTruncated ? "truncation" : "YaRN";
}
/// "versus_yarn" in JSON.
std::string json_key(const std::string& rival) {
  return "versus_" + (rival == kPlain ? "plain" : rival == kTruncated ? "truncated" : rival);
}

/// `better`: -1 where less is better, else 1.
std::string margin_text(const char* what, const std::string& rival, const Difference& d, int better) {
  if (!d.measured()) return "";
  std::string text = fmt::format("{:<6}minus {:<11}", what, shown(rival));
  if (d.finite()) text += fmt::format("{:+.4f}", d.interval.mean);
  if (d.interval.low) text += fmt::format(" [{:+.4f}, {:+.4f}]", *d.interval.low, *d.interval.high);
  return text + fmt::format("{}{}\n", d.finite() ? ": " : "", word_of(d, better));
}

Json difference_json(const Difference& d, int better) {
  if (!d.measured()) return nullptr;
  return {{"difference", d.finite() ? Json(d.interval.mean) : Json(nullptr)},
          {"interval", d.interval.low ? Json{*d.interval.low, *d.interval.high} : Json(nullptr)},
          {"p_holm", d.p ? Json(*d.p) : Json(nullptr)},
          {"n_documents", d.units.n_documents()},
          {"n_texts", d.units.n_texts()},
          {"word", word_of(d, better)}};
}

void print_margins(const std::string& winner, const std::vector<Margin>& margins) {
  std::string loss, score;
  for (const Margin& m : margins) {
    loss += margin_text("loss", m.rival, m.loss, -1);
    score += margin_text("found", m.rival, m.score, 1);
  }
  fmt::print("\n{} on what it was not chosen on, {}:\n{}{}", winner, margins.front().loss.units.scope(), loss,
             score);
}

void print_rows(const std::vector<TuneRow>& rows) {
  const bool scored = rows[0].score.has_value();
  fmt::print("{:<44} {:>5} {:>5} {:>9}{}\n", "candidate", "round", "texts", "loss", scored ? "  found" : "");
  for (const TuneRow& row : rows)
    if (!row.same_as.empty())
      fmt::print("{:<44} the same as {}\n", row.method, row.same_as);
    else
      fmt::print("{:<44} {:>5} {:>5} {:>9.4f}{}\n", row.method, row.round, row.n_documents, row.loss,
                 scored ? fmt::format(" {:>6.2f}", row.score.value_or(0)) : "");
}

/// What makes it again.
std::string command_line() {
  std::string text = "ropewalk tune " + shell_quoted(options.model) + " --text";
  for (const std::string& path : options.texts) text += " " + shell_quoted(path);
  text += fmt::format(" --length {} --goal {} --budget {} --documents {} --tail {} --precision {} --kv {}",
                      shell_quoted(options.length), options.goal, shell_quoted(options.budget),
                      options.documents, options.tail, options.backend.precision, options.backend.kv_type());
  if (!options.candidates.empty()) text += " --candidates";
  for (const std::string& spec : options.candidates) text += " " + shell_quoted(spec);
  return text;
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/// What is kept with the setting, so that somebody can see later what it rests on.
Json evidence_json(const std::string& winner, const TuneConclusion& conclusion,
                   const std::vector<Margin>& margins, const Split& documents) {
  Json evidence{{"why", conclusion.why},
                {"winner", winner},
                {"goal", options.goal},
                {"truncation_does", conclusion.truncation_does},
                {"n_to_choose_on", documents.tuning.size()},
                {"n_to_judge_on", documents.evaluation.size()}};
  for (const Margin& m : margins)
    evidence[json_key(m.rival)] = {{"loss", difference_json(m.loss, -1)},
                                   {"score", difference_json(m.score, 1)}};
  evidence["date"] = date_now(), evidence["command"] = command_line();
  return evidence;
}

Json rows_json(const std::vector<TuneRow>& rows) {
  Json list = Json::array();
  for (const TuneRow& row : rows)
    list.push_back({{"method", row.method},
                    {"same_as", row.same_as.empty() ? Json(nullptr) : Json(row.same_as)},
                    {"round", row.round},
                    {"loss", std::isfinite(row.loss) ? Json(row.loss) : Json(nullptr)},
                    {"score", row.score ? Json(*row.score) : Json(nullptr)},
                    {"n_documents", row.n_documents}});
  return list;
}

/// What of the budget is left; a limit stays a limit when it is used up.
double left_of(double budget, double start) {
  return budget > 0 ? std::max(1e-3, budget - (now_seconds() - start)) : 0;
}

/// Inside the trained length plain RoPE is right, and nothing has to be measured.
int nothing_to_tune(Index length, Index trained) {
  const std::string why =
      fmt::format("{} tokens fit in the {} that the model was trained on: plain RoPE", length, trained);
  if (options.json)
    fmt::print("{}\n",
               dump_json({{"length", length}, {"n_ctx_train", trained}, {"method", kPlain}, {"why", why}}));
  else
    fmt::print("nothing to tune: {}\n", why);
  return 0;
}

/// The file beside the model, as it is before the work: a foreign file, or a folder that cannot be written
/// to, is said now.
void check_tuned_file(const std::string& path, const std::string& model_id) {
  const std::optional<TunedFile> before = read_tuned(path);
  if (before && before->model_id != model_id)
    fmt::print(stderr, "{}: its settings are of another model, and will be replaced\n", path);
  const OutputFile writable(path);
}

/// Settings of other lengths stay. Read again: another tune may have written meanwhile.
void keep(const std::string& path, const RunInfo& info, TunedSetting setting) {
  std::optional<TunedFile> file = read_tuned(path);
  if (!file || file->model_id != info.model_id) file.emplace();
  file->version = info.version, file->model = info.model, file->model_id = info.model_id;
  file->n_ctx_train = info.n_ctx_train;
  file->put(std::move(setting));
  write_tuned(path, *file);
  fmt::print(stderr, "{} holds {} length{}; --method auto reads it\n", path, file->settings.size(),
             file->settings.size() == 1 ? "" : "s");
}

void say_plan(const TunePlan& plan, const Split& documents) {
  const std::string left_out =
      plan.n_left_out > 0 ? fmt::format(" ({} more are left out for the budget)", plan.n_left_out) : "";
  fmt::print(stderr, "candidates: {}{}\ndocuments: {} to choose on, {} to judge on; about {}\n", plan.n_begin,
             left_out, documents.tuning.size(), documents.evaluation.size(), time_text(plan.seconds));
}

void show(const TuneResult& result, const std::vector<Margin>& margins, const TuneConclusion& conclusion,
          const std::string& bound, const std::vector<PeerSetting>& peers) {
  print_rows(result.rows);
  if (result.plan.n_left_out > 0)
    fmt::print("{} candidates were left out for the budget\n", result.plan.n_left_out);
  print_margins(result.winner(), margins);
  fmt::print("\n{}\n", conclusion.why);
  if (conclusion.truncation_does)
    fmt::print("truncation was not shown to be worse: --truncate head reads the last tokens only\n");
  fmt::print("method: {}\nat this length: {}\n", conclusion.method, bound);
  fmt::print("\nThe same elsewhere:\n{}", settings_text(peers));
}

TuneOptions tune_options(const ModelConfig& config, Index length, const Split& documents, Store* store) {
  if (options.tail == 0) options.tail = std::min<Index>(256, config.n_ctx_train / 2);
  require_tail(options.tail, config.n_ctx_train, length);
  return {.length = length,
          .tail = options.tail,
          .goal = parse_goal(),
          .candidates = options.candidates.empty() ? tune_candidates(config, length) : options.candidates,
          .n_to_judge = documents.evaluation.size(),
          .store = store,
          .planned = [&documents](const TunePlan& plan) { say_plan(plan, documents); }};
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
  const LoadedModel loaded = load_model(options.model, backend);
  const ModelConfig& config = loaded.model->config();
  if (length <= config.n_ctx_train) return nothing_to_tune(length, config.n_ctx_train);
  RunInfo info = run_info(options.model, options.backend, loaded);
  info.command = command_line(), info.tail = options.tail, info.margin = kStabilityMargin;
  const std::string path = tuned_path(options.model);
  check_tuned_file(path, info.model_id);
  std::optional<Store> store;
  if (!options.out.empty()) store.emplace(options.out);
  say_that_it_goes_on(options.out);
  const Split documents = split(
      documents_to_tune(*loaded.tokenizer, options.texts, texts, length, options.documents, kMostStretches));
  TuneOptions tuning = tune_options(config, length, documents, store ? &*store : nullptr);
  tuning.budget_seconds = left_of(budget, start);
  const TuneResult result = tune(*loaded.model, *loaded.tokenizer, documents.tuning, tuning, info);
  const std::string winner = result.winner();
  fmt::print(stderr, "judging {}\n", winner);
  const std::vector<Record> records = evaluate_winner(*loaded.model, *loaded.tokenizer, documents.evaluation,
                                                      winner, tuning, left_of(budget, start), info)
                                          .records;
  const std::vector<Margin> over = margins(records, length, winner);
  const TuneConclusion conclusion = conclude(winner, over, tuning.goal);
  const RopeContext context = config.rope_context(0, length);
  const std::string bound = Method::bind(MethodSpec::parse(conclusion.method), context).text();
  const std::vector<PeerSetting> peers =
      peer_settings(MethodSpec::parse(bound), context, config.architecture);
  const Json evidence = evidence_json(winner, conclusion, over, documents);
  if (options.json) {
    Json found{{"model", info.model},
               {"model_id", info.model_id},
               {"length", length},
               {"method", conclusion.method},
               {"bound", bound}};
    found.update(evidence);
    found["elsewhere"] = settings_json(peers);
    found["n_left_out"] = result.plan.n_left_out, found["candidates"] = rows_json(result.rows);
    fmt::print("{}\n", dump_json(found));
  } else {
    show(result, over, conclusion, bound, peers);
  }
  keep(path, info, {length, conclusion.method, evidence});
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
  app.add_option("--tail", options.tail,
                 "last tokens that are scored;\ndefault: 256, or half of the trained length")
      ->check(in_range(1, 65536));
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
