// SPDX-License-Identifier: Apache-2.0
/// ropewalk questions: answers the questions of a file of RULER or LongBench under several methods.
#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "cli/command.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "judge/import/longbench.h"
#include "judge/import/ruler.h"
#include "judge/plan.h"
#include "results/statistics.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model, file, format, length, truncate, out, prompts, score = "all";
  std::vector<std::string> methods;
  Index limit = 0, n_predict = 0;
  int n_threads = 0;
  bool raw = false, json = false;
  BackendOptions backend;
} options;

std::vector<FileQuestion> read_questions() {
  const std::string text = read_text_file(options.file);
  std::vector<FileQuestion> questions;
  if (options.format == "ruler") {
    questions = read_ruler(text, options.file, {.any_reference = options.score == "any"});
  } else {
    LongBenchPrompts prompts;
    if (!options.prompts.empty())
      prompts = read_longbench_prompts(read_text_file(options.prompts), options.prompts);
    questions = read_longbench(text, options.file, prompts);
  }
  if (options.limit > 0 && static_cast<Index>(questions.size()) > options.limit)
    questions.erase(questions.begin() + options.limit, questions.end());
  if (options.n_predict > 0)
    for (FileQuestion& question : questions) question.n_predict = options.n_predict;
  return questions;
}

/// One line of --out, with the fields that the benchmarks' own scripts read.
Json prediction(const FileQuestion& question, const FilePrompt& prompt, const FileAnswer& answer,
                const std::string& method) {
  const bool number = !question.id.empty() && question.id.size() < 10 &&
                      question.id.find_first_not_of("0123456789") == std::string::npos;
  Json line{{"method", method}};
  line["index"] = number ? Json(std::stol(question.id)) : Json(question.id);
  line["dataset"] = question.group, line["pred"] = answer.written;
  line[options.format == "ruler" ? "outputs" : "answers"] = question.references;
  if (options.format == "longbench")
    line["all_classes"] = question.classes.empty() ? Json() : Json(question.classes);
  line["length"] = question.file_length;
  line["score"] = answer.score, line["n_tokens"] = answer.n_tokens, line["n_cut"] = prompt.n_cut;
  line["chat"] = prompt.chat;
  return line;
}

/// Scores of one method on one group, in the file's order.
struct Cell {
  std::string group, method;
  std::vector<double> scores;
  Index n_empty = 0;
};

std::vector<Cell> answer_all(const LoadedModel& loaded, const std::vector<FileQuestion>& questions,
                             const std::vector<FilePrompt>& prompts, Index length,
                             std::optional<OutputFile>& out) {
  std::vector<Cell> cells;
  const auto cell = [&](const std::string& group, const std::string& method) -> Cell& {
    for (Cell& c : cells)
      if (c.group == group && c.method == method) return c;
    return cells.emplace_back(Cell{group, method, {}});
  };
  double total = 0, done = 0;
  for (const FilePrompt& prompt : prompts) total += cost_of(static_cast<Index>(prompt.tokens.size()));
  Progress progress("answering", total * static_cast<double>(options.methods.size()));
  for (std::size_t q = 0; q < questions.size(); ++q)
    for (const std::string& method : options.methods) {
      const FileAnswer answer = answer_file_question(
          *loaded.model, *loaded.tokenizer, MethodSpec::parse(method), questions[q], prompts[q], length);
      Cell& c = cell(questions[q].group, method);
      c.scores.push_back(answer.score);
      c.n_empty += answer.written.find_first_not_of(" \t\r\n") == std::string::npos;
      if (out) out->write(dump_json(prediction(questions[q], prompts[q], answer, method)) + "\n");
      progress.update(done += cost_of(static_cast<Index>(prompts[q].tokens.size())));
    }
  return cells;
}

/// RULER's scores are shares of answers found; LongBench's are means of fractions, whose spread is unknown
/// where all are equal.
Interval interval_of(const Cell& cell) {
  Interval mean = t_interval(cell.scores);
  if (options.format == "ruler") {
    const double found = std::accumulate(cell.scores.begin(), cell.scores.end(), 0.0);
    const Proportion share = proportion(found, static_cast<Index>(cell.scores.size()));
    mean.low = share.low, mean.high = share.high;
    return mean;
  }
  if (!(mean.deviation > 0)) mean.low = mean.high = std::nullopt;
  if (mean.low) mean.low = std::max(0.0, *mean.low), mean.high = std::min(1.0, *mean.high);
  return mean;
}

