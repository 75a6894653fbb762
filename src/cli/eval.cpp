// SPDX-License-Identifier: Apache-2.0
/// ropewalk eval: the main job. Which methods keep working past the trained length, on the user's own text?
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "cli/auto_method.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/eval_plan.h"
#include "cli/fitting_methods.h"
#include "cli/jobs.h"
#include "cli/make_report.h"
#include "cli/ranks.h"
#include "cli/to_decide.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "judge/runner.h"
#include "judge/scope.h"
#include "judge/text_tokens.h"

namespace rw::cli::eval {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> texts, methods, lengths;
  PlanOptions plan;
  double margin = kStabilityMargin;
  int documents = 0, n_threads = 0;
  bool json = false, special = false;
  WorkOptions work;
  BackendOptions backend;
} options;

constexpr double kNoLimit = 1e9;  // seconds

/// Whether a task scores the same last tokens at every length.
bool any_scores_tail() {
  const auto& tasks = options.plan.tasks;
  return std::any_of(tasks.begin(), tasks.end(),
                     [](const std::string& task) { return Registry<Task>::get(task, "task").last_tokens; });
}

/// As typed in a shell; the words of a list apart.
std::string command_line(const PlanOptions& plan, int documents, bool with_budget) {
  std::string text = "ropewalk eval " + shell_quoted(options.model);
  const auto add = [&](const char* option, const std::vector<std::string>& words) {
    text += fmt::format(" {}", option);
    for (const std::string& word : words) text += " " + shell_quoted(word);
  };
  add("--text", options.texts);
  add("--methods", plan.methods);
  std::vector<std::string> lengths;
  for (Index length : plan.lengths) lengths.push_back(k_tokens(length));
  add("--lengths", lengths);
  add("--tasks", plan.tasks);
  if (any_scores_tail()) text += fmt::format(" --tail {}", plan.tail);
  text += fmt::format(" --documents {}", documents);
  if (options.special) text += " --special";
  if (with_budget && options.work.has_budget()) add("--budget", {options.work.budget});
  if (options.margin != kStabilityMargin) text += fmt::format(" --margin {}", options.margin);
  if (plan.n_predict != PlanOptions{}.n_predict) text += fmt::format(" -n {}", plan.n_predict);
  if (plan.stride > 0) text += fmt::format(" --stride {}", plan.stride);
  for (const std::string& name : plan.tasks)
    if (Registry<Task>::get(name, "task").unit == Unit::kQuestion) {
      text += fmt::format(" --questions {} --depths {}", plan.n_seeds, plan.n_depths);
      break;
    }
  return text + pre_option() +
         fmt::format(" --precision {} --kv {}", options.backend.precision, options.backend.kv_type()) +
         piped(options.texts);
}

/// The evidence is too little: the command that would decide, or what is missing for one.
NextStep next_step(const TokenTexts& texts, const PlanOptions& plan, Index n_ctx_train) {
  const auto stretches = [&](const PlanOptions& wished) {
    return stretches_to_decide(texts, tokens_needed(wished) - 1, Judged::kAll, kEnoughUnits, 8);
  };
  if (const int n = stretches(plan); n > 0) return {"To decide:", command_line(plan, n, false)};
  const Index longest = plan.lengths.back();
  for (Index length = longest / n_ctx_train * n_ctx_train; length > n_ctx_train; length -= n_ctx_train) {
    PlanOptions shorter = plan;
    std::erase_if(shorter.lengths, [&](Index asked) { return asked >= length; });
    shorter.lengths.push_back(length);
    if (const int n = stretches(shorter); n > 0)
      return {fmt::format("The text is too short to decide at {}. To decide at {}:", k_tokens(longest),
                          k_tokens(length)),
              command_line(shorter, n, false)};
  }
  return {"To decide, give " + text_to_decide(texts, longest, kEnoughUnits) + ".", ""};
}

