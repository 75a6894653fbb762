// SPDX-License-Identifier: Apache-2.0
#include "cli/train_run.h"

#include <filesystem>
#include <optional>

#include "cli/command.h"
#include "cli/train_log.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/output_file.h"
#include "core/text.h"
#include "model/memory.h"
#include "train/checkpoint.h"
#include "train/new_model.h"
#include "train/saved_run.h"
#include "train/write_model.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

/// All that a trainer needs, in the order in which it is made.
class Run {
 public:
  Run(const TrainConfig& config, const TrainRunOptions& options, std::shared_ptr<Context> context)
      : config_(config), options_(options), recipe_(config.recipe), context_(std::move(context)) {
    open_model();
    read_data();
    make_trainer();
  }
  void say_plan();
  void train();

 private:
  void open_model();
  void read_data();
  void make_trainer();
  void loop(TrainLog& log);
  void report(const StepRecord& record, Progress& progress);
  void write_models() const;
  void print_results(const TrainLog& log) const;
  void print_profile() const;
  std::vector<std::pair<std::string, std::string>> facts() const;

  const TrainConfig& config_;
  const TrainRunOptions& options_;
  const Recipe& recipe_;
  std::shared_ptr<Context> context_;
  LearningModel learning_;
  std::shared_ptr<const Training<float>> operations_;
  Sources sources_;
  std::vector<HeldOut> held_out_;
  std::unique_ptr<Learner> learner_;
  std::optional<Trainer> trainer_;
  double seconds_ = 0, loop_seconds_ = 0;  // of this process: of its steps; evaluation included
  Index n_tokens_ = 0;
  std::vector<OperationTime> operation_times_;
};

void Run::open_model() {
  std::string path = config_.from;
  LlamaSizes sizes = config_.sizes;
  if (path.empty()) path = write_untrained(sizes, config_.tokenizer, config_.name, options_.out);
  const std::shared_ptr<const Model> model =
      Model::open(path, make_cpu_backend(context_, Precision::kF32, KvType::kF32));
  if (model->config().encoder)
    throw Error(path, "a decoder, which is trained on the next token", "an encoder",
                "train goes on from decoders");
  learning_ = learn_all(model);
  if (!config_.from.empty()) return;
  if (config_.finding)
    start_with_finding(learning_, recipe_.seed, config_.embedding_std);
  else
    start_random(learning_, recipe_.seed, config_.embedding_std);
}

void Run::read_data() {
  const Tokenizer& tokenizer = learning_.model->tokenizer();
  const std::vector<Token> begin = tokenizer.text_begin();
  Index longest = 0;
  for (const TrainStage& stage : recipe_.stages)
    for (const Index n_ctx : stage.n_ctx) longest = std::max(longest, n_ctx);
  std::vector<TextShare> texts, held;
  for (const TextFileConfig& file : config_.texts) {
    TextShare text{file.file, tokenizer.encode(read_text_file(file.file)), file.share};
    const Index n = static_cast<Index>(text.tokens.size());
    if (file.hold_out >= n)
      throw Error(file.file,
                  fmt::format("more than the {} that are held out", counted(file.hold_out, "token")),
                  fmt::format("{}", n), "a smaller hold_out");
    if (file.hold_out > 0) {
      const auto cut = text.tokens.end() - static_cast<std::ptrdiff_t>(file.hold_out);
      held.push_back({file.file, {cut, text.tokens.end()}, 0});
      text.tokens.erase(cut, text.tokens.end());
    }
    texts.push_back(std::move(text));
  }
  const Index held_n_ctx = config_.held_out_n_ctx > 0 ? config_.held_out_n_ctx : longest;
  if (!held.empty()) {
    HeldOut all{"text", {}, 0};
    const Index each = std::max<Index>(1, config_.held_out_pieces / static_cast<Index>(held.size()));
    for (const TextShare& text : held)
      for (Sample& piece : even_pieces(text, begin, each, held_n_ctx))
        all.samples.push_back(std::move(piece));
    held_out_.push_back(std::move(all));
  }
  const Index n_vocab = learning_.model->config().n_vocab;
  if (!texts.empty()) sources_["text"] = make_text_source(std::move(texts), begin);
  for (const SamplesConfig& s : config_.samples)
    sources_[s.name] = read_samples(s.tokens, s.weights, n_vocab);
  for (const SamplesConfig& s : config_.held_out_samples) {
    const auto source = read_samples(s.tokens, s.weights, n_vocab);
    HeldOut held_out{s.name, {}, static_cast<float>(s.found_weight)};
    for (Index i = 0; i < source->n_samples(); ++i) held_out.samples.push_back(source->sample(i));
    held_out_.push_back(std::move(held_out));
  }
  require_sources(recipe_, sources_);
}

