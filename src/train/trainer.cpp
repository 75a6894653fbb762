// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "model/session.h"

namespace ropewalk {
namespace {

/// Consecutive samples of at most `most` tokens together (0: all), at least one, in their order.
template <class F>
void in_parts(const std::vector<Sample>& samples, Index most, const F& body) {
  for (std::size_t from = 0; from < samples.size();) {
    std::vector<TrainingText> texts;
    Index n = 0;
    while (from < samples.size()) {
      const Index next = static_cast<Index>(samples[from].tokens.size());
      if (most > 0 && !texts.empty() && n + next > most) break;
      texts.push_back(samples[from++].text());
      n += next;
    }
    body(texts);
  }
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

constexpr std::size_t kFewLosses = 10;  // no median is told of less

}  // namespace

Trainer::Trainer(LearningModel& model, Learner& learner, std::vector<std::unique_ptr<Optimizer>> optimizers,
                 const Recipe& recipe, const Sources& sources, std::vector<HeldOut> held_out,
                 std::shared_ptr<Context> context)
    : model_(model),
      learner_(learner),
      optimizers_(std::move(optimizers)),
      recipe_(recipe),
      sources_(sources),
      held_out_(std::move(held_out)),
      context_(std::move(context)),
      gradient_(model.n()) {}
Trainer::~Trainer() = default;

double Trainer::take_gradient(const Batch& batch) {
  std::fill_n(gradient_.data(), gradient_.size(), 0.0f);
  double loss = 0;
  in_parts(batch.samples, recipe_.tokens_at_once, [&](const std::vector<TrainingText>& texts) {
    loss += learner_.gradient(texts, batch.method, {batch.n_ctx, recipe_.kept_bytes}, 1 / batch.weight,
                              gradient_.data());
  });
  return loss / batch.weight;
}

std::string Trainer::largest_gradient() const {
  std::string name;
  double most = -1;
  for (const Parameter& p : model_.parameters) {
    const double norm = global_norm(*context_, gradient_.span().subspan(static_cast<std::size_t>(p.begin),
                                                                        static_cast<std::size_t>(p.n())));
    if (norm > most) most = norm, name = p.name;
  }
  return fmt::format("{} (norm {:.3g})", name, most);
}

void Trainer::stop_at_spike(const TrainStage* stage, double loss) {
  if (recipe_.spike <= 0 || recent_.size() < kFewLosses) return;
  if (const double usual = median(recent_); loss > recipe_.spike * usual)
    throw TrainingStopped(fmt::format("step {} ({})", step_ + 1, stage->name),
                          fmt::format("a loss below {:g} times {:.4f}, the median of the {} before",
                                      recipe_.spike, usual, recent_.size()),
                          fmt::format("{:.4f}; the largest gradient is that of {}", loss, largest_gradient()),
                          "a lower rate, a longer warm_up or a smaller clip; spike = 0 goes on");
}

StepRecord Trainer::step() {
  const double begin = now_seconds();
  const auto [stage, at_stage] = recipe_.at(step_);
  if (at_stage == 0) recent_.clear();
  const Batch batch = make_batch(recipe_, sources_, step_);
  StepRecord record;
  record.step = step_ + 1, record.stage = stage->name, record.method = batch.method.text();
  record.n_ctx = batch.n_ctx, record.n_tokens = batch.n_tokens, record.rate = recipe_.rate(step_);
  if (batch.weight > 0) {  // else nothing is asked of it
    record.loss = take_gradient(batch);
    record.norm = global_norm(*context_, gradient_.span());
    if (!std::isfinite(record.loss) || !std::isfinite(record.norm)) {
      const Parameter* bad = first_not_finite(model_.parameters, gradient_.span());
      throw TrainingStopped(fmt::format("step {} ({})", step_ + 1, stage->name),
                            "a loss and a gradient that are numbers",
                            fmt::format("a loss of {}, and the gradient of {} is none", record.loss,
                                        bad ? bad->name : "no single tensor, but their norm"),
                            "a lower rate, a longer warm_up or a smaller clip");
    }
    stop_at_spike(stage, record.loss);
    clip(*context_, record.norm, recipe_.clip, gradient_.span());
    for (const auto& optimizer : optimizers_)
      optimizer->step(step_ + 1, record.rate, gradient_.data(), model_.values->data());
    recent_.push_back(record.loss);
    if (static_cast<Index>(recent_.size()) > recipe_.spike_window) recent_.erase(recent_.begin());
  }
  ++step_;
  record.seconds = now_seconds() - begin;
  if (!held_out_.empty() && (done() || (recipe_.evaluate_every > 0 && step_ % recipe_.evaluate_every == 0)))
    record.held_out = evaluate();
  return record;
}

double Trainer::share_found(const HeldOut& held_out) const {
  Index found = 0;
  for (const Sample& sample : held_out.samples) {
    const Index n = static_cast<Index>(sample.tokens.size());
    std::vector<Token> greatest(sample.tokens.size());
    Session session(*model_.model, MethodSpec::parse("none"), {.n = n, .n_prompt = n});
    session.run(sample.tokens, Wanted{.begin = 0, .end = n, .greatest = greatest.data()});
    bool all = true;
    for (std::size_t t = 0; t < greatest.size(); ++t)
      all = all && (sample.weights[t] < held_out.found_weight || greatest[t] == sample.targets[t]);
    found += all;
  }
  return static_cast<double>(found) / static_cast<double>(held_out.samples.size());
}

std::vector<HeldOutValue> Trainer::evaluate() {
  std::vector<HeldOutValue> values;
  const MethodSpec none = MethodSpec::parse("none");
  for (const HeldOut& held_out : held_out_) {
    if (held_out.found_weight > 0) {
      values.push_back({held_out.name, true, share_found(held_out)});
      continue;
    }
    double sum = 0, weight = 0;
    in_parts(held_out.samples, recipe_.most_rows(), [&](const std::vector<TrainingText>& texts) {
      sum += learner_.loss(texts, none, {0, 0});
      for (const TrainingText& text : texts)
        for (std::size_t t = 0; t < text.targets.size(); ++t)
          weight += text.weights.empty() ? 1.0 : double{text.weights[t]};
    });
    values.push_back({held_out.name, false, sum / weight});
  }
  return values;
}

TrainerState Trainer::state() {
  TrainerState state{step_, recent_, {{"values", model_.values->span()}}};
  for (const auto& optimizer : optimizers_)
    for (const StateArray& array : optimizer->state()) state.arrays.push_back(array);
  return state;
}

void Trainer::go_on_from(Index step, std::vector<double> recent) {
  step_ = step, recent_ = std::move(recent);
}

}  // namespace ropewalk
