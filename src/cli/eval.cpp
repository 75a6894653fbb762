// SPDX-License-Identifier: Apache-2.0
/// ropewalk eval: the main job. Which methods keep working past the trained length, on the user's own text?
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "core/output_file.h"
#include "core/parallel.h"
#include "judge/runner.h"
#include "judge/summary.h"
#include "report/html.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model, task = "tail", out, report, budget = "0";
  std::vector<std::string> texts, methods, lengths;
  Index tail = 256;
  double margin = kStabilityMargin;
  int documents = 1, n_threads = 0;
  bool json = false;
  BackendOptions backend;
} options;

/// "90s", "8m", "2h" or seconds.
double parse_seconds(const std::string& text) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used == 0 || scale == 0 || !(value >= 0 && value < 1e7))
    throw UsageError("--budget", "a time such as 90s, 8m or 2h", "'" + text + "'");
  return value * scale;
}

/// FNV-1a of bytes, to tell texts apart in records.
std::string identity(std::string_view bytes) {
  std::uint64_t hash = 1469598103934665603u;
  for (unsigned char c : bytes) hash = (hash ^ c) * 1099511628211u;
  return fmt::format("{:016x}", hash);
}

/// Of names, sizes and times of a model's files: two models of one shape have equally many bytes of tensors.
std::string model_identity(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  auto add = [&](const fs::path& file) {
    files.push_back(fmt::format("{} {} {}", file.filename().string(), fs::file_size(file),
                                fs::last_write_time(file).time_since_epoch().count()));
  };
  if (fs::is_directory(path)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
      if (entry.is_regular_file()) add(entry.path());
  } else {
    add(path);
  }
  std::sort(files.begin(), files.end());
  return identity(fmt::format("{}", fmt::join(files, "\n")));
}

/// Records are paired by a document's name: file names where they differ, else paths. Errors: UsageError for
/// a text given twice, which would count as two independent documents.
std::vector<std::string> document_names(const std::vector<std::string>& paths,
                                        const std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (std::find(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(i), texts[i]) !=
        texts.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError("--text", "texts that differ", "'" + paths[i] + "' twice",
                       "documents must be independent");
    names.push_back(std::filesystem::path(paths[i]).filename().string());
  }
  const std::vector<std::string> file_names = names;
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (std::count(file_names.begin(), file_names.end(), file_names[i]) > 1) names[i] = paths[i];
  return names;
}

std::vector<Document> read_documents(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                                     Index longest) {
  std::vector<Document> documents;
  std::vector<Token> bos;
  if (tokenizer.add_bos && tokenizer.bos) bos = {*tokenizer.bos};
  const std::vector<std::string> names = document_names(options.texts, texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (Document& d : split_document(names[i], tokenizer.encode(texts[i]), bos, options.documents, longest))
      documents.push_back(std::move(d));
  }
  return documents;
}

std::vector<MethodNote> method_notes() {
  std::vector<MethodNote> notes;
  std::vector<std::string> specs = options.methods;
  specs.insert(specs.begin(), kPlain);
  for (const std::string& spec : specs)
    for (const MethodPart& part : MethodSpec::parse(spec).parts) {
      const MethodInfo& info = Registry<MethodInfo>::get(part.name, "method");
      if (std::none_of(notes.begin(), notes.end(), [&](const MethodNote& n) { return n.name == info.name; }))
        notes.push_back({info.name, info.title, info.formula, info.source});
    }
  return notes;
}

std::string command_line() {
  std::string text = fmt::format("ropewalk eval {} --text {} --methods {} --lengths {}", options.model,
                                 fmt::join(options.texts, " "), fmt::join(options.methods, " "),
                                 fmt::join(options.lengths, " "));
  return text + fmt::format(" --task {} --tail {} --documents {} --precision {} --kv {}", options.task,
                            options.tail, options.documents, options.backend.precision,
                            options.backend.kv_type());
}

RunInfo run_info(const LoadedModel& loaded, const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += identity(text);
  return {.version = ROPEWALK_VERSION,
          .model = std::filesystem::path(options.model).filename().string(),
          .model_id = fmt::format("{} bytes of tensors, {}, {}", loaded.file->tensor_bytes(),
                                  loaded.file->container(), model_identity(options.model)),
          .text_id = identity(all),
          .precision = options.backend.precision,
          .kv = options.backend.kv_type(),
          .isa = active_isa(),
          .command = command_line(),
          .n_ctx_train = loaded.model->config().n_ctx_train,
          .tail = options.tail,
          .margin = options.margin,
          .threads = threads()};
}

