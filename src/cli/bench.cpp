// SPDX-License-Identifier: Apache-2.0
/// ropewalk bench: speed under each method, as ratios to plain RoPE and to what the machine can do, in the
/// same run.
#include "cli/bench.h"

#include "core/json.h"
#include "core/progress.h"

namespace rw::bench {
namespace {

bench::Options options;

/// Methods take turns inside a repeat, so that a disturbance of the machine meets all of them.
std::vector<Row> measure_methods(const Model& model) {
  const auto measure = options.what == "attention" ? bench::measure_attention
                       : options.what == "step"    ? bench::measure_step
                                                   : bench::measure_model;
  std::vector<Row> rows;
  std::vector<MethodSpec> specs;
  for (const std::string& text : options.methods) specs.push_back(MethodSpec::parse(text));
  Progress progress("bench", static_cast<double>(options.lengths.size() * specs.size()) * options.repeat);
  for (const std::string& length : options.lengths) {
    const std::size_t first = rows.size();
    for (const std::string& method : options.methods)
      rows.push_back({method, parse_length(length), 0, 0, 1, {}, 0, 0});
    for (int repeat = 0; repeat < options.repeat; ++repeat)
      for (std::size_t m = 0; m < specs.size(); ++m) {
        Row& row = rows[first + m];
        bench::Measured now = measure(model, options, specs[m], row.n);
        row.n_timed = now.n_timed, row.cache_bytes = now.cache_bytes;
        row.peak_bytes = std::max(row.peak_bytes, now.peak_bytes);
        if (row.seconds == 0 || now.seconds < row.seconds)
          row.seconds = now.seconds, row.operations = std::move(now.operations);
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
  return {{"method", row.name},
          {"n", row.n},
          {"n_timed", row.n_timed},
          {"seconds", row.seconds},
          {"tokens_per_second", static_cast<double>(row.n_timed) / row.seconds},
          {"ratio", row.ratio},
          {"cache_bytes", row.cache_bytes},
          {"peak_bytes", row.peak_bytes},
          {"operations", operations}};
}

/// "41% flop" or "83% read": the limit that the operation is nearest to.
std::string share_of_peak(const OperationTime& o, const MachinePeaks& peaks) {
  const double arithmetic = o.flop / o.seconds / peaks.best(), reading = o.bytes / o.seconds / peaks.read;
  if (arithmetic == 0 && reading == 0) return "";
  return fmt::format("{:.0f}% {}", 100 * std::max(arithmetic, reading),
                     arithmetic > reading ? "flop" : "read");
}

void print_operations(const Row& row, const MachinePeaks& peaks) {
  fmt::print("\n{} at {}: time per operation\n{:<13} {:>8} {:>7} {:>7} {:>9} {:>7} {:>10}\n", row.name, row.n,
             "operation", "ms", "share", "calls", "GFLOP/s", "GB/s", "of peak");
  double rest = row.seconds;
  for (const OperationTime& o : row.operations) {
    rest -= o.seconds;
    fmt::print("{:<13} {:>8.1f} {:>6.1f}% {:>7} {:>9.1f} {:>7.1f} {:>10}\n", o.name, o.seconds * 1e3,
               100 * o.seconds / row.seconds, o.calls, o.flop / o.seconds / 1e9, o.bytes / o.seconds / 1e9,
               share_of_peak(o, peaks));
  }
  if (options.what != "attention")  // there, the time is attention's alone
    fmt::print("{:<13} {:>8.1f} {:>6.1f}%\n", "the rest", rest * 1e3, 100 * rest / row.seconds);
}

void print_methods(const std::vector<Row>& rows, const MachinePeaks& peaks) {
  const bool memory = options.what != "attention";  // there, no model runs
  fmt::print("{:<27} {:>8} {:>9} {:>9} {:>6}{}\n", options.what + ", method",
             options.what == "decode" ? "depth" : "n", "tokens/s", "ms/token", "ratio",
             memory ? " cache MB peak MB" : "");
  for (const Row& row : rows)
    fmt::print("{:<27} {:>8} {:>9.1f} {:>9.4f} {:>6.3f}{}\n", row.name, row.n,
               static_cast<double>(row.n_timed) / row.seconds,
               1e3 * row.seconds / static_cast<double>(row.n_timed), row.ratio,
               memory ? fmt::format(" {:>8.1f} {:>7.1f}", static_cast<double>(row.cache_bytes) / 1e6,
                                    static_cast<double>(row.peak_bytes) / 1e6)
                      : "");
  if (options.profile || options.what == "attention")
    for (const Row& row : rows) print_operations(row, peaks);
}

void print_train(const std::vector<Row>& rows, MachinePeaks peaks) {
  peaks.bf16_vector = peaks.bf16_tiles = 0;  // float32 throughout
  fmt::print("{:<37} {:>6} {:>9} {:>8} {:>9} {:>6}\n", "train: operation", "rows", "ms", "GFLOP/s", "of peak",
             "ratio");
  for (const Row& row : rows) {
    const OperationTime& o = row.operations[0];
    fmt::print("{:<37} {:>6} {:>9.3f} {:>8.1f} {:>9} {:>6.3f}\n", row.name, row.n, row.seconds * 1e3,
               o.flop / o.seconds / 1e9, share_of_peak(o, peaks), row.ratio);
  }
}

void print_gemm(const std::vector<Row>& rows, const MachinePeaks& peaks) {
  fmt::print("{:<24} {:>6} {:>10} {:>9} {:>8} {:>10}\n", "gemm: matrix", "rows", "ms", "GFLOP/s", "GB/s",
             "of peak");
  for (const Row& row : rows) {
    const OperationTime& o = row.operations[0];
    fmt::print("{:<24} {:>6} {:>10.3f} {:>9.1f} {:>8.1f} {:>10}\n", row.name, row.n, row.seconds * 1e3,
               o.flop / o.seconds / 1e9, o.bytes / o.seconds / 1e9, share_of_peak(o, peaks));
  }
}

void print_load(const std::vector<Row>& rows) {
  fmt::print("{:<24} {:>10}\n", "load", "ms");
  for (const Row& row : rows) fmt::print("{:<24} {:>10.1f}\n", row.name, row.seconds * 1e3);
}

void print_peaks(const MachinePeaks& peaks) {
  fmt::print("\npeaks: {:.0f} GFLOP/s f32", peaks.f32 / 1e9);
  if (peaks.bf16_vector > 0) fmt::print(", {:.0f} vdpbf16ps", peaks.bf16_vector / 1e9);
  if (peaks.bf16_tiles > 0) fmt::print(", {:.0f} tdpbf16ps", peaks.bf16_tiles / 1e9);
  fmt::print("; {:.1f} GB/s read\n", peaks.read / 1e9);
}

/// An option that this measurement does not read is said to be without effect.
void say_what_has_no_effect() {
  const Options usual;
  const bool load = options.what == "load", gemm = options.what == "gemm";
  const auto tell_of = [](bool given, bool read, const char* option) {
    if (given && !read) say(fmt::format("{} has no effect on bench {}", option, options.what));
  };
  tell_of(options.methods != usual.methods, !load && !gemm, "--methods");
  tell_of(options.lengths != usual.lengths, !load, "--lengths");
  tell_of(options.n_predict != usual.n_predict, options.what == "decode", "--n-predict");
  tell_of(options.head_dim != usual.head_dim, options.what == "attention" || options.what == "train",
          "--head-dim");
  tell_of(!options.backend.kv.empty(), !load && !gemm && options.what != "train", "--kv");
  tell_of(options.profile, options.what == "prefill" || options.what == "decode" || options.what == "step",
          "--profile");
  tell_of(options.rank > 0, options.what == "step", "--rank");
}

int run() {
  say_what_has_no_effect();
  const std::shared_ptr<Context> context = make_context(options.n_threads);
  if (options.what == "train" || options.what == "step") options.backend.precision = "f32";
  const std::shared_ptr<const Backend> backend = options.backend.make(context);
  for (const std::string& method : options.methods) MethodSpec::parse(method);  // before the load
  std::vector<Row> rows;
  if (options.what == "load") {
    rows = bench::measure_load(options, context);
  } else {
    const auto model = Model::open(options.model, backend);
    rows = options.what == "gemm"    ? bench::measure_gemm(*model, options)
           : options.what == "train" ? bench::measure_train(*model, options)
                                     : measure_methods(*model);
  }
  const MachinePeaks peaks = measure_peaks(*context);
  if (options.json) {
    Json lines = Json::array();
    for (const Row& row : rows) lines.push_back(to_json(row));
    fmt::print("{}\n", dump_json({{"bench", options.what},
                                  {"model", options.model},
                                  {"backend", backend->name()},
                                  {"threads", context->threads()},
                                  {"repeat", options.repeat},
                                  {"peaks",
                                   {{"f32", peaks.f32},
                                    {"bf16_vector", peaks.bf16_vector},
                                    {"bf16_tiles", peaks.bf16_tiles},
                                    {"read", peaks.read}}},
                                  {"rows", lines}}));
    return 0;
  }
  if (options.what == "load")
    print_load(rows);
  else if (options.what == "gemm")
    print_gemm(rows, peaks);
  else if (options.what == "train")
    print_train(rows, peaks);
  else
    print_methods(rows, peaks);
  if (options.what != "load") print_peaks(peaks);
  return 0;
}

void define(CommandLine& app) {
  app.add_option("WHAT", options.what,
                 "prefill, decode, attention, gemm, load, or\ntrain: operations of training, in f32; step: "
                 "whole\nsteps of it")
      ->required()
      ->check(one_of({"prefill", "decode", "attention", "gemm", "load", "train", "step"}));
  app.add_model(options.model);
  app.add_option("--methods", options.methods, "the first is what the others are compared with")
      ->capture_default_str();
  app.add_option("--lengths", options.lengths, "prompt lengths, depths, or rows")->capture_default_str();
  app.add_option("-n,--n-predict", options.n_predict, "decode: tokens to write")
      ->check(in_range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--head-dim", options.head_dim, "attention, train: instead of the model's")
      ->check(one_of({"16", "32", "64", "96", "128", "256"}));
  app.add_option("--rank", options.rank, "step: of low-rank pairs; 0: all weights learn")
      ->check(in_range(0, 4096));
  app.add_option("--repeat", options.repeat, "runs of each; the fastest counts")
      ->check(in_range(1, 1000))
      ->capture_default_str();
  options.backend.define(app);
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--profile", options.profile, "a table of time per operation");
  app.add_flag("--json", options.json, "one JSON object");
  app.footer(
      "Examples:\n"
      "  ropewalk bench prefill model.gguf --methods none rerope --lengths 2k 8k\n"
      "  ropewalk bench decode model.gguf --lengths 512 8k --profile\n"
      "  ropewalk bench attention model.gguf --lengths 4k 16k --head-dim 128\n"
      "  ropewalk bench train model.gguf --methods none rerope --lengths 512\n"
      "  ropewalk bench step model.gguf --lengths 512 4k --rank 16 --profile");
}

const Register<Command> registered{{"bench", "speed of a model under each method", define, run}};

}  // namespace
}  // namespace rw::bench