void Run::make_trainer() {
  operations_ = make_cpu_training(context_);
  learner_ = make_learner(learning_, operations_);
  std::vector<Parameter> matrices, rest;
  for (const Parameter& p : learning_.parameters)
    (config_.muon && p.kind == ParameterKind::kMatrix ? matrices : rest).push_back(p);
  std::vector<std::unique_ptr<Optimizer>> optimizers;
  if (!matrices.empty()) optimizers.push_back(make_muon(matrices, config_.muon_options, operations_));
  if (!rest.empty()) optimizers.push_back(make_adamw(rest, config_.adamw, context_));
  trainer_.emplace(learning_, *learner_, std::move(optimizers), recipe_, sources_, std::move(held_out_),
                   context_);
}

void Run::say_plan() {
  Index n_tokens = 0;
  for (const TrainStage& stage : recipe_.stages) n_tokens += stage.steps * stage.tokens;
  const std::size_t bytes = trainer_->bytes();
  say(fmt::format("{}: {} parameters, {} of about {} tokens together, up to {} MB of memory", config_.name,
                  learning_.n(), counted(recipe_.n_steps(), "step"), n_tokens, bytes / 1000000));
  require_memory("training", bytes, "a smaller tokens_at_once or kept_mb in [optimizer]");
}

void Run::report(const StepRecord& record, Progress& progress) {
  progress.set_label(fmt::format("loss {:.3f}, {:.0f} tokens/s", record.loss,
                                 static_cast<double>(n_tokens_) / std::max(seconds_, 1e-9)));
  progress.add(static_cast<double>(record.n_tokens));
  if (record.held_out.empty()) return;
  std::string line = fmt::format("step {} of {}{}: loss {:.3f}", record.step, recipe_.n_steps(),
                                 recipe_.stages.size() > 1 ? ", stage " + record.stage : "", record.loss);
  for (const HeldOutValue& v : record.held_out)
    line += v.share ? fmt::format(", {} {:.0f} %", v.name, 100 * v.value)
                    : fmt::format(", {} {:.3f}", v.name, v.value);
  say(line);
}

void Run::loop(TrainLog& log) {
  const Json of = {{"of", sha256(config_.text)}};
  const Index last = options_.steps > 0 ? std::min(options_.steps, recipe_.n_steps()) : recipe_.n_steps();
  double total = 0;
  for (Index s = trainer_->steps_taken(); s < last; ++s)
    total += static_cast<double>(recipe_.at(s).first->tokens);
  Progress progress("training", total);
  while (trainer_->steps_taken() < last) {
    StepRecord record;
    try {
      record = trainer_->step();
    } catch (const TrainingStopped&) {
      save_run(options_.out, trainer_->state(), of);
      throw;
    }
    if (record.step == last && record.held_out.empty()) record.held_out = trainer_->evaluate();
    seconds_ += record.seconds, n_tokens_ += record.n_tokens;
    log.add(record);
    if (record.step == last || (recipe_.save_every > 0 && record.step % recipe_.save_every == 0))
      save_run(options_.out, trainer_->state(), of);
    report(record, progress);
  }
}

void Run::train() {
  const auto saved = options_.resume ? resume_run(options_.out, *trainer_) : std::nullopt;
  if (saved)
    say(fmt::format("goes on behind step {} of {}{}", trainer_->steps_taken(), recipe_.n_steps(),
                    saved_about<std::string>(*saved, options_.out, "of") == sha256(config_.text)
                        ? ""
                        : ", with other settings than it was made with"));
  else if (options_.resume)
    say(fmt::format("{} has no checkpoint: it begins anew", printable(options_.out)));
  TrainLog log(options_.out, trainer_->steps_taken());
  if (options_.profile) context_->profile().start();
  const double begin = now_seconds();
  loop(log);
  loop_seconds_ = now_seconds() - begin;
  if (options_.profile) operation_times_ = context_->profile().stop();
  OutputFile page(options_.out + "/curve.html");
  page.write(log.page(config_.name, facts()));
  page.commit();
  write_models();
  print_results(log);
}

void Run::write_models() const {
  const NewWeights weights = new_weights(learning_);
  const bool from_gguf = learning_.model->file().container().starts_with("GGUF");
  for (const bool gguf : {from_gguf, !from_gguf}) {
    const std::string path = options_.out + (gguf ? "/model.gguf" : "/model");
    std::error_code none;
    if (!gguf) fs::remove_all(path, none);
    try {
      const std::string type = config_.type == "Q8_0" && !gguf ? "F32" : config_.type;
      write_model(*learning_.model, weights, {.type = type, .settings = {}, .general = config_.general},
                  path);
    } catch (const Error& e) {
      if (gguf == from_gguf) throw;
      say(fmt::format("{} was not written: {}", path,
                      e.what()));  // of a family that has no such container here
    }
  }
}

