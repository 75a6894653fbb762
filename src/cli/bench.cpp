// SPDX-License-Identifier: Apache-2.0
/// ropewalk bench: speed of a model under each method, as ratios to plain RoPE in the same run.
#include <span>

#include "cli/command.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/profile.h"
#include "core/progress.h"

namespace ropewalk {
namespace {

struct Options {
  std::string what, model;
  std::vector<std::string> methods{"none"}, lengths{"512", "2k", "8k"};
  int n_threads = 0, repeat = 3;
  Index n_predict = 32;
  bool profile = false, json = false;
  BackendOptions backend;
} options;

/// One measurement: the fastest of the repeats, and where its time went.
struct Row {
  std::string method;
  Index n = 0, n_timed = 0;
  double seconds = 0, ratio = 1;
  std::vector<OperationTime> operations;
};

/// Any tokens do: the time does not depend on which. The same in every run.
std::vector<Token> some_tokens(Index n, Index n_vocab) {
  std::vector<Token> tokens;
  std::uint64_t state = 1;
  for (Index i = 0; i < n; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    tokens.push_back(static_cast<Token>((state >> 33) % static_cast<std::uint64_t>(n_vocab)));
  }
  return tokens;
}

/// Reads n tokens; with "decode", the time is that of the next n_predict ones. Keeps the faster of it and
/// row.
void measure(const Model& model, const MethodSpec& spec, Row& row) {
  const bool decode = options.what == "decode";
  const Index n_new = decode ? options.n_predict : 0, last = row.n + n_new;
  const std::vector<Token> tokens = some_tokens(last, model.config().n_vocab);
  Session session(model, spec, {.n = last, .n_prompt = row.n});
  const LogitsSink ignore = [](Index, Index, const float*) {};
  const std::span<const Token> all = tokens;
  profile_start();
  double start = now_seconds();
  session.run(all.first(static_cast<std::size_t>(row.n)), row.n - 1, row.n, ignore);
  if (decode) {
    profile_start();
    start = now_seconds();
    for (Index i = row.n; i < last; ++i) session.write(tokens[static_cast<std::size_t>(i)], ignore);
  }
  const double seconds = now_seconds() - start;
  std::vector<OperationTime> operations = profile_stop();
  row.n_timed = decode ? n_new : row.n;
  if (row.seconds == 0 || seconds < row.seconds) {
    row.seconds = seconds;
    row.operations = std::move(operations);
  }
}

/// Methods take turns inside a repeat, so that a disturbance of the machine meets all of them.
std::vector<Row> measure_all(const Model& model) {
  std::vector<Row> rows;
  std::vector<MethodSpec> specs;
  for (const std::string& text : options.methods) specs.push_back(MethodSpec::parse(text));
  Progress progress("bench", static_cast<double>(options.lengths.size() * specs.size()) * options.repeat);
  for (const std::string& length : options.lengths) {
    const std::size_t first = rows.size();
    for (const std::string& method : options.methods)
      rows.push_back({method, parse_length(length), 0, 0, 1, {}});
    for (int repeat = 0; repeat < options.repeat; ++repeat)
      for (std::size_t m = 0; m < specs.size(); ++m) {
        measure(model, specs[m], rows[first + m]);
        progress.add(1);
      }
    for (std::size_t m = 0; m < specs.size(); ++m)
      rows[first + m].ratio = rows[first + m].seconds / rows[first].seconds;
  }
  return rows;
}

Json to_json(const Row& row) {
  Json operations = Json::array();
  for (const OperationTime& o : row.operations)
    operations.push_back(
        {{"name", o.name}, {"seconds", o.seconds}, {"calls", o.calls}, {"flop", o.flop}, {"bytes", o.bytes}});
  return {{"method", row.method},
          {"n", row.n},
          {"n_timed", row.n_timed},
          {"seconds", row.seconds},
          {"tokens_per_second", static_cast<double>(row.n_timed) / row.seconds},
          {"ratio", row.ratio},
          {"operations", operations}};
}

void print_profile(const Row& row) {
  fmt::print("\n{} at {}: time per operation\n{:<12} {:>8} {:>7} {:>8} {:>9} {:>8}\n", row.method, row.n,
             "operation", "ms", "share", "calls", "GFLOP/s", "GB/s");
  double rest = row.seconds;
  for (const OperationTime& o : row.operations) {
    rest -= o.seconds;
    fmt::print("{:<12} {:>8.1f} {:>6.1f}% {:>8} {:>9.1f} {:>8.1f}\n", o.name, o.seconds * 1e3,
               100 * o.seconds / row.seconds, o.calls, o.flop / o.seconds / 1e9, o.bytes / o.seconds / 1e9);
  }
  fmt::print("{:<12} {:>8.1f} {:>6.1f}%\n", "the rest", rest * 1e3, 100 * rest / row.seconds);
}

int run() {
  set_threads(options.n_threads);
  for (const std::string& method : options.methods) MethodSpec::parse(method);  // before the load
  const std::unique_ptr<ModelFile> file = ModelFile::open(options.model);
  const Model model(*file, options.backend.make());
  const std::vector<Row> rows = measure_all(model);
  if (options.json) {
    Json lines = Json::array();
    for (const Row& row : rows) lines.push_back(to_json(row));
    fmt::print("{}\n", dump_json({{"bench", options.what},
                                  {"model", model.config().name},
                                  {"backend", model.backend().name()},
                                  {"threads", threads()},
                                  {"repeat", options.repeat},
                                  {"rows", lines}}));
    return 0;
  }
  fmt::print("{:<28} {:>8} {:>12} {:>10} {:>8}\n", options.what + ", method",
             options.what == "decode" ? "depth" : "n", "tokens/s", "ms/token", "ratio");
  for (const Row& row : rows)
    fmt::print("{:<28} {:>8} {:>12.1f} {:>10.3f} {:>8.3f}\n", row.method, row.n,
               static_cast<double>(row.n_timed) / row.seconds,
               1e3 * row.seconds / static_cast<double>(row.n_timed), row.ratio);
  if (options.profile)
    for (const Row& row : rows) print_profile(row);
  return 0;
}

void define(CLI::App& app) {
  app.add_option("WHAT", options.what, "prefill (reading) or decode (writing)")
      ->required()
      ->check(CLI::IsMember({"prefill", "decode"}));
  app.add_option("MODEL", options.model, "GGUF file or Hugging Face folder")->required();
  app.add_option("--methods", options.methods, "the first is what the others are compared with")
      ->capture_default_str();
  app.add_option("--lengths", options.lengths, "prompt lengths, or depths")->capture_default_str();
  app.add_option("-n,--n-predict", options.n_predict, "decode: tokens to write")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--repeat", options.repeat, "runs of each; the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_flag("--profile", options.profile, "a table of time per operation");
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Examples:\n"
      "  ropewalk bench prefill model.gguf --methods none rerope --lengths 2k 8k\n"
      "  ropewalk bench decode model.gguf --lengths 512 8k --profile");
}

const Register<Command> registered{{"bench", "speed of a model under each method", define, run}};

}  // namespace
}  // namespace ropewalk
