// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_cost.h"

#include <algorithm>

#include "cli/finetune_results.h"
#include "cli/finetune_start.h"
#include "model/cost.h"
#include "model/memory.h"
#include "train/learner.h"
#include "train/merged.h"
#include "train/new_weights.h"

namespace rw::cli::finetune {
namespace {

constexpr Index kProbe = 1024;  // tokens
constexpr std::size_t kFloat = sizeof(float);

/// Of a step: a short text's, times the work of the batch over that of it.
double seconds_of_step(Learner& learner, const FinetunePlan& plan, const Start& start,
                       const ModelConfig& config, const std::vector<Token>& tokens,
                       std::vector<float>& gradient) {
  const Index n = std::min(kProbe, plan.length);
  const auto all = std::span(tokens).first(static_cast<std::size_t>(n + 1));
  const TrainingText text{all.first(static_cast<std::size_t>(n)), all.last(static_cast<std::size_t>(n)), {}};
  const double begin = now_seconds();
  learner.gradient(std::span(&text, 1), MethodSpec::parse(start.method), {plan.length, 0}, 1,
                   gradient.data());
  const Index n_texts = plan.batch / plan.length;  // whole ones
  return (now_seconds() - begin) * static_cast<double>(n_texts) * cost_of(config, plan.length) /
         cost_of(config, n);
}

/// Numbers of all that learns, their gradients and the optimizer's two means; texts; a pass over the rows
/// that go through at once, and what its layers keep. Sets tokens_at_once and kept_bytes
/// of the plan.
std::size_t bytes_of_training(const LearningModel& model, const Learner& learner, const FinetuneTexts& texts,
                              std::size_t look_bytes, FinetunePlan& plan) {
  const std::size_t batch = static_cast<std::size_t>(plan.batch) * (2 * sizeof(Token) + kFloat);
  const std::size_t standing = 4 * kFloat * static_cast<std::size_t>(model.n()) + batch +
                               sizeof(Token) * static_cast<std::size_t>(texts.n_training());
  const std::size_t available = available_memory();
  if (!plan.decided && available > 0 && standing + learner.bytes(plan.batch, plan.length) > available / 2)
    plan.tokens_at_once = plan.length;
  const Index rows = plan.tokens_at_once > 0 ? std::min(plan.tokens_at_once, plan.batch) : plan.batch;
  const std::size_t taken = standing + learner.bytes(rows, plan.length);
  const std::size_t all = 2 * (taken + look_bytes), room = available > all ? (available - all) / 2 : 0;
  plan.kept_bytes = std::min(room, learner.most_kept_bytes(rows));
  return taken + plan.kept_bytes;
}

/// A tensor in float32 while it is merged or written: as the file has it, as the engine does, and changed.
std::size_t bytes_of_writing(const LearningModel& model) {
  std::size_t most = 0;
  for (const std::string& name : new_weights(model).names) {
    std::size_t n = 1;
    for (const Index length : model.model->file().tensor(name).shape) n *= static_cast<std::size_t>(length);
    most = std::max(most, n);
  }
  return 3 * kFloat * most;
}

}  // namespace

/// Of each start; a file whose type may round is judged too.
static std::size_t looks_of_start(const FinetunePlan& plan) {
  return plan.looks.size() - 1 + (plan.type.empty() ? 0 : 1);
}

double FinetuneCost::seconds(const FinetunePlan& plan) const {
  double step = 0;
  for (const double s : step_seconds) step += s;
  return untrained_seconds + step * static_cast<double>(plan.steps) +
         look_seconds * static_cast<double>(looks_of_start(plan));
}

std::string FinetuneCost::text(const FinetunePlan& plan) const {
  double slowest = 0;
  for (const double s : step_seconds) slowest = std::max(slowest, s);
  const std::size_t n_looks = looks_of_start(plan), n_starts = plan.starts.size();
  return fmt::format(
      "{} numbers learn; {} MiB beside the model to train, {} MiB to look; about {}: {} a step{}, {} before "
      "training, {} for {}{}",
      n_learning, training_bytes >> 20, look_bytes >> 20, time_text(seconds(plan)), time_text(slowest),
      n_starts == 1 ? "" : fmt::format(" of each of the {} starts", n_starts), time_text(untrained_seconds),
      time_text(look_seconds), n_looks == 1 ? "the look" : fmt::format("each of {} looks", n_looks),
      n_starts == 1 ? "" : " at all of them");
}

void FinetuneCost::require() const {
  require_memory("training and looks", training_bytes + look_bytes,
                 "take a shorter --length, a smaller --batch, or pairs in place of --full");
}

FinetuneCost cost_of_finetune(const Options& options, FinetunePlan& plan, const FinetuneTexts& texts,
                              const std::shared_ptr<const Model>& source, const FinetuneLooks& looks) {
  const LearningModel model = learning_model(options, source);
  if (!options.out.empty()) {
    require_writable(plan, model);
    plan.no_adapter = why_no_adapter(model);
  }
  const std::unique_ptr<Learner> learner = make_learner(
      model, std::shared_ptr<const Training<float>>(make_cpu_training(source->backend().context())));
  FinetuneCost cost;
  cost.n_learning = model.n();
  std::vector<std::string> methods = plan.against;  // what their reading takes, the backend keeps
  for (const Start& start : plan.starts) methods.push_back(start.method);
  for (const std::string& method : methods)
    cost.look_bytes = std::max(cost.look_bytes, looks.bytes(*source, method));
  cost.look_bytes += merged_bytes(model) + bytes_of_writing(model);
  cost.training_bytes = bytes_of_training(model, *learner, texts, cost.look_bytes, plan);
  const std::vector<Token>& longest =
      *std::max_element(texts.training.begin(), texts.training.end(),
                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::vector<float> gradient(static_cast<std::size_t>(model.n()));
  const double pace = measure_pace(*source);
  for (const Start& start : plan.starts) {
    cost.step_seconds.push_back(seconds_of_step(*learner, plan, start, source->config(), longest, gradient));
    cost.look_seconds += pace * looks.cost(*source, {start.method}, false);
  }
  cost.untrained_seconds = pace * looks.cost(*source, methods, true);
  return cost;
}

void take_budget(const Options& options, const FinetuneCost& cost, FinetunePlan& plan) {
  if (options.budget.empty()) return;
  const double budget = parse_seconds(options.budget);
  double step = 0;
  for (const double s : cost.step_seconds) step += s;
  const auto fits = [&](Index steps) {
    FinetunePlan wished = plan;
    wished.steps = steps, wished.looks = looks_of(options.looks, steps);
    return cost.seconds(wished) <= budget;
  };
  Index low = 0, high = Index{1} << 20;
  while (low < high) {
    const Index middle = (low + high + 1) / 2;
    if (fits(middle))
      low = middle;
    else
      high = middle - 1;
  }
  if (low == 0)
    throw UsageError("--budget", "time for a step from every start and a look at it",
                     fmt::format("'{}', where those take about {}", options.budget,
                                 time_text(cost.untrained_seconds + cost.look_seconds + step)),
                     "fewer starts, a shorter --length, fewer --documents, or more time");
  plan.steps = low;
  plan.looks = looks_of(options.looks, plan.steps);
  plan.warm_up = options.warm_up >= 0 ? options.warm_up : usual_warm_up(plan.steps);
}

}  // namespace rw::cli::finetune