void add_methods(std::vector<std::string>& methods, bool encoder) {
  for (const std::string& asked : options.methods) {
    if (asked == "auto" && encoder)
      throw UsageError("--methods", "methods by name, or all", "auto, which is decided for decoders alone");
    if (asked != "all") check_method(asked);
    methods.push_back(asked);
  }
}

/// "all" becomes every task on texts that such a model has, nothing the usual one.
void expand_tasks(std::vector<std::string>& tasks, bool encoder) {
  if (tasks.empty()) tasks = {usual_task(encoder)};
  for (const std::string& task : tasks)
    if (task.find(',') != std::string::npos)
      throw UsageError("--tasks", "a known task", "'" + task + "'",
                       "separate several by spaces: --tasks tail passkey");
  if (std::find(tasks.begin(), tasks.end(), "all") != tasks.end()) {
    tasks.clear();
    for (const Task& task : Registry<Task>::all())
      if (task.unit != Unit::kAsked && task.of_encoders == encoder) tasks.push_back(task.name);
  }
  require_tasks_fit(tasks, encoder);
}

/// An option that no task reads is said to be without effect.
void say_what_has_no_effect(const PlanOptions& plan) {
  const auto some = [&](auto reads) {
    return std::any_of(plan.tasks.begin(), plan.tasks.end(),
                       [&](const std::string& name) { return reads(Registry<Task>::get(name, "task")); });
  };
  const auto tell_of = [](bool given, const char* option, bool read, const char* what) {
    if (given && !read && !is_job())
      say(fmt::format("{} has no effect: no task of this run {}", option, what));
  };
  const PlanOptions usual;
  tell_of(plan.tail > 0, "--tail", any_scores_tail(), "scores the last tokens");
  tell_of(plan.n_predict != usual.n_predict, "--n-predict",
          some([](const Task& t) { return t.uses_n_predict; }), "writes so many tokens");
  tell_of(plan.stride != usual.stride, "--stride", some([](const Task& t) { return t.uses_stride; }),
          "moves a window");
  tell_of(plan.n_seeds != usual.n_seeds || plan.n_depths != usual.n_depths, "--questions or --depths",
          some([](const Task& t) { return t.unit == Unit::kQuestion; }), "asks questions");
  tell_of(options.margin != kStabilityMargin, "--margin",
          some([](const Task& t) { return t.unit != Unit::kQuestion; }), "measures a loss");
}

/// Checks all that can be said before the model is loaded.
RunnerOptions runner_options(bool encoder) {
  RunnerOptions runner = options.work.runner_options();
  expand_tasks(options.plan.tasks, encoder);
  say_what_has_no_effect(options.plan);
  runner.plan = options.plan;
  add_methods(runner.plan.methods, encoder);
  std::vector<Index>& lengths = runner.plan.lengths;
  for (const std::string& length : options.lengths) lengths.push_back(parse_length(length));
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  const bool chosen = runner.plan.methods.empty() || lengths.empty() || options.documents == 0;
  if ((options.work.jobs != 1 || runner.n_shards > 1) && chosen)
    throw UsageError(options.work.jobs != 1 ? "--jobs" : "--shard",
                     "--methods, --lengths and --documents as well", "one that is missing",
                     "processes that share a plan must have the same");
  return runner;
}

/// The rest, once the trained length is known.
void check_plan(const PlanOptions& plan) {
  if (plan.stride >= plan.lengths.front())  // tokens between two windows would be left out
    throw UsageError("--stride", fmt::format("less than the shortest length, {}", plan.lengths.front()),
                     fmt::format("{}", plan.stride));
}

/// Errors: Error where every text fits in what the model was trained on: there is nothing to extend.
void require_longer(const TokenTexts& texts, Index n_ctx_train) {
  std::size_t longest = 0;
  for (const std::vector<Token>& tokens : texts.tokens) longest = std::max(longest, tokens.size());
  if (static_cast<Index>(longest) > n_ctx_train) return;
  throw Error("--text", fmt::format("more than the {} tokens that the model was trained on", n_ctx_train),
              counted(longest, "token"),
              "such a text needs no method: plain RoPE reads it whole. Give a longer one to see how far "
              "methods hold");
}

