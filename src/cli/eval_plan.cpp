// SPDX-License-Identifier: Apache-2.0
#include "cli/eval_plan.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "cli/documents.h"
#include "cli/goes_on.h"
#include "cli/jobs.h"
#include "core/json.h"
#include "core/text.h"
#include "evaluation/plan_time.h"
#include "results/shards.h"

namespace rw {
namespace {

/// What a row is about, in 53 columns; names that are too long stand on lines of their own.
std::string row_head(const std::string& document, const std::string& task, const std::string& method) {
  std::string text = document.size() <= 18 ? fmt::format("{:<18}", document)
                                           : fmt::format("{}\n{:18}", printable(document), "");
  text += fmt::format(" {:<13}", task);
  return text +
         (method.size() <= 20 ? fmt::format(" {:<20}", method) : fmt::format("\n  {}\n{:53}", method, ""));
}

/// The rows of the same run under another name.
void print_shared(const Item& item, const std::string& document) {
  bool own = true;
  for (const Served& served : item.serves) {
    if (own && served.label == item.method) {
      own = false;
      continue;
    }
    // A name that is too long for the last column stands in a line of its own.
    const std::string same = "= " + item.method;
    fmt::print("{} {:>7} {:>4}{}\n", row_head(document, item.task, served.label),
               served.length > 0 ? served.length : item.length, item.seed,
               same.size() <= 12 ? fmt::format(" {:>12}", same) : fmt::format("\n{:>79}", same));
  }
}

}  // namespace

int print_plan(const Model& model, const Tokenizer& tokenizer, const std::vector<Document>& documents,
               const RunnerOptions& options, const RunInfo& info, bool json, bool budget_asked) {
  const Plan plan = plan_items(model, tokenizer, documents, options.plan, info);
  const std::vector<Item> items = shard_of(plan.items, options.shard, options.n_shards);
  const double unit = pace_of(model, options);
  const PlanTime timing = plan_time(items, options, unit);
  std::size_t bytes = 0;
  Json rows = Json::array();
  if (!json)
    fmt::print("{:<18} {:<13} {:<20} {:>7} {:>4} {:>6} {:>5}\n", "document", "task", "method", "tokens",
               "seed", "s", "MB");
  for (const Item& item : items) {
    const bool known = options.store && item_known(item, *options.store);
    const double own = item.cost * unit;
    bytes = std::max(bytes, item.bytes);
    const std::string& document = documents[item.document].name;
    if (json) {
      Json row{{"document", document}, {"task", item.task}, {"method", item.method}, {"length", item.length},
               {"seed", item.seed},    {"seconds", own},    {"bytes", item.bytes},   {"done", known}};
      for (const Served& served : item.serves)
        row["serves"].push_back({{"method", served.label}, {"length", served.length}});
      rows.push_back(std::move(row));
      continue;
    }
    fmt::print("{} {:>7} {:>4} {:>6} {:>5}\n", row_head(document, item.task, item.method), item.length,
               item.seed, known ? "done" : fmt::format("{:.1f}", own), item.bytes / 1000000);
    print_shared(item, document);
  }
  if (json) {
    fmt::print("{}\n", dump_json({{"items", rows},
                                  {"left_out", plan.left_out},
                                  {"seconds", timing.left},
                                  {"documents", timing.n_documents},
                                  {"documents_in_budget", timing.n_fit},
                                  {"seconds_in_budget", timing.within_budget},
                                  {"bytes", bytes}}));
    heed_budget(timing, options, budget_asked, say);
    return 0;
  }
  const auto print = [](const std::string& words) { fmt::print("{}", wrapped(words, "  ")); };
  for (const std::string& line : plan.left_out) print("left out: " + line);
  print(fmt::format("{}; about {} are left, {} are done; at most {} MB beside the model",
                    counted(items.size(), "run"), time_text(timing.left), time_text(timing.known),
                    bytes / 1000000));
  heed_budget(timing, options, budget_asked, say);
  if (const std::string room = room_text(timing, options, budget_asked); !room.empty()) print(room);
  return 0;
}

namespace {

/// A whole number of the environment. Errors: UsageError.
int number_of_array(const char* name) {
  const char* text = std::getenv(name);
  int number = 0;
  if (text == nullptr || std::sscanf(text, "%9d", &number) != 1 || number < 0 ||
      std::to_string(number) != text)
    throw UsageError("--shard auto", fmt::format("a task of a SLURM array, whose {} is a number", name),
                     text == nullptr ? "none" : "'" + printable(text) + "'",
                     "sbatch --array=1-8 job.sh starts eight; elsewhere --shard 2/8");
  return number;
}

/// Which task of how many this is in its SLURM array, whatever its numbers are (--array=0-14:2).
std::pair<int, int> shard_of_array() {
  const int id = number_of_array("SLURM_ARRAY_TASK_ID"), first = number_of_array("SLURM_ARRAY_TASK_MIN"),
            last = number_of_array("SLURM_ARRAY_TASK_MAX"), n = number_of_array("SLURM_ARRAY_TASK_COUNT");
  const int step = n > 1 ? (last - first) / (n - 1) : 1;
  if (n < 1 || n > 9999 || step < 1 || first + (n - 1) * step != last || id < first || id > last ||
      (id - first) % step != 0)
    throw UsageError("--shard auto", "an array of evenly spaced numbers, this task's among them",
                     fmt::format("task {} of {} from {} to {}", id, n, first, last), "sbatch --array=1-8");
  return {(id - first) / step + 1, n};
}

}  // namespace

std::pair<int, int> parse_shard(const std::string& text) {
  if (text == "auto") return shard_of_array();
  const std::pair<int, int> shard = shard_from(text);
  if (shard.second == 0)
    throw UsageError("--shard", "k/n with 1 <= k <= n, such as 2/3, or auto", "'" + text + "'");
  return shard;
}

void WorkOptions::define(CommandLine& app) {
  app.add_option("--budget", budget,
                 "leave out what would not fit: 8m; 0: no limit;\n"
                 "default: none, but 10m for what eval has to choose");
  app.add_option("--out", out, "results as JSON lines; goes on if it is there");
  app.add_option("--jobs", jobs,
                 "processes that share the work and the cores;\n0: one for each core, best for a small model")
      ->check(in_range(0, 256))
      ->take_last()  // run_jobs() says it again, and --shard, --threads, --report
      ->capture_default_str();
  app.add_option(
         "--shard", shard,
         "k/n: only every n-th item from the k-th on;\nauto: as this task's number in its SLURM array")
      ->take_last()
      ->capture_default_str();
  app.add_flag("--dry-run", dry_run, "print the plan with time and memory, and stop");
  app.add_option("--report", report, "write an HTML report; replaces an older one")->take_last();
}

RunnerOptions WorkOptions::runner_options() const {
  RunnerOptions runner;  // no designated initialisers: g++ 12 crashes where one of them throws
  runner.budget_seconds = budget.empty() ? 0 : parse_seconds(budget);
  std::tie(runner.shard, runner.n_shards) = parse_shard(shard);
  runner.share = share_of_job(fmt::format("{}/{}", runner.shard, runner.n_shards));
  if (runner.n_shards > 1 && out.empty())
    throw UsageError("--shard", "--out as well", "no --out", "shards are joined by their files");
  if (runner.n_shards > 1 && !report.empty())
    throw UsageError("--report", "no --shard", "--shard " + shard,
                     "`ropewalk report` makes one of the files of all shards");
  if (jobs != 1 && out.empty())
    throw UsageError("--jobs", "--out as well", "no --out", "jobs meet in the file of results");
  return runner;
}

int WorkOptions::n_jobs(const Context& context) const { return jobs == 0 ? context.threads() : jobs; }

bool WorkOptions::run_jobs(int shard_k, int n_shards, const Context& context,
                           const std::vector<std::string>& blank) const {
  if (n_jobs(context) < 2 || dry_run) return false;
  std::vector<std::string> files{"--report"};
  files.insert(files.end(), blank.begin(), blank.end());
  rw::run_jobs(n_jobs(context), context.threads(), shard_k, n_shards, files);
  return true;  // a budget may have left items out: they are not for this process
}

/// SLURM counts the tasks that were started together: lost ones alone are a smaller array, with other shares.
void WorkOptions::require_same_array(const Store& store) const {
  const auto [k, n] = parse_shard(shard);
  if (store.n_shards() <= n) return;
  throw UsageError(
      "--shard auto", fmt::format("the array that began {}, of {} shards", out, store.n_shards()),
      fmt::format("one of {}: this would be {}/{} of the plan", counted(n, "task"), k, n),
      "start the whole array again, in which finished tasks end at once; or --shard k/n says which");
}

std::optional<Store> WorkOptions::open_store() const {
  if (out.empty()) return std::nullopt;
  Store store(out);
  if (!is_job() && shard == "auto") require_same_array(store);
  if (!is_job() && !dry_run) say_that_it_goes_on(out);
  if (store.n_cut() > 0)
    say(fmt::format("{}: {} of an item that was not finished: measured again", printable(out),
                    counted(store.n_cut(), "line")));
  return store;
}

void WorkOptions::say_what_was_done(const RunnerResult& result, std::size_t n_documents, const char* unit,
                                    int n_processes) const {
  if (is_job()) return;
  if (result.n_known > 0 && n_processes == 1)  // jobs leave nothing but what is known
    say(fmt::format("{} of {} were in {} already", result.n_known, counted(result.n_items, "item"),
                    printable(out)));
  if (result.out_of_time)
    say(fmt::format("{} of {} fit into {}", result.n_documents, counted(n_documents, unit),
                    budget.empty() ? "the 10 minutes of a run without --budget" : "--budget " + budget));
  if (const auto [k, n] = parse_shard(shard); n > 1)
    say(fmt::format("shard {}/{}: {} done; `ropewalk report` joins files of shards", k, n,
                    counted(result.n_items, "item")));
}

}  // namespace rw
