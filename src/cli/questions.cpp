// SPDX-License-Identifier: Apache-2.0
/// ropewalk questions: answers the questions of a file of RULER or LongBench under several methods, by the
/// same plan, runner and store as `ropewalk eval`.
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "cli/documents.h"
#include "cli/eval_plan.h"
#include "cli/jobs.h"
#include "cli/make_report.h"
#include "cli/questions_table.h"
#include "core/output_file.h"
#include "core/text.h"
#include "evaluation/fitting_methods.h"
#include "evaluation/plan_time.h"
#include "evaluation/run_info.h"
#include "evaluation/texts.h"
#include "judge/import/longbench.h"
#include "judge/import/longbench_v2.h"
#include "judge/import/ruler.h"
#include "metrics/share_found.h"
#include "model/method_choice.h"
#include "results/answer.h"

namespace rw::cli::questions {
namespace {

struct Options {
  std::string model, file, format, length, truncate, predictions, prompts, score = "all";
  std::vector<std::string> methods;
  Index limit = 0, n_predict = 0;
  int n_threads = 0;
  bool raw = false, json = false;
  WorkOptions work;
  BackendOptions backend;
} options;

std::vector<FileQuestion> read_questions() {
  const std::string text = read_text_file(options.file);
  std::vector<FileQuestion> questions;
  if (options.format == "ruler") {
    questions = read_ruler(text, options.file, {.any_reference = options.score == "any"});
  } else {
    const std::string prompts = options.prompts.empty() ? "" : read_text_file(options.prompts);
    if (options.format == "longbench-v2")
      questions = read_longbench_v2(text, options.file, prompts);
    else if (prompts.empty())
      questions = read_longbench(text, options.file, {});
    else
      questions = read_longbench(text, options.file, read_longbench_prompts(prompts, options.prompts));
  }
  if (options.limit > 0 && static_cast<Index>(questions.size()) > options.limit)
    questions.erase(questions.begin() + options.limit, questions.end());
  if (options.n_predict > 0)
    for (FileQuestion& question : questions) question.n_predict = options.n_predict;
  return questions;
}

/// One line of --predictions, with the fields that the benchmarks' own scripts read.
Json prediction(const AskedQuestion& asked, const Record& record) {
  const FileQuestion& question = asked.question;
  const std::string answer(behind_thoughts(record.written, asked.thinking));
  const bool number = !question.id.empty() && question.id.size() < 10 &&
                      question.id.find_first_not_of("0123456789") == std::string::npos;
  Json line{{"method", record.method}};
  if (options.format == "longbench-v2") {
    line["_id"] = question.id;
    for (const auto& [name, value] : question.fields) line[name] = value;
    const std::string letter = chosen_letter(answer);
    line["answer"] = question.references[0], line["response"] = answer;
    line["pred"] = letter.empty() ? Json() : Json(letter), line["judge"] = record.score == 1;
  } else {
    line["index"] = number ? Json(std::stol(question.id)) : Json(question.id);
    line["dataset"] = question.group, line["pred"] = answer;
    line[options.format == "ruler" ? "outputs" : "answers"] = question.references;
    if (options.format == "longbench")
      line["all_classes"] = question.classes.empty() ? Json() : Json(question.classes);
    line["length"] = question.file_length;
  }
  line["score"] = record.score.value_or(0), line["n_tokens"] = record.achieved, line["n_cut"] = asked.n_cut;
  line["chat"] = asked.chat;
  return line;
}

/// Whether a file is such lines: its first one tells.
bool is_predictions(std::string_view bytes) {
  const Json line = Json::parse(bytes.substr(0, bytes.find('\n')), nullptr, false);
  return line.is_object() && line.contains("method") && line.contains("score") && line.contains("n_tokens") &&
         line.contains("n_cut") && line.contains("chat");
}

void write_predictions(const std::vector<Record>& records, const std::vector<Document>& documents,
                       OutputFile& out) {
  std::map<std::string, const AskedQuestion*> asked;
  for (const Document& document : documents) asked[document.name] = document.asked.get();
  for (const Record& record : records)
    if (!is_baseline(record.method))
      out.write(dump_json(prediction(*asked.at(record.document), record)) + "\n");
  out.commit();
}

/// What all prompts together are.
struct Prompts {
  std::size_t n = 0, n_chat = 0, n_cut = 0;
};

Prompts prompts_of(const std::vector<Document>& documents) {
  Prompts prompts{documents.size()};
  for (const Document& document : documents)
    prompts.n_chat += document.asked->chat, prompts.n_cut += document.asked->n_cut > 0;
  return prompts;
}

void show(const RunnerResult& result, const std::vector<Document>& documents, const RunInfo& info,
          const Prompts& prompts) {
  const std::vector<QuestionCell> cells =
      summarise_questions(result.records, documents, options.format != "longbench");
  const ReportData data = report_for(result.records, info);
  if (!options.json) {
    fmt::print("{}\n{}", answer_text(data), questions_table(cells));
    return;
  }
  Json all{{"file", options.file},
           {"format", options.format},
           {"n_truncated", prompts.n_cut},
           {"n_chat", prompts.n_chat}};
  if (options.format == "longbench") all["prompts"] = options.prompts.empty() ? "ropewalk" : options.prompts;
  all["answer"] = answer_line(data);
  all["scores"] = questions_json(cells);
  all["records"] = Json::array();
  for (const Record& record : result.records) all["records"].push_back(to_json(record, info));
  fmt::print("{}\n", dump_json(all));
}

/// Checks all that can be said before the model is loaded.
RunnerOptions runner_options() {
  if (options.file.empty()) take_for_file(options.model, options.file);
  if (options.file.empty()) throw UsageError("questions", "FILE", "none", "questions MODEL FILE");
  RunnerOptions runner = options.work.runner_options();
  for (const std::string& method : options.methods) check_method(method);
  if (std::find(options.methods.begin(), options.methods.end(), "auto") != options.methods.end()) {
    if (options.length.empty())
      throw UsageError("--methods auto", "--length as well", "no --length",
                       "what auto stands for depends on it");
    replace_auto(options.methods, options.model, read_config(*ModelFile::open(options.model)),
                 {parse_length(options.length)}, is_job() ? kQuiet : say);
  }
  runner.plan.tasks = {"questions"}, runner.plan.methods = options.methods;
  if (!options.truncate.empty() && options.length.empty())
    throw UsageError("--truncate", "--length as well", "no --length", "say what is too long");
  if (!options.prompts.empty() && options.format == "ruler")
    throw UsageError("--prompts", "--format longbench or longbench-v2", "'" + options.format + "'");
  if (options.score != "all" && options.format != "ruler")
    throw UsageError("--score", "--format ruler", "'" + options.format + "'");
  if (runner.n_shards > 1 && !options.predictions.empty())
    throw UsageError("--predictions", "no --shard", "--shard " + options.work.shard,
                     "run once more with all that is stored, without --shard");
  require_outputs_apart({options.work.out, options.work.report, options.predictions},
                        {options.file, options.model, options.prompts});
  require_own(options.work.report, "a report of ropewalk's", is_report);
  require_own(options.predictions, "predictions of ropewalk's", is_predictions);
  return runner;
}

std::string command_line() {
  std::string text = fmt::format("ropewalk questions {} {} --format {}", shell_quoted(options.model),
                                 shell_quoted(options.file), options.format);
  if (!options.methods.empty()) text += " --methods";
  for (const std::string& method : options.methods) text += " " + shell_quoted(method);
  if (!options.length.empty()) text += " --length " + shell_quoted(options.length);
  if (!options.truncate.empty()) text += " --truncate " + options.truncate;
  if (!options.prompts.empty()) text += " --prompts " + shell_quoted(options.prompts);
  if (options.work.has_budget()) text += " --budget " + shell_quoted(options.work.budget);
  if (options.limit > 0) text += fmt::format(" --limit {}", options.limit);
  if (options.n_predict > 0) text += fmt::format(" --n-predict {}", options.n_predict);
  if (options.score != "all") text += " --score " + options.score;
  return text + pre_option() + (options.raw ? " --raw" : "") +
         fmt::format(" --precision {} --kv {}", options.backend.precision, options.backend.kv_type()) +
         piped({options.file, options.prompts});
}

/// Prompts before the first answer: one that is too long should be said now, not in an hour.
std::vector<Document> read_documents(const Tokenizer& tokenizer, const std::vector<FileQuestion>& questions) {
  return question_documents(tokenizer, questions, options.file,
                            {.length = options.length.empty() ? 0 : parse_length(options.length),
                             .raw = options.raw,
                             .truncate = !options.truncate.empty()});
}

void require_same_questions(const Store& store, const std::vector<Document>& documents) {
  std::map<std::string, std::string> questions;
  for (const Document& document : documents)
    questions.emplace(document.name, document.asked->question.file_id);
  store.require_texts(texts_by_name(documents));
  store.require_questions(questions);
}

int run() {
  const std::shared_ptr<const Backend> backend =
      options.backend.make(make_context(options.n_threads));  // before the load
  RunnerOptions runner = runner_options();
  const std::vector<FileQuestion> questions = read_questions();
  // Opened before the work: that a file cannot be written should be said now, not in an hour.
  require_page_name(options.work.report);
  std::optional<OutputFile> report, predictions;
  if (!options.work.report.empty()) report.emplace(options.work.report);
  if (!options.predictions.empty()) predictions.emplace(options.predictions);
  std::optional<Store> store = options.work.open_store();
  runner.only_stored =
      options.work.run_jobs(runner.shard, runner.n_shards, *backend->context(), {"--predictions"});
  if (runner.only_stored) store = options.work.open_store();
  runner.store = store ? &*store : nullptr;
  const std::shared_ptr<const Model> loaded = load_decoder(options.model, backend);
  const std::vector<Document> documents = read_documents(loaded->tokenizer(), questions);
  if (store) require_same_questions(*store, documents);
  RunInfo info = run_info(*loaded, options.model);
  info.command = command_line(), info.margin = kStabilityMargin;
  if (store) store->require_alike(info, false);
  const Prompts prompts = prompts_of(documents);
  if (!is_job()) say_acting_layers(loaded->config());
  if (!is_job())
    say(fmt::format("{}, {} with the model's chat template, {} cut in the middle",
                    counted(prompts.n, "question"), prompts.n_chat, prompts.n_cut));
  if (options.format == "longbench" && options.prompts.empty() && !is_job())
    say("prompts are ropewalk's wording: --prompts takes LongBench's dataset2prompt.json");
  if (options.work.dry_run)
    return print_plan(*loaded, loaded->tokenizer(), documents, runner, info, options.json,
                      options.work.has_budget());
  if (!is_job()) runner.planned = announcer(*loaded, runner, options.work.has_budget(), say);
  const RunnerResult result = run_all(*loaded, loaded->tokenizer(), documents, runner, info);
  options.work.say_what_was_done(result, documents.size(), "question",
                                 options.work.n_jobs(*backend->context()));
  if (runner.n_shards > 1) return 0;
  show(result, documents, info, prompts);
  if (predictions) write_predictions(result.records, documents, *predictions);
  if (report) write_report(result.records, info, *report, options.work.report);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("FILE", options.file, "questions: JSON lines, or one array");
  app.add_option("--format", options.format, "ruler, longbench (v1) or longbench-v2")
      ->required()
      ->check(one_of({"ruler", "longbench", "longbench-v2"}));
  app.add_option("--methods", options.methods, "methods; plain RoPE and truncation always run");
  app.add_option("--length", options.length, "most tokens in all; default: as each needs");
  app.add_option("--truncate", options.truncate, "middle: cut what is longer; else it is refused")
      ->check(one_of({"middle"}));
  app.add_option("--limit", options.limit, "only so many questions, from the first")
      ->check(in_range(1, 1 << 30));
  app.add_option("-n,--n-predict", options.n_predict, "most tokens to write; default: the format's")
      ->check(in_range(1, 4096));
  app.add_option("--score", options.score, "ruler: share of the references, or any (qa)")
      ->check(one_of({"all", "any"}))
      ->capture_default_str();
  app.add_option("--prompts", options.prompts, "longbench: dataset2prompt.json; v2: a 0shot.txt");
  app.add_option("--predictions", options.predictions, "answers as the benchmark's scripts read them")
      ->take_last();
  app.add_flag("--raw", options.raw, "no chat template");
  options.work.define(app);
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024))->take_last();
  app.add_flag("--json", options.json, "print JSON instead of the table");
  app.footer(
      "Examples:\n"
      "  ropewalk questions model.gguf niah.jsonl --format ruler --methods pi yarn \\\n"
      "      --out answers.jsonl --report report.html\n"
      "  ropewalk questions model.gguf hotpotqa.jsonl --format longbench \\\n"
      "      --prompts dataset2prompt.json --length 8k --truncate middle");
}

const Register<Command> registered{
    {"questions", "answer the questions of a RULER or LongBench file", define, run}};

}  // namespace
}  // namespace rw::cli::questions
