// SPDX-License-Identifier: Apache-2.0
#include "cli/train_run.h"

#include <filesystem>
#include <optional>

#include "cli/command.h"
#include "cli/train_data.h"
#include "cli/train_folder.h"
#include "cli/train_log.h"
#include "core/folder_lock.h"
#include "core/hash.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "model/memory.h"
#include "model/tensors.h"
#include "train/llama_containers.h"
#include "train/new_model.h"
#include "train/saved_run.h"
#include "train/stage_method.h"
#include "train/text_plans.h"
#include "train/training_memory.h"
#include "train/write_model.h"
#include "train/write_settings.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

/// What a run is of is known first (sizes, tokenizer, data), then told, then taken.
class Run {
 public:
  Run(const TrainConfig& config, const TrainRunOptions& options, std::shared_ptr<Context> context)
      : config_(config),
        options_(options),
        recipe_(config.recipe),
        context_(std::move(context)),
        operations_(make_cpu_training(context_)) {
    find_sizes();
    recipe_.fill_lengths(sizes_.n_ctx_train);
    fit_methods();
    TrainData data = read_train_data(config_, recipe_, *tokenizer_, sizes_.n_vocab);
    sources_ = std::move(data.sources), held_out_ = std::move(data.held_out);
  }
  void say_plan() const;
  void train();

 private:
  void find_sizes();
  void require_type(bool from_gguf) const;
  void fit_methods();
  void open_model();
  void make_trainer();
  void go_on();
  void save();
  void loop(TrainLog& log);
  void report(const StepRecord& record, Progress& progress);
  Index last_step() const;
  std::string type_in(bool gguf) const;
  WrittenMethod method_at_end() const;
  void say_method() const;
  void write_page(const TrainLog& log, const std::vector<std::pair<std::string, std::string>>& facts) const;
  void write_page_of_stop(const TrainLog& log, const TrainingStopped& why) const;
  void write_models() const;
  void print_results(const TrainLog& log) const;
  void print_profile() const;
  std::vector<std::pair<std::string, std::string>> facts() const;

  const TrainConfig& config_;
  const TrainRunOptions& options_;
  Recipe recipe_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<const Training<float>> operations_;
  ModelConfig sizes_;
  std::size_t file_bytes_ = 0;  // of the weights that it goes on from
  std::string one_container_;   // why its model is written in that container alone; empty: in both
  std::shared_ptr<const Tokenizer> tokenizer_;
  Sources sources_;
  std::vector<HeldOut> held_out_;
  Json about_;
  LearningModel learning_;
  std::unique_ptr<Learner> learner_;
  std::optional<Trainer> trainer_;
  Index saved_ = -1;                       // the step of the newest checkpoint
  double seconds_ = 0, loop_seconds_ = 0;  // of this process: of its steps; evaluation included
  Index n_tokens_ = 0;
  std::vector<OperationTime> operation_times_;
};

void Run::find_sizes() {
  if (config_.from.empty()) {
    tokenizer_ = open_tokenizer_of(config_.tokenizer);
    LlamaSizes sizes = config_.sizes;
    sizes.n_vocab = tokenizer_->n_vocab();
    sizes_ = llama_config(sizes, config_.name);
    if (config_.finding) require_room_to_find(sizes_);
    return require_type(true);
  }
  const std::unique_ptr<ModelFile> file = ModelFile::open(config_.from);
  sizes_ = read_config(*file);
  if (sizes_.encoder)
    throw Error(config_.from, "a decoder, which is trained on the next token", "an encoder",
                "train goes on from decoders");
  require_trainable(sizes_, *file);
  check_tensors(*file, sizes_);
  file_bytes_ = file->tensor_bytes();
  tokenizer_ = Tokenizer::open(*file);
  one_container_ = why_one_container(*file, sizes_);
  require_type(file->container().starts_with("GGUF"));
}

/// Q8_0 is a type of GGUFs, and of rows of 32. Errors: Error, before anything is read to train on.
void Run::require_type(bool from_gguf) const {
  if (config_.type != "Q8_0") return;
  if (!from_gguf && !one_container_.empty())
    throw Error(config_.path + ": [model] type", "F32, F16 or BF16, since no GGUF is written of this folder",
                "Q8_0", one_container_);
  for (const Parameter& parameter : parameters_of(sizes_))
    if (parameter.kind != ParameterKind::kVector)
      require_rows_fit(parameter.name, {parameter.n_rows, parameter.n_columns}, config_.type);
}

