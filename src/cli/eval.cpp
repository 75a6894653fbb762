// SPDX-License-Identifier: Apache-2.0
/// ropewalk eval: the main job. Which methods keep working past the trained length, on the user's own text?
#include <algorithm>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/engines.h"
#include "cli/eval_plan.h"
#include "cli/jobs.h"
#include "cli/make_report.h"
#include "cli/ranks.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "evaluation/evaluate.h"
#include "judge/scope.h"

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
  EnginesOptions engines;
} options;

/// As typed in a shell; the words of a list apart.
std::string command_line(const PlanOptions& plan, int documents, bool with_budget) {
  const bool remote = options.engines.asked(options.model);
  std::string text = "ropewalk eval";
  text += remote ? options.engines.words(options.model) : " " + shell_quoted(options.model);
  const auto add = [&](const char* option, const std::vector<std::string>& words) {
    text += fmt::format(" {}", option);
    for (const std::string& word : words) text += " " + shell_quoted(word);
  };
  add("--text", options.texts);
  if (!remote) add("--methods", plan.methods);
  std::vector<std::string> lengths;
  for (Index length : plan.lengths) lengths.push_back(k_tokens(length));
  add("--lengths", lengths);
  add("--tasks", plan.tasks);
  if (any_scores_tail(plan)) text += fmt::format(" --tail {}", plan.tail);
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
  if (remote) return text + piped(options.texts);
  return text + pre_option() +
         fmt::format(" --precision {} --kv {}", options.backend.precision, options.backend.kv_type()) +
         piped(options.texts);
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
  tell_of(plan.tail > 0, "--tail", any_scores_tail(plan), "scores the last tokens");
  tell_of(plan.n_predict != usual.n_predict, "--n-predict",
          some([](const Task& t) { return t.uses_n_predict; }), "writes so many tokens");
  tell_of(plan.stride != usual.stride, "--stride", some([](const Task& t) { return t.uses_stride; }),
          "moves a window");
  tell_of(plan.n_seeds != usual.n_seeds || plan.n_depths != usual.n_depths, "--questions or --depths",
          some([](const Task& t) { return t.unit == Unit::kQuestion; }), "asks questions");
  tell_of(options.margin != kStabilityMargin, "--margin",
          some([](const Task& t) { return t.unit != Unit::kQuestion; }), "measures a loss");
}

/// What was asked for, as far as options say it; it has no texts yet.
EvalRequest request_of(const RunnerOptions& work) {
  EvalRequest request;
  request.plan = options.plan, request.plan.methods = options.methods;
  for (const std::string& length : options.lengths) request.plan.lengths.push_back(parse_length(length));
  request.documents = options.documents, request.margin = options.margin, request.special = options.special;
  if (!options.work.budget.empty()) request.budget_seconds = work.budget_seconds;
  request.shard = work.shard, request.n_shards = work.n_shards, request.share = work.share;
  request.model_path = options.model, request.command = command_line;
  return request;
}

/// Checks all that can be said before the model is loaded.
EvalRequest checked_request(bool encoder) {
  const RunnerOptions work = options.work.runner_options();
  EvalRequest request = request_of(work);
  check_request(request, encoder);
  say_what_has_no_effect(request.plan);
  const bool chosen = options.methods.empty() || options.lengths.empty() || options.documents == 0;
  if ((options.work.jobs != 1 || work.n_shards > 1) && chosen)
    throw UsageError(options.work.jobs != 1 ? "--jobs" : "--shard",
                     "--methods, --lengths and --documents as well", "one that is missing",
                     "processes that share a plan must have the same");
  return request;
}

/// Answer, tables and report of what was measured.
void show(const ReportData& data, std::optional<OutputFile>& report) {
  fmt::print("{}", options.json ? json_report(data) : text_report(data, false));
  if (!report) return;
  report->write(html_report(data));
  report->commit();
  tell("report: file://{}\n", std::filesystem::absolute(options.work.report).string());
}

/// Errors: UsageError where --jobs would read standard input each.
std::vector<std::string> text_paths(const Context& context) {
  std::vector<std::string> paths = expand_texts(options.texts);
  if (options.work.n_jobs(context) > 1 && std::find(paths.begin(), paths.end(), "-") != paths.end())
    throw UsageError("--jobs", "texts that each process can read", "--text -", "save it to a file first");
  return paths;
}

std::vector<NamedText> read_texts(const std::vector<std::string>& paths, const EvalRequest& request) {
  std::vector<NamedText> texts;
  texts.reserve(paths.size());
  for (const std::string& path : paths)
    texts.push_back(
        {path, read_text_file(path, bytes_of_documents(
                                        options.documents > 0 ? options.documents : kMostDocuments,
                                        request.plan.lengths.empty() ? 0 : request.plan.lengths.back()))});
  return texts;
}

