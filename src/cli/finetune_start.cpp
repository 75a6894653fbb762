// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_start.h"

#include "train/saved_run.h"

namespace rw::cli::finetune {

LearningModel learning_model(const Options& options, const std::shared_ptr<const Model>& source) {
  return options.full ? learn_all(source) : learn_low_rank(source, options.low_rank);
}

Recipe recipe_of(const Options& options, const FinetunePlan& plan, std::size_t start) {
  TrainStage stage;
  stage.name = plan.starts[start].name;
  stage.steps = plan.steps, stage.n_ctx = {plan.length}, stage.tokens = plan.batch;
  // Constant, as Position Interpolation and YaRN train: what a start is at step 50 does not depend on how
  // many steps come behind it.
  stage.schedule.kind = ScheduleKind::kConstant, stage.schedule.rate = plan.rate;
  stage.mix = {{"text", 1}};
  stage.methods.emplace_back(plan.starts[start].method, 1);
  Recipe recipe;
  recipe.stages = {std::move(stage)};
  recipe.seed = static_cast<std::uint64_t>(options.seed), recipe.warm_up = plan.warm_up;
  recipe.evaluate_every = recipe.save_every = 0;
  recipe.tokens_at_once = plan.tokens_at_once, recipe.kept_bytes = plan.kept_bytes;
  return recipe;
}

Sources sources_of(const FinetuneTexts& texts) {
  std::vector<TextShare> shares;
  for (std::size_t t = 0; t < texts.names.size(); ++t)
    shares.push_back({texts.names[t], texts.training[t], 0});
  Sources sources;
  sources["text"] = make_text_source(std::move(shares), texts.bos);
  return sources;
}

namespace {

/// A run that is cut off loses this of training and the step in progress, at most.
constexpr double kSaveEvery = 60;  // seconds

}  // namespace

struct StartTrainer::Impl {
  Impl(const Options& options, const FinetunePlan& plan, std::size_t start, const FinetuneTexts& texts,
       const std::shared_ptr<const Model>& source, std::string folder_)
      : folder(std::move(folder_)),
        name(plan.starts[start].name),
        method(plan.starts[start].method),
        recipe(recipe_of(options, plan, start)),
        sources(sources_of(texts)),
        model(learning_model(options, source)),
        learner(make_learner(
            model, std::shared_ptr<const Training<float>>(make_cpu_training(source->backend().context())))),
        trainer(model, *learner, optimizers(source), recipe, sources, {}, source->backend().context(),
                options.ranks) {
    require_sources(recipe, sources);
    go_on();
    trainer.share_state();
  }
  /// No weight decay: it would pull what was learned before towards 0.
  std::vector<std::unique_ptr<Optimizer>> optimizers(const std::shared_ptr<const Model>& source) const {
    std::vector<std::unique_ptr<Optimizer>> all;
    AdamWOptions options;
    options.decay = 0;
    all.push_back(make_adamw(model.parameters, options, source->backend().context()));
    return all;
  }

  void save() {
    if (folder.empty() || saved == trainer.steps_taken()) return;
    const TrainerState state = trainer.state();
    save_run(folder, state, {{"method", method}, {"seconds", seconds}});
    saved = state.step, saved_seconds = seconds;
  }
  /// The state of a step that stops it is not kept: the last checkpoint stays as it is.
  StepRecord step() {
    try {
      return trainer.step();
    } catch (const TrainingStopped&) {
      if (!folder.empty())
        say(fmt::format(
            "{}: {}; another rate begins in another --out", name,
            saved > 0 ? fmt::format("{} keeps step {}", folder, saved) : "no checkpoint was written before"));
      throw;
    }
  }
  /// From the newest checkpoint; a damaged one is told, and the one before taken.
  void go_on() {
    if (folder.empty()) return;
    const std::optional<JsonInput> about = resume_run(folder, trainer, true);
    if (!about) return;
    if (const auto of = saved_about<std::string>(*about, folder, "method"); of != method)
      throw Error(folder, "a checkpoint of " + method, of, "take another --out");
    seconds = saved_seconds = saved_about<double>(*about, folder, "seconds");
    saved = trainer.steps_taken();
    say(fmt::format("{} goes on from step {}", name, saved));
  }

  std::string folder, name, method;
  Recipe recipe;
  Sources sources;
  LearningModel model;
  std::unique_ptr<Learner> learner;
  Trainer trainer;
  double seconds = 0, saved_seconds = 0;
  Index saved = 0;
};

StartTrainer::StartTrainer(const Options& options, const FinetunePlan& plan, std::size_t start,
                           const FinetuneTexts& texts, const std::shared_ptr<const Model>& source,
                           std::string folder)
    : impl_(std::make_unique<Impl>(options, plan, start, texts, source, std::move(folder))) {}
StartTrainer::~StartTrainer() = default;

const LearningModel& StartTrainer::model() const { return impl_->model; }
Index StartTrainer::step() const { return impl_->trainer.steps_taken(); }
double StartTrainer::seconds() const { return impl_->seconds; }

void StartTrainer::train_to(Index step, const OnTrained& on_trained) {
  while (this->step() < step) {
    const StepRecord record = impl_->step();
    impl_->seconds += record.seconds;
    on_trained(fmt::format("{} {}/{}, loss {:.3f}, {:.0f} tok/s", impl_->name, record.step,
                           impl_->recipe.n_steps(), record.loss,
                           static_cast<double>(record.n_tokens) / record.seconds));
    if (impl_->seconds - impl_->saved_seconds > kSaveEvery) impl_->save();
  }
  impl_->save();
}

}  // namespace rw::cli::finetune