std::vector<std::pair<std::string, std::string>> Run::facts() const {
  std::vector<std::pair<std::string, std::string>> facts = {
      {"parameters", fmt::format("{}", learning_.n())},
      {"steps", fmt::format("{} of {}", trainer_->steps_taken(), recipe_.n_steps())},
      {"seed", fmt::format("{}", recipe_.seed)},
      {"optimizer", config_.muon ? "Muon for the matrices, AdamW for the rest" : "AdamW"}};
  for (const TrainStage& stage : recipe_.stages)
    facts.emplace_back(
        "stage " + stage.name,
        fmt::format("{} of {} tokens, rate {:g} to {:g}", counted(stage.steps, "step"), stage.tokens,
                    stage.schedule.rate, stage.schedule.at(stage.steps, stage.steps)));
  facts.emplace_back("settings", printable(config_.path) + ", SHA-256 " + sha256(config_.text).substr(0, 16));
  return facts;
}

void Run::print_results(const TrainLog& log) const {
  const double speed = static_cast<double>(n_tokens_) / std::max(seconds_, 1e-9);
  if (options_.json) {
    Json held = Json::object(), found = Json::object();
    if (!log.records().empty())
      for (const HeldOutValue& v : log.records().back().held_out) (v.share ? found : held)[v.name] = v.value;
    Json json = {{"out", options_.out}, {"steps", trainer_->steps_taken()}, {"n_steps", recipe_.n_steps()}};
    json["loss"] = log.records().empty() ? Json() : Json(log.records().back().loss);
    json["held_out"] = held, json["found"] = found, json["seconds"] = seconds_,
    json["tokens_per_second"] = speed;
    Json operations = Json::array();
    for (const OperationTime& o : operation_times_)
      operations.push_back({{"name", o.name}, {"seconds", o.seconds}, {"calls", o.calls}, {"flop", o.flop}});
    if (options_.profile) json["operations"] = operations;
    fmt::print("{}\n", dump_json(json));
    return;
  }
  fmt::print("{}", log.text());
  if (n_tokens_ > 0)
    fmt::print("{} in {}, {:.0f} tokens/s\n", counted(n_tokens_, "token"), time_text(seconds_), speed);
  if (options_.profile) print_profile();
  for (const char* file : {"model.gguf", "model", "curve.html", "log.jsonl"})
    if (const std::string path = options_.out + "/" + file; fs::exists(path))
      fmt::print("{}\n", printable(path));
}

void Run::print_profile() const {
  const MachinePeaks peaks = measure_peaks(*context_);
  fmt::print("\n{:<20} {:>9} {:>7} {:>9} {:>9} {:>8}\n", "operation", "seconds", "share", "calls", "GFLOP/s",
             "of peak");
  double rest = loop_seconds_;
  for (const OperationTime& o : operation_times_) {
    rest -= o.seconds;
    const double speed = o.seconds > 0 ? o.flop / o.seconds : 0;
    fmt::print("{:<20} {:>9.2f} {:>6.1f}% {:>9} {:>9} {:>8}\n", o.name, o.seconds,
               100 * o.seconds / loop_seconds_, o.calls, o.flop > 0 ? fmt::format("{:.1f}", speed / 1e9) : "",
               o.flop > 0 ? fmt::format("{:.0f}%", 100 * speed / peaks.f32) : "");
  }
  fmt::print("{:<20} {:>9.2f} {:>6.1f}%\npeak: {:.0f} GFLOP/s f32\n\n", "the rest", rest,
             100 * rest / loop_seconds_, peaks.f32 / 1e9);
}

}  // namespace

void run_training(const TrainConfig& config, const TrainRunOptions& options,
                  const std::shared_ptr<Context>& context) {
  std::error_code error;
  const bool was_there = fs::exists(options.out, error);
  const std::vector<Index> steps = checkpoint_steps(options.out);
  if (!options.resume && !steps.empty())
    throw UsageError("--out " + options.out, "a folder without a run in it, or --resume",
                     fmt::format("a run behind step {}", steps.back()), "--resume goes on from there");
  // What is written at the end replaces what a run wrote, and nothing else.
  for (const std::string& path : {options.out + "/model", options.out + "/model.gguf"})
    if ((steps.empty() && fs::exists(path, error)) ||
        (!config.from.empty() && fs::equivalent(path, config.from, error)))
      throw UsageError("--out " + options.out, "a folder without a model that is not this run's",
                       printable(path), "name another folder");
  fs::create_directories(options.out, error);
  if (error) fail_to_write(options.out, error.value());
  {
    Run run(config, options, context);
    run.say_plan();
    if (!options.dry) run.train();
  }
  if (options.dry && !was_there) fs::remove_all(options.out, error);
}

}  // namespace ropewalk
