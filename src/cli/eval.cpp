// SPDX-License-Identifier: Apache-2.0
/// ropewalk eval: the main job. Which methods keep working past the trained length, on the user's own text?
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "cli/auto_method.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/eval_plan.h"
#include "cli/make_report.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "judge/runner.h"
#include "results/summary.h"
#include "results/tables.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model, out, report, budget = "0", shard = "1/1";
  std::vector<std::string> texts, methods, lengths;
  PlanOptions plan;
  double margin = kStabilityMargin;
  int documents = 1, n_threads = 0, jobs = 1;
  bool json = false, dry_run = false;
  BackendOptions backend;
} options;

/// "2/3": the second of three.
std::pair<int, int> parse_shard(const std::string& text) {
  int k = 0, n = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d/%4d%n", &k, &n, &used) != 2 ||
      static_cast<std::size_t>(used) != text.size() || k < 1 || k > n)
    throw UsageError("--shard", "k/n with 1 <= k <= n, such as 2/3", "'" + text + "'");
  return {k, n};
}

std::string command_line() {
  std::string text = fmt::format("ropewalk eval {} --text {} --methods {} --lengths {}", options.model,
                                 fmt::join(options.texts, " "), fmt::join(options.methods, " "),
                                 fmt::join(options.lengths, " "));
  return text + fmt::format(" --tasks {} --tail {} --documents {} --precision {} --kv {}",
                            fmt::join(options.plan.tasks, " "), options.plan.tail, options.documents,
                            options.backend.precision, options.backend.kv_type());
}

/// Checks all that can be said before the model is loaded.
RunnerOptions runner_options() {
  RunnerOptions runner{.plan = options.plan, .budget_seconds = parse_seconds(options.budget)};
  std::tie(runner.shard, runner.n_shards) = parse_shard(options.shard);
  for (const std::string& task : options.plan.tasks) Registry<Task>::get(task, "task");
  for (const std::string& spec : options.methods) check_method(spec);
  std::vector<Index>& lengths = runner.plan.lengths;
  for (const std::string& length : options.lengths) lengths.push_back(parse_length(length));
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  replace_auto(options.methods, options.model, lengths);
  runner.plan.methods = options.methods;
  if (lengths.front() <= options.plan.tail + 64)
    throw UsageError("--lengths",
                     fmt::format("more than the tail and 64 tokens of context, {}", options.plan.tail + 64),
                     fmt::format("{}", lengths.front()));
  if (options.plan.stride >= lengths.front())  // tokens between two windows would be left out
    throw UsageError("--stride", fmt::format("less than the shortest length, {}", lengths.front()),
                     fmt::format("{}", options.plan.stride));
  if (runner.n_shards > 1 && options.out.empty())
    throw UsageError("--shard", "--out as well", "no --out", "shards are joined by their files");
  if (options.jobs > 1 && options.out.empty())
    throw UsageError("--jobs", "--out as well", "no --out", "jobs meet in the file of results");
  return runner;
}

/// Tables, report and speed of what was measured.
void show(const RunnerResult& result, const RunInfo& info, std::optional<OutputFile>& report) {
  const std::vector<SummaryCell> cells = summarise(result.records, options.margin);
  if (options.json) {
    Json json = cells.empty() ? Json::object() : summary_json(cells, info, result.n_documents);
    Json records = Json::array();
    for (const Record& r : result.records)
      if (cells.empty() || r.task != "tail") records.push_back(to_json(r, info));
    if (!records.empty()) json["records"] = std::move(records);
    fmt::print("{}\n", dump_json(json));
  } else {
    if (!cells.empty()) fmt::print("{}", summary_table(cells, info, result.n_documents));
    fmt::print("{}", other_tables(result.records));
  }
  if (!report) return;
  report->write(format_report(report_for(result.records, info), "html"));
  report->commit();
  fmt::print(stderr, "report: file://{}\n", std::filesystem::absolute(options.report).string());
}