int run() {
  set_threads(options.n_threads);
  const std::shared_ptr<const Backend> backend = options.backend.make();  // before the load
  RunnerOptions runner{.task = options.task,
                       .methods = options.methods,
                       .lengths = {},
                       .tail = options.tail,
                       .budget_seconds = parse_seconds(options.budget),
                       .out = nullptr};
  Registry<Task>::get(options.task, "task");
  for (const std::string& spec : options.methods) MethodSpec::parse(spec);
  for (const std::string& length : options.lengths) runner.lengths.push_back(parse_length(length));
  std::sort(runner.lengths.begin(), runner.lengths.end());
  runner.lengths.erase(std::unique(runner.lengths.begin(), runner.lengths.end()), runner.lengths.end());
  if (runner.lengths.front() <= options.tail + 64)
    throw UsageError("--lengths",
                     fmt::format("more than the tail and 64 tokens of context, {}", options.tail + 64),
                     fmt::format("{}", runner.lengths.front()));
  std::vector<std::string> texts;
  for (const std::string& path : options.texts) texts.push_back(read_text_file(path));
  std::vector<std::string> inputs = options.texts;
  inputs.push_back(options.model);
  require_other_file(options.out, inputs);
  require_other_file(options.report, inputs);
  // Opened before the work: that a file cannot be written should be said now, not in an hour.
  std::optional<OutputFile> out, report;
  if (!options.out.empty()) out.emplace(options.out);
  if (!options.report.empty()) report.emplace(options.report);
  const LoadedModel loaded = load_model(options.model, backend);
  const std::vector<Document> documents = read_documents(*loaded.tokenizer, texts, runner.lengths.back());
  const RunInfo info = run_info(loaded, texts);
  runner.out = out ? &*out : nullptr;
  const double start = now_seconds();
  const RunnerResult result = run_all(*loaded.model, documents, runner, info);
  if (out) out->commit();
  if (result.n_documents < documents.size())
    fmt::print(stderr, "{} of {} documents fit into --budget {}\n", result.n_documents, documents.size(),
               options.budget);
  const bool tail = options.task == "tail";
  const std::vector<SummaryCell> cells =
      tail ? summarise(result.records, options.margin) : std::vector<SummaryCell>{};
  if (options.json) {
    Json records = Json::array();
    for (const Record& r : result.records) records.push_back(to_json(r, info));
    fmt::print("{}\n",
               dump_json(tail ? summary_json(cells, info, result.n_documents) : Json{{"records", records}}));
  } else {
    fmt::print("{}", tail ? summary_table(cells, info, result.n_documents) : positions_table(result.records));
  }
  if (report) {
    report->write(html_report(cells, result.records, info, result.n_documents, method_notes()));
    report->commit();
    fmt::print(stderr, "report: file://{}\n", std::filesystem::absolute(options.report).string());
  }
  Index n_tokens = 0;
  for (const Record& r : result.records)
    if (!r.shared && r.position_begin == 0) n_tokens += r.achieved;
  fmt::print(stderr, "{}\n", speed_line("read", n_tokens, now_seconds() - start));
  return 0;
}

void define(CLI::App& app) {
  app.add_option("MODEL", options.model, "GGUF file or Hugging Face folder")->required();
  app.add_option("--text", options.texts, "text files; each is a document")->required();
  app.add_option("--methods", options.methods, "methods; plain RoPE and truncation always run")->required();
  app.add_option("--lengths", options.lengths, "total lengths in tokens, such as 4k 8k 16k")->required();
  app.add_option("--task", options.task, "tail or positions")->capture_default_str();
  app.add_option("--tail", options.tail, "last tokens that are scored")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--margin", options.margin, "difference in nats that counts as stable")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_option("--documents", options.documents, "disjoint stretches taken from each file")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--budget", options.budget, "leave out documents that would not fit: 8m");
  app.add_option("--out", options.out, "write one JSON line per measurement");
  app.add_option("--report", options.report, "write an HTML report");
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_flag("--json", options.json, "print JSON instead of the table");
  app.footer(
      "Examples:\n"
      "  ropewalk eval model.gguf --text novel.txt --documents 4 \\\n"
      "      --methods pi ntk yarn rerope self-extend --lengths 8k 16k \\\n"
      "      --out results.jsonl --report report.html\n"
      "  ropewalk eval model.gguf --text novel.txt --task positions \\\n"
      "      --methods yarn:factor=4+logn --lengths 32k");
}

const Register<Command> registered{
    {"eval", "which methods keep working past the trained length", define, run}};

}  // namespace
}  // namespace ropewalk