void print_table(const std::vector<Cell>& cells) {
  fmt::print("{:<20} {:<24} {:>5} {:>7} {:>15} {:>5}\n", "questions", "method", "n", "score", "95 %",
             "empty");
  for (const Cell& cell : cells) {
    const Interval mean = interval_of(cell);
    const std::string interval =
        mean.low && mean.high ? fmt::format("{:.3f} .. {:.3f}", *mean.low, *mean.high) : "-";
    fmt::print("{:<20} {:<24} {:>5} {:>7.4f} {:>15} {:>5}\n", cell.group, cell.method, mean.n, mean.mean,
               interval, cell.n_empty);
  }
}

void print_json(const std::vector<Cell>& cells, std::size_t n_cut, std::size_t n_chat) {
  Json all{{"file", options.file}, {"format", options.format}, {"n_truncated", n_cut}, {"n_chat", n_chat}};
  if (options.format == "longbench") all["prompts"] = options.prompts.empty() ? "ropewalk" : options.prompts;
  all["scores"] = Json::array();
  for (const Cell& cell : cells) {
    const Interval mean = interval_of(cell);
    Json one{{"questions", cell.group}, {"method", cell.method}, {"n", mean.n}, {"score", mean.mean}};
    one["low"] = mean.low ? Json(*mean.low) : Json(), one["high"] = mean.high ? Json(*mean.high) : Json();
    one["n_empty"] = cell.n_empty;
    all["scores"].push_back(std::move(one));
  }
  fmt::print("{}\n", dump_json(all));
}

int run() {
  use_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();  // before the load
  if (options.methods.empty()) options.methods = {kPlain};
  for (const std::string& method : options.methods) MethodSpec::parse(method);
  const Index length = options.length.empty() ? 0 : parse_length(options.length);
  if (!options.truncate.empty() && length == 0)
    throw UsageError("--truncate", "--length as well", "no --length", "say what is too long");
  if (!options.prompts.empty() && options.format != "longbench")
    throw UsageError("--prompts", "--format longbench", "'" + options.format + "'");
  const std::vector<FileQuestion> questions = read_questions();
  require_outputs_apart({options.out}, {options.file, options.model});
  std::optional<OutputFile> out;
  if (!options.out.empty()) out.emplace(options.out);
  const LoadedModel loaded = load_model(options.model, backend);
  // All prompts before the first answer: one that is too long should be said now, not in an hour.
  std::vector<FilePrompt> prompts;
  prompts.reserve(questions.size());
  for (const FileQuestion& question : questions)
    prompts.push_back(file_prompt(*loaded.tokenizer, question, length, options.raw, !options.truncate.empty(),
                                  fmt::format("{}, question {}", options.file, question.id)));
  const auto n_cut = static_cast<std::size_t>(
      std::count_if(prompts.begin(), prompts.end(), [](const FilePrompt& p) { return p.n_cut > 0; }));
  const auto n_chat = static_cast<std::size_t>(
      std::count_if(prompts.begin(), prompts.end(), [](const FilePrompt& p) { return p.chat; }));
  fmt::print(stderr, "{} questions, {} with the model's chat template, {} cut in the middle\n",
             questions.size(), n_chat, n_cut);
  if (options.format == "longbench" && options.prompts.empty())
    fmt::print(stderr, "prompts are ropewalk's wording: --prompts takes LongBench's dataset2prompt.json\n");
  const std::vector<Cell> cells = answer_all(loaded, questions, prompts, length, out);
  if (out) out->commit();
  if (options.json)
    print_json(cells, n_cut, n_chat);
  else
    print_table(cells);
  return 0;
}

void define(CommandLine& app) {
  app.add_model(options.model);
  app.add_option("FILE", options.file, "questions, a JSON object a line")->required();
  app.add_option("--format", options.format, "ruler, or longbench (v1)")
      ->required()
      ->check(one_of({"ruler", "longbench"}));
  app.add_option("--methods", options.methods, "methods; default: plain RoPE");
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
  app.add_option("--prompts", options.prompts, "longbench: its config/dataset2prompt.json");
  app.add_option("--out", options.out, "answers and scores as JSON lines");
  app.add_flag("--raw", options.raw, "no chat template");
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--json", options.json, "print JSON instead of the table");
  app.footer(
      "Examples:\n"
      "  ropewalk questions model.gguf niah.jsonl --format ruler --methods none yarn\n"
      "  ropewalk questions model.gguf hotpotqa.jsonl --format longbench \\\n"
      "      --prompts dataset2prompt.json --length 8k --truncate middle");
}

const Register<Command> registered{
    {"questions", "answer the questions of a RULER or LongBench file", define, run}};

}  // namespace
}  // namespace ropewalk