int run() {
  set_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();  // before the load
  RunnerOptions runner = runner_options();
  std::vector<std::string> texts;
  for (const std::string& path : options.texts) texts.push_back(read_text_file(path));
  std::vector<std::string> inputs = options.texts;
  inputs.push_back(options.model);
  require_other_file(options.out, inputs);
  require_other_file(options.report, inputs);
  // Opened before the work: that a file cannot be written should be said now, not in an hour.
  std::optional<Store> store;
  std::optional<OutputFile> report;
  if (!options.report.empty()) report.emplace(options.report);
  if (options.jobs > 1 && !options.dry_run) {
    run_jobs(options.jobs, runner.shard, runner.n_shards);
    runner.only_stored = true;  // a budget may have left items out: they are not for this process
  }
  if (!options.out.empty()) store.emplace(options.out);
  if (store && store->n_cut() > 0)
    fmt::print(stderr, "{}: {} lines of an item that was not finished are measured again\n", options.out,
               store->n_cut());
  const LoadedModel loaded = load_model(options.model, backend);
  const std::vector<Document> documents =
      read_documents(*loaded.tokenizer, options.texts, texts, options.documents,
                     runner.plan.lengths.back() + runner.plan.n_predict);
  RunInfo info = run_info(options.model, options.backend, loaded);
  info.command = command_line(), info.tail = options.plan.tail, info.margin = options.margin;
  runner.store = store ? &*store : nullptr;
  if (options.dry_run) return print_plan(*loaded.model, documents, runner, info, options.json);
  const auto& tasks = runner.plan.tasks;
  if (documents.size() == 1 && std::find(tasks.begin(), tasks.end(), "far-use") != tasks.end())
    fmt::print(
        stderr,
        "far-use: one document, so there is no other text to swap in; give two texts, or --documents 2\n");
  const double start = now_seconds();
  const RunnerResult result = run_all(*loaded.model, *loaded.tokenizer, documents, runner, info);
  if (result.n_known > 0)
    fmt::print(stderr, "{} of {} items were in {} already\n", result.n_known, result.n_items, options.out);
  if (result.n_documents < documents.size())
    fmt::print(stderr, "{} of {} documents fit into --budget {}\n", result.n_documents, documents.size(),
               options.budget);
  if (runner.n_shards > 1)
    fmt::print(stderr, "shard {}: {} items are done; `ropewalk report` joins files of shards\n",
               options.shard, result.n_items);
  else
    show(result, info, report);
  std::size_t peak = 0;
  for (const Record& r : result.records) peak = std::max(peak, r.peak_bytes);
  fmt::print(stderr, "measured {} items in {:.1f} s, peak memory {} MiB\n", result.n_items - result.n_known,
             now_seconds() - start, peak >> 20);
  return 0;
}

/// The tasks' names, in lines that fit beside the options.
std::string tasks_help() {
  std::string text, line = "any of:";
  for (const Task& task : Registry<Task>::all()) {
    if (line.size() + task.name.size() > 46) text += line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + task.name;
  }
  return text + line;
}

void define(CLI::App& app) {
  app.add_option("MODEL", options.model, "GGUF file or Hugging Face folder")->required();
  app.add_option("--text", options.texts, "text files; each is a document")->required();
  app.add_option("--methods", options.methods, "methods; plain RoPE and truncation always run")->required();
  app.add_option("--lengths", options.lengths, "total lengths in tokens, such as 4k 8k 16k")->required();
  app.add_option("--tasks,--task", options.plan.tasks, tasks_help())->capture_default_str();
  app.add_option("--tail", options.plan.tail, "last tokens that are scored")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("-n,--n-predict", options.plan.n_predict, "tokens that continuation writes")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--stride", options.plan.stride, "sliding: tokens between windows; 0: half of them")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
  app.add_option("--questions", options.plan.n_seeds, "retrieval: questions for each document and length")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--depths", options.plan.n_depths, "retrieval: depths for each question")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--margin", options.margin, "difference in nats that counts as stable")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_option("--documents", options.documents, "disjoint stretches taken from each file")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--budget", options.budget, "leave out documents that would not fit: 8m");
  app.add_option("--out", options.out, "results as JSON lines; goes on if it is there");
  app.add_option("--jobs", options.jobs, "processes that share the work and the cores")
      ->check(CLI::Range(1, 256))
      ->take_last()  // run_jobs() says it again, and --shard, --threads, --report
      ->capture_default_str();
  app.add_option("--shard", options.shard, "k/n: only every n-th item from the k-th on")
      ->capture_default_str();
  app.add_flag("--dry-run", options.dry_run, "print the plan with time and memory, and stop");
  app.add_option("--report", options.report, "write an HTML report")->take_last();
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(CLI::Range(0, 1024))->take_last();
  app.add_flag("--json", options.json, "print JSON instead of the table");
  app.footer(
      "Examples:\n"
      "  ropewalk eval model.gguf --text novel.txt --documents 4 \\\n"
      "      --methods pi ntk yarn rerope self-extend --lengths 8k 16k \\\n"
      "      --out results.jsonl --report report.html\n"
      "  ropewalk eval model.gguf --config sweep.toml --dry-run\n"
      "  ropewalk eval model.gguf --text novel.txt --tasks positions \\\n"
      "      --methods yarn:factor=4+logn --lengths 32k");
}

const Register<Command> registered{
    {"eval", "which methods keep working past the trained length", define, run}};

}  // namespace
}  // namespace ropewalk