std::string Run::type_in(bool gguf) const { return config_.type == "Q8_0" && !gguf ? "F32" : config_.type; }

void Run::fit_methods() {
  for (TrainStage& stage : recipe_.stages)
    for (MethodChoice& choice : stage.methods)
      for (const Index n_ctx : stage.n_ctx)
        choice.fit([&](const MethodSpec& spec) { bind_whole(sizes_, spec, n_ctx); });
}

void Run::open_model() {
  std::string path = config_.from;
  LlamaSizes sizes = config_.sizes;
  if (path.empty()) path = write_untrained(sizes, config_.tokenizer, config_.name, options_.out);
  learning_ = learn_all(Model::open(path, make_cpu_backend(context_, Precision::kF32, KvType::kF32)));
  const Model& model = *learning_.model;
  if (!config_.from.empty()) return require_writable(learning_, type_in(is_gguf(model)));
  one_container_ = why_one_container(model.file(), model.config());
  require_type(is_gguf(model));
  if (config_.finding)
    start_with_finding(learning_, recipe_.seed, config_.embedding_std);
  else
    start_random(learning_, recipe_.seed, config_.embedding_std);
}

void Run::make_trainer() {
  learner_ = make_learner(learning_, operations_);
  const OptimizedParameters by = by_optimizer(learning_.parameters, config_.muon);
  std::vector<std::unique_ptr<Optimizer>> optimizers;
  if (!by.muon.empty()) optimizers.push_back(make_muon(by.muon, config_.muon_options, operations_));
  if (!by.adamw.empty()) optimizers.push_back(make_adamw(by.adamw, config_.adamw, context_));
  trainer_.emplace(learning_, *learner_, std::move(optimizers), recipe_, sources_, std::move(held_out_),
                   context_, options_.ranks);
}