/// Chooses what was not said, as much as the budget buys; says what it chose and what it left out.
void complete(RunnerOptions& runner, const std::shared_ptr<const Model>& loaded, const TokenTexts& texts,
              const RunInfo& info) {
  PlanOptions& plan = runner.plan;
  const ModelConfig& config = loaded->config();
  const Index n_ctx_train = config.n_ctx_train;
  const Index shortest = plan.lengths.empty() ? n_ctx_train : plan.lengths.front();
  if (plan.tail == 0) plan.tail = usual_tail(n_ctx_train, shortest);
  if (any_scores_tail()) require_tail(plan.tail, n_ctx_train, shortest);
  BoundMethods bound(*loaded);
  const std::vector<Index> first = plan.lengths.empty() ? std::vector<Index>{2 * n_ctx_train} : plan.lengths;
  const std::vector<std::string> every = expand_all(plan.methods, bound, first);
  // What auto stands for depends on the lengths; where those are still to be chosen, on the first past the
  // trained.
  replace_auto(plan.methods, options.model, first);
  if (!plan.methods.empty() && !plan.lengths.empty() && options.documents > 0) return;
  if (plan.lengths.empty()) require_longer(texts, n_ctx_train);
  const int n_texts = static_cast<int>(texts.names.size());
  if (options.work.budget.empty()) runner.budget_seconds = kDefaultBudget;
  ScopeRequest request{plan.methods, plan.lengths, options.documents * n_texts,
                       runner.budget_seconds > 0 ? runner.budget_seconds : kNoLimit};
  request.usual = fitting(kDefaultMethods, bound, {n_ctx_train}), request.droppable = every;
  request.fitting = [&](const auto& methods, const auto& lengths) {
    return fitting(methods, bound, lengths);
  };
  const double pace = runner.pace = measure_pace(*loaded);
  const DocumentsOf documents_of = [&](Index length) {
    PlanOptions wished = plan;
    wished.lengths = {length};
    return count_stretches(texts, tokens_needed(wished) - 1, (kMostDocuments + n_texts - 1) / n_texts);
  };
  const SecondsOf seconds_of = [&](const std::vector<std::string>& methods,
                                   const std::vector<Index>& lengths) {
    PlanOptions wished = plan;
    wished.methods = methods, wished.lengths = lengths, wished.methods_bound = &bound;
    Document any;
    any.tokens.assign(static_cast<std::size_t>(tokens_needed(wished)), some_text_token(loaded->tokenizer()));
    double cost = 0;
    for (const Item& item : plan_items(*loaded, loaded->tokenizer(), {std::move(any)}, wished, info).items)
      cost += item.cost;
    return cost * pace;
  };
  const Scope scope = choose_scope(request, n_ctx_train, seconds_of, documents_of);
  plan.methods = scope.methods, plan.lengths = scope.lengths;
  options.documents = (scope.n_documents + n_texts - 1) / n_texts;
  say(fmt::format("methods {}; lengths to {}; {}: about {}", fmt::join(plan.methods, " "),
                  k_tokens(plan.lengths.back()), counted(scope.n_documents, "document"),
                  time_text(scope.seconds)));
  for (const std::string& line : left_out(scope, request, n_ctx_train, documents_of)) say(line);
}

/// Answer, tables and report of what was measured.
void show(const RunnerResult& result, const RunInfo& info, NextStep next, std::optional<OutputFile>& report) {
  ReportData data = report_for(result.records, info);
  data.next = std::move(next);
  fmt::print("{}", options.json ? json_report(data) : text_report(data, false));
  if (!report) return;
  report->write(html_report(data));
  report->commit();
  tell("report: file://{}\n", std::filesystem::absolute(options.work.report).string());
}