void say_what_it_took(const RunnerResult& result, bool only_stored, bool nothing_new, double start) {
  std::size_t peak = 0;
  for (const Record& r : result.records) peak = std::max(peak, r.peak_bytes);
  say(fmt::format("{} in {:.1f} s{}",
                  only_stored && nothing_new ? "nothing was measured, all was in " +
                                                   printable(options.work.out) + ", of whatever processor"
                  : only_stored ? counted(result.n_items, "item") + " by jobs"
                                : "measured " + counted(result.n_items - result.n_known, "item"),
                  now_seconds() - start, peak > 0 ? fmt::format(", peak memory {} MiB", peak >> 20) : ""));
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

/// Opened before the work: that a file cannot be written should be said now, not in an hour.
void open_report(std::vector<std::string> inputs, std::optional<OutputFile>& report) {
  inputs.push_back(options.model);
  require_outputs_apart({options.work.out, options.work.report}, inputs);
  require_own(options.work.report, "a report of ropewalk's", is_report);
  require_page_name(options.work.report);
  if (!options.work.report.empty()) report.emplace(options.work.report);
}

void say_one_document(const PreparedEval& prepared) {
  const auto& tasks = prepared.runner.plan.tasks;
  if (prepared.documents.size() == 1 && std::find(tasks.begin(), tasks.end(), "far-use") != tasks.end())
    say("far-use: one document, so there is no other text to swap in; give two texts, or --documents 2");
}

/// Other engines: each is a method.
int run_engines() {
  options.engines.require_alone();
  EvalRequest request = request_of(options.work.runner_options());
  check_request_of_engines(request);
  say_what_has_no_effect(request.plan);
  const std::vector<std::string> paths = expand_texts(options.texts);
  request.texts = read_texts(paths, request);
  std::optional<OutputFile> report;
  open_report(paths, report);
  std::optional<Store> store = options.work.open_store();
  request.store = store ? &*store : nullptr;
  const double start = now_seconds();
  const std::size_t n_before = store ? store->size() : 0;
  const std::shared_ptr<const remote::Engines> engines =
      options.engines.connect(options.model, request.plan.tasks);
  request.plan.methods = engines->names(), request.n_at_once = options.engines.concurrency;
  const PreparedEval prepared =
      prepare_engines(std::shared_ptr<const AskedEngine>(engines), engines->tokenizer(),
                      engines->run_info(ROPEWALK_VERSION, options.engines.concurrency), request, say);
  say_one_document(prepared);
  const RunnerResult result = run_prepared(prepared);
  options.work.say_what_was_done(result, prepared.documents.size(), "document", 1);
  if (request.n_shards == 1) show(report_of(prepared, result), report);
  say_what_it_took(result, false, store && store->size() == n_before, start);
  return 0;
}

/// Errors: UsageError for what one process has alone.
void require_alone() {
  if (!shares_items(options.backend)) return;
  if (options.engines.asked(options.model))
    throw UsageError("mpirun", "a model of ours, whose items ranks share", "other engines",
                     "without mpirun; --concurrency asks them side by side");
  if (options.work.jobs != 1)
    throw UsageError("--jobs", "one process", "ranks, which share the items already", "mpirun -n alone");
}

int run() {
  require_alone();
  if (options.engines.asked(options.model)) return run_engines();
  options.engines.require_none();
  if (options.model.empty())
    throw UsageError("ropewalk eval", "MODEL, or --engine NAME=URL", "none", "ropewalk eval --help");
  const std::shared_ptr<Ranks> ranks =
      options.backend.context_parallel ? join_ranks() : std::make_shared<OneRank>();
  share_with(*ranks);
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  const std::shared_ptr<const ModelFile> file = ModelFile::open(options.model);
  if (works_for_first(options.backend)) return work_for_first(*load_model(options.model, file, backend));
  EvalRequest request = checked_request(read_config(*file).encoder);
  const std::vector<std::string> paths = text_paths(*backend->context());
  request.texts = read_texts(paths, request);
  std::optional<OutputFile> report;
  open_report(paths, report);
  std::optional<Store> store = options.work.open_store();
  const double start = now_seconds();
  const std::size_t n_before = store ? store->size() : 0;
  request.only_stored = options.work.run_jobs(request.shard, request.n_shards, *backend->context());
  if (request.only_stored) store = options.work.open_store();
  request.store = store ? &*store : nullptr;
  const std::shared_ptr<const Model> model = load_model(options.model, file, backend);
  const std::unique_ptr<Coordinator> coordinator = share_items(options.backend, *model);
  request.coordinator = coordinator.get();
  PreparedEval prepared = prepare(model, request, is_job() ? kQuiet : say);
  if (options.work.dry_run)
    return print_plan(*prepared.model, prepared.model->tokenizer(), prepared.documents, prepared.runner,
                      prepared.info, options.json, options.work.has_budget());
  prepared.runner.planned = [&, announce = std::move(prepared.runner.planned)](const Plan& plan) {
    require_same_plan(*ranks, plan);
    if (!is_job()) announce(plan);
  };
  say_one_document(prepared);
  const RunnerResult result = run_prepared(prepared);
  options.work.say_what_was_done(result, prepared.documents.size(), "document",
                                 options.work.n_jobs(*backend->context()));
  if (is_job()) return 0;
  if (request.n_shards == 1) show(report_of(prepared, result), report);
  say_what_it_took(result, request.only_stored, store && store->size() == n_before, start);
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
  options.plan.tasks.clear();                     // follow the kind of model
  options.plan.tail = 0;                          // follows the trained length
  app.add_model(options.model)->required(false);  // --engine is another
  app.add_option("--text", options.texts, "text files, or folders of .txt and .md")->required();
  define_special(app, options.special);
  app.add_option("--methods", options.methods,
                 "methods, or all; default: a few good ones;\n"
                 "plain RoPE and truncation always run");
  app.add_option("--lengths", options.lengths,
                 "total lengths in tokens, such as 4k 8k;\n"
                 "default: from the trained length up (our engine)");
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
  options.engines.define(app);
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
      "  mpirun -n 4 ropewalk eval model.gguf --text books/ --out r.jsonl\n"
      "  ropewalk eval model.gguf --text novel.txt --tasks positions \\\n"
      "      --methods yarn:factor=4+logn --lengths 32k\n"
      "  ropewalk eval --engine plain=http://a:8000/v1 --engine yarn=http://b:8000/v1 \\\n"
      "      --text novel.txt --lengths 8k 32k --tasks tail passkey --trained 8k");
}

const Register<Command> registered{
    {"eval", "which methods keep working past the trained length", define, run, true}};

}  // namespace
}  // namespace rw::cli::eval