void Run::say_plan() const {
  Index n_tokens = 0;
  for (const TrainStage& stage : recipe_.stages) n_tokens += stage.steps * stage.tokens;
  TrainingMemory memory = training_memory(sizes_, config_.muon, recipe_, held_out_, operations_);
  memory.file = config_.from.empty() ? memory.values : file_bytes_;
  say(fmt::format("{}: {} parameters, {} of about {} tokens together, up to {} MB of memory",
                  printable(config_.name), memory.values / sizeof(float), counted(recipe_.n_steps(), "step"),
                  n_tokens, (memory.total() + 999'999) / 1'000'000));
  say_method();
  if (!one_container_.empty())
    say(fmt::format("the model will be written in the container of {} alone: {}", printable(config_.from),
                    one_container_));
  require_memory("training", memory.total(), "a smaller tokens_at_once or kept_mb in [optimizer], or model");
}

Index Run::last_step() const {
  return options_.steps > 0 ? std::min(options_.steps, recipe_.n_steps()) : recipe_.n_steps();
}

WrittenMethod Run::method_at_end() const {
  const Index last = std::max(last_step(), trainer_ ? trainer_->steps_taken() : 0);
  return written_method(*recipe_.at(last - 1).first, sizes_, !config_.from.empty());
}

void Run::say_method() const {
  for (const std::string& line : method_at_end().lines) say(line);
}

void Run::report(const StepRecord& record, Progress& progress) {
  progress.set_label(fmt::format("loss {:.3f}, {:.0f} tokens/s", record.loss,
                                 static_cast<double>(n_tokens_) / std::max(seconds_, 1e-9)));
  progress.add(static_cast<double>(record.n_tokens));
  if (record.held_out.empty()) return;
  std::string line =
      fmt::format("step {} of {}{}: loss {:.3f}", record.step, recipe_.n_steps(),
                  recipe_.stages.size() > 1 ? ", stage " + printable(record.stage) : "", record.loss);
  for (const HeldOutValue& v : record.held_out)
    line += v.share ? fmt::format(", {} {:.0f} %", printable(v.name), 100 * v.value)
                    : fmt::format(", {} {:.3f}", printable(v.name), v.value);
  say(line);
}

void Run::save() {
  if (!options_.ranks->first() || saved_ == trainer_->steps_taken()) return;
  save_run(options_.out, trainer_->state(), about_);
  saved_ = trainer_->steps_taken();
}

void Run::loop(TrainLog& log) {
  const Index last = last_step();
  double total = 0;
  for (Index s = trainer_->steps_taken(); s < last; ++s)
    total += static_cast<double>(recipe_.at(s).first->tokens);
  Progress progress("training", total);
  while (trainer_->steps_taken() < last) {
    StepRecord record;
    try {
      record = trainer_->step();
    } catch (const TrainingStopped& e) {  // what led there is no state to go on from
      say(left_by_stop(options_.out, trainer_->steps_taken() + 1,
                       dynamic_cast<const TrainingSpike*>(&e) != nullptr));
      write_page_of_stop(log, e);
      throw;
    }
    if (record.step == last && record.held_out.empty()) record.held_out = trainer_->evaluate();
    seconds_ += record.seconds, n_tokens_ += record.n_tokens;
    log.add(record);
    if (record.step == last || (recipe_.save_every > 0 && record.step % recipe_.save_every == 0)) save();
    report(record, progress);
  }
}

void Run::go_on() {
  if (!options_.resume || !options_.ranks->first()) return;
  const auto before = resume_run(options_.out, *trainer_);
  if (!before) return say(fmt::format("{} has no checkpoint: it begins anew", printable(options_.out)));
  const std::vector<std::string> differs = compare_run(about_, *before, options_.out);
  saved_ = trainer_->steps_taken();
  const std::vector<LogLine> lines = read_train_log(options_.out + "/log.jsonl");
  const Index again = lines.empty() ? 0 : lines.back().record.step - saved_;
  say(fmt::format(
      "{} step {} of {}{}{}", again > 0 ? "goes back to" : "goes on behind", saved_, recipe_.n_steps(),
      again > 0 ? fmt::format(": {} {} taken again", counted(again, "step"), again == 1 ? "is" : "are") : "",
      differs.empty() ? "" : ", with other settings than it was made with:"));
  for (const std::string& line : differs) say("  " + printable(line));
}

void Run::train() {
  make_folder(options_.out);
  const FolderLock lock(options_.out);    // before anything of it is judged or changed
  require_own_folder(config_, options_);  // what another run did before it let the folder go
  begin_folder(options_.out);
  about_ = about_run(config_);
  open_model();
  make_trainer();
  go_on();
  trainer_->share_state();
  TrainLog log(options_.out, trainer_->steps_taken());
  if (options_.profile) context_->profile().start();
  const double begin = now_seconds();
  loop(log);
  loop_seconds_ = now_seconds() - begin;
  if (options_.profile) operation_times_ = context_->profile().stop();
  write_page(log, facts());
  write_models();
  say_method();
  remove_start(options_.out);
  print_results(log);
}

void Run::write_page(const TrainLog& log,
                     const std::vector<std::pair<std::string, std::string>>& facts) const {
  OutputFile page(options_.out + "/curve.html");
  page.write(log.page(config_.name, facts));
  page.commit();
}

/// The curve up to there. Why it stopped is said whatever becomes of the page.
void Run::write_page_of_stop(const TrainLog& log, const TrainingStopped& why) const {
  if (log.records().empty()) return;
  auto facts = this->facts();
  facts.emplace_back("stopped", why.what());
  try {
    write_page(log, facts);
    say(printable(options_.out) + "/curve.html has the curve up to there");
  } catch (const Error& e) {
    tell("{}\n", e.what());
  }
}

void Run::write_models() const {
  if (!options_.ranks->first()) return;
  const NewWeights weights = new_weights(learning_);
  const bool from_gguf = is_gguf(*learning_.model);
  const WrittenMethod method = method_at_end();
  for (const bool gguf : {from_gguf, !from_gguf}) {
    const std::string path = options_.out + (gguf ? "/model.gguf" : "/model");
    try {
      write_model(
          *learning_.model, weights,
          {.type = type_in(gguf), .settings = gguf ? method.gguf : method.config, .general = config_.general},
          path, Existing::kReplaced);
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
  require_own_folder(config, options);
  Run run(config, options, context);
  run.say_plan();
  if (!options.dry_run) run.train();
}

}  // namespace rw