/// With --context-parallel every rank does every item, in step: what they decide by must be the same.
void share_with(Ranks& ranks) {
  if (!options.backend.context_parallel) return;
  if (options.methods.empty() || options.lengths.empty() || options.documents == 0)
    throw UsageError("--context-parallel", "--methods, --lengths and --documents as well",
                     "one that is missing", "what eval chooses by time, ranks would choose differently");
  options.work.out = file_of_first(ranks, options.work.out);
  if (!ranks.first()) options.work.report.clear();
}

void require_same_plan(Ranks& ranks, const Plan& plan) {
  std::string keys;
  for (const Item& item : plan.items)
    for (const Served& served : item.serves) keys += served.key + "\n";
  require_same(ranks, "texts, model and plan", keys);
}

int run() {
  const std::shared_ptr<Ranks> ranks = ranks_of(options.backend);
  share_with(*ranks);
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  const std::shared_ptr<const ModelFile> file = ModelFile::open(options.model);
  RunnerOptions runner = runner_options(read_config(*file).encoder);
  const std::vector<std::string> paths = expand_texts(options.texts);
  if (options.work.n_jobs(*backend->context()) > 1 &&
      std::find(paths.begin(), paths.end(), "-") != paths.end())
    throw UsageError("--jobs", "texts that each process can read", "--text -", "save it to a file first");
  std::vector<std::string> texts, inputs = paths;
  for (const std::string& path : paths)
    texts.push_back(read_text_file(
        path, bytes_of_documents(options.documents > 0 ? options.documents : kMostDocuments,
                                 runner.plan.lengths.empty() ? 0 : runner.plan.lengths.back())));
  inputs.push_back(options.model);
  require_outputs_apart({options.work.out, options.work.report}, inputs);
  require_own(options.work.report, "a report of ropewalk's", is_report);
  // Opened before the work: that a file cannot be written should be said now, not in an hour.
  require_page_name(options.work.report);
  std::optional<OutputFile> report;
  if (!options.work.report.empty()) report.emplace(options.work.report);
  std::optional<Store> store = options.work.open_store();
  const double start = now_seconds();
  const std::size_t n_before = store ? store->size() : 0;
  if (options.work.run_jobs(runner, *backend->context())) store = options.work.open_store();
  const std::shared_ptr<const Model> loaded = load_model(options.model, file, backend);
  const TokenTexts tokens = tokenize_texts(loaded->tokenizer(), paths, texts, options.special);
  RunInfo info = run_info(options.model, options.backend, loaded);
  info.special = options.special;
  if (!is_job()) say_acting_layers(loaded->config());
  complete(runner, loaded, tokens, info);
  check_plan(runner.plan);
  const std::vector<Document> documents =
      cut_stretches(tokens, tokens_needed(runner.plan) - 1, options.documents, runner.plan.tail);
  info.command = command_line(runner.plan, options.documents, true), info.tail = runner.plan.tail,
  info.margin = options.margin;
  const auto& tasks = runner.plan.tasks;
  if (store) store->require_alike(info, any_scores_tail());
  if (store) store->require_texts(texts_by_name(documents));
  runner.store = store ? &*store : nullptr;
  if (options.work.dry_run)
    return print_plan(*loaded, loaded->tokenizer(), documents, runner, info, options.json,
                      options.work.has_budget());
  runner.planned = [&, announce = announcer(*loaded, runner, options.work.has_budget())](const Plan& plan) {
    require_same_plan(*ranks, plan);
    announce(plan);
  };
  if (documents.size() == 1 && std::find(tasks.begin(), tasks.end(), "far-use") != tasks.end())
    say("far-use: one document, so there is no other text to swap in; give two texts, or --documents 2");
  const RunnerResult result = run_all(*loaded, loaded->tokenizer(), documents, runner, info);
  options.work.say_what_was_done(result, documents.size(), "document", *backend->context());
  if (is_job()) return 0;
  if (runner.n_shards == 1)
    show(result, info, next_step(tokens, runner.plan, loaded->config().n_ctx_train), report);
  std::size_t peak = 0;
  for (const Record& r : result.records) peak = std::max(peak, r.peak_bytes);
  say(fmt::format(
      "{} in {:.1f} s, peak memory {} MiB",
      runner.only_stored && store->size() == n_before
          ? "nothing was measured, all was in " + printable(options.work.out) + ", of whatever processor"
      : runner.only_stored ? counted(result.n_items, "item") + " by jobs"
                           : "measured " + counted(result.n_items - result.n_known, "item"),
      now_seconds() - start, peak >> 20));
  return 0;
}

/// The tasks' names, in lines that fit beside the options.
std::string tasks_help() {
  std::string text, line = "all, or any of (default: tail, of encoders\nmasked):";
  for (const Task& task : Registry<Task>::all()) {
    if (task.unit == Unit::kAsked) continue;
    if (line.size() + task.name.size() > 46) text += line + "\n", line.clear();
    line += (line.empty() ? "" : " ") + task.name;
  }
  return text + line;
}

void define(CommandLine& app) {
  options.plan.tasks.clear();  // follow the kind of model
  options.plan.tail = 0;       // follows the trained length
  app.add_model(options.model);
  app.add_option("--text", options.texts, "text files, or folders of .txt and .md")->required();
  define_special(app, options.special);
  app.add_option("--methods", options.methods,
                 "methods, or all; default: a few good ones;\n"
                 "plain RoPE and truncation always run");
  app.add_option("--lengths", options.lengths,
                 "total lengths in tokens, such as 4k 8k;\n"
                 "default: from the trained length up");
  app.add_option("--tasks,--task", options.plan.tasks, tasks_help());
  app.add_option("--tail", options.plan.tail,
                 "last tokens that are scored; default: 256, or half\nof the trained length, or what it "
                 "holds behind 64")
      ->check(in_range(1, 65536));
  app.add_option("-n,--n-predict", options.plan.n_predict, "tokens that continuation writes")
      ->check(in_range(1, 4096))
      ->capture_default_str();
  app.add_option("--stride", options.plan.stride, "sliding: tokens between windows; 0: half of them")
      ->check(in_range(0, 1 << 30))
      ->capture_default_str();
  app.add_option("--questions", options.plan.n_seeds, "retrieval: questions for each document and length")
      ->check(in_range(1, 1000))
      ->capture_default_str();
  app.add_option("--depths", options.plan.n_depths, "retrieval: depths for each question")
      ->check(in_range(1, 100))
      ->capture_default_str();
  app.add_option("--margin", options.margin, "difference in nats that counts as stable")
      ->check(in_range(kLeastMargin, 10.0))
      ->capture_default_str();
  app.add_option(
         "--documents", options.documents,
         "disjoint stretches taken from each file; default:\nas many as the budget buys, 24 in all at most")
      ->check(in_range(1, 10000));
  options.work.define(app);
  options.backend.define(app);
  options.backend.define_context_parallel(app);
  app.never_with("--context-parallel", {"--jobs", "--shard", "--budget"});
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024))->take_last();
  app.add_flag("--json", options.json, "print JSON instead of the table");
  app.footer(
      "Examples:\n"
      "  ropewalk eval model.gguf --text novel.txt    # how far does it reach?\n"
      "  ropewalk eval model.gguf --text novel.txt --documents 8 \\\n"
      "      --methods pi ntk yarn rerope self-extend --lengths 8k 16k \\\n"
      "      --out results.jsonl --report report.html\n"
      "  ropewalk eval model.gguf --config sweep.toml --dry-run\n"
      "  ropewalk eval model.gguf --text novel.txt --tasks positions \\\n"
      "      --methods yarn:factor=4+logn --lengths 32k");
}

const Register<Command> registered{
    {"eval", "which methods keep working past the trained length", define, run, true}};

}  // namespace
}  // namespace rw::cli::eval
