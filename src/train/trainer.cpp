// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "core/text.h"
#include "model/session.h"
#include "train/gradient_sum.h"
#include "train/stage_method.h"

namespace rw {
namespace {

/// Consecutive samples of at most `most` tokens together (0: all), at least one, in their order.
template <class F>
void in_parts(std::span<const Sample> samples, Index most, const F& body) {
  for (std::size_t from = 0; from < samples.size();) {
    std::vector<TrainingText> texts;
    Index n = 0;
    while (from < samples.size()) {
      const Index next = static_cast<Index>(samples[from].tokens.size());
      if (most > 0 && !texts.empty() && n + next > most) break;
      texts.push_back(samples[from++].text());
      n += next;
    }
    body(texts, from == samples.size());
  }
}

/// A rank's.
std::span<const Sample> texts_of_rank(const std::vector<Sample>& samples, const Ranks& ranks) {
  const RankShare own = share_of(static_cast<std::ptrdiff_t>(samples.size()), ranks.rank(), ranks.size());
  return std::span(samples).subspan(static_cast<std::size_t>(own.begin), static_cast<std::size_t>(own.n()));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

constexpr const char* kStopHint = "a lower rate or a longer warm-up, from a step before";

/// Of a stage: so long it is held against the losses before it too, and may be like one of who knows nothing.
constexpr std::size_t kFewLosses = 10;

}  // namespace

Trainer::Trainer(LearningModel& model, Learner& learner, std::vector<std::unique_ptr<Optimizer>> optimizers,
                 const Recipe& recipe, const Sources& sources, std::vector<HeldOut> held_out,
                 std::shared_ptr<Context> context, std::shared_ptr<Ranks> ranks)
    : model_(model),
      learner_(learner),
      optimizers_(std::move(optimizers)),
      recipe_(recipe),
      sources_(sources),
      held_out_(std::move(held_out)),
      context_(std::move(context)),
      ranks_(std::move(ranks)),
      sum_(std::make_unique<GradientSum>(model, *ranks_)),
      gradient_(model.n()) {}
Trainer::~Trainer() = default;

double Trainer::take_gradient(const Batch& batch) {
  std::fill_n(gradient_.data(), gradient_.size(), 0.0f);
  if (static_cast<Index>(batch.samples.size()) < ranks_->size())
    throw Error(fmt::format("step {}", step_ + 1), fmt::format("a text for each of {} ranks", ranks_->size()),
                counted(batch.samples.size(), "text"), "more tokens a step, or fewer ranks");
  double loss = 0;
  sum_->begin(gradient_.span());
  const std::function<void(std::size_t)> layer_done = [&](std::size_t layer) { sum_->add_layer(layer); };
  in_parts(texts_of_rank(batch.samples, *ranks_), recipe_.tokens_at_once,
           [&](const std::vector<TrainingText>& texts, bool last) {
             const GradientOptions options{batch.n_ctx, recipe_.kept_bytes, last ? &layer_done : nullptr};
             loss += learner_.gradient(texts, batch.method, options, 1 / batch.weight, gradient_.data());
           });
  sum_->finish();
  gather_losses({&loss, 1});
  return loss / batch.weight;
}

/// Sums over the ranks, in their order.
void Trainer::gather_losses(std::span<double> numbers) const {
  const std::size_t n = numbers.size(), n_ranks = static_cast<std::size_t>(ranks_->size());
  std::vector<double> all(n * n_ranks);
  std::copy(numbers.begin(), numbers.end(), all.begin() + static_cast<std::ptrdiff_t>(n) * ranks_->rank());
  std::vector<std::span<std::byte>> parts;
  for (std::size_t r = 0; r < n_ranks; ++r)
    parts.push_back(std::as_writable_bytes(std::span(all).subspan(r * n, n)));
  ranks_->gather(parts);
  std::fill(numbers.begin(), numbers.end(), 0.0);
  for (std::size_t i = 0; i < all.size(); ++i) numbers[i % n] += all[i];
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

void Trainer::stop_at_spike(const TrainStage& stage, Index at_stage, double loss) const {
  if (recipe_.spike <= 0 || recent_.empty()) return;
  double usual = median(recent_);
  const bool few = recent_.size() < kFewLosses;
  if (few) usual = std::min(usual, recent_.front());  // a rate that is too high raises the later ones first
  double most = recipe_.spike * usual;
  std::string expected =
      fmt::format("a loss below {:g} times {:.4f}, {} {} before", recipe_.spike, usual,
                  few ? "the least of the first and the median of the" : "the median of the", recent_.size());
  // What a later stage shows may be far harder than what the one before did.
  if (const double of_any = std::log(static_cast<double>(model_.model->config().n_vocab));
      step_ > at_stage && at_stage < static_cast<Index>(kFewLosses) && of_any > most) {
    most = of_any;
    expected = fmt::format("a loss below {:.4f}, that of who takes all tokens for as likely", of_any);
  }
  if (loss > most)
    throw TrainingSpike(fmt::format("step {} ({})", step_ + 1, stage.name), expected,
                        fmt::format("{:.4f}; the largest gradient is that of {}", loss, largest_gradient()),
                        kStopHint);
}

StepRecord Trainer::step() {
  const double begin = now_seconds();
  const auto [stage, at_stage] = recipe_.at(step_);
  if (const auto own = static_cast<std::ptrdiff_t>(kFewLosses);
      at_stage == own && recent_.size() > kFewLosses)
    recent_.erase(recent_.begin(), recent_.end() - own);
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
                            kStopHint);
    }
    stop_at_spike(*stage, at_stage, record.loss);
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

MethodSpec Trainer::held_out_method() const {
  const TrainStage& stage = *recipe_.at(std::max<Index>(0, step_ - 1)).first;
  return stage_method(stage, model_.model->config()).value_or(MethodSpec::parse("none"));
}

double Trainer::share_found(const HeldOut& held_out, const MethodSpec& method) const {
  double found = 0;
  for (const Sample& sample : texts_of_rank(held_out.samples, *ranks_)) {
    const Index n = static_cast<Index>(sample.tokens.size());
    std::vector<Token> greatest(sample.tokens.size());
    Session session(*model_.model, method, {.n = n, .n_prompt = n});
    session.run(sample.tokens, Wanted{.begin = 0, .end = n, .greatest = greatest.data()});
    bool all = true;
    for (std::size_t t = 0; t < greatest.size(); ++t)
      all = all && (sample.weights[t] < held_out.found_weight || greatest[t] == sample.targets[t]);
    found += all ? 1 : 0;
  }
  gather_losses({&found, 1});
  return found / static_cast<double>(held_out.samples.size());
}

std::vector<HeldOutValue> Trainer::evaluate() {
  std::vector<HeldOutValue> values;
  const MethodSpec method = held_out_method();
  for (const HeldOut& held_out : held_out_) {
    if (held_out.found_weight > 0) {
      values.push_back({held_out.name, true, share_found(held_out, method)});
      continue;
    }
    double sums[2] = {0, 0};  // of losses, of weights
    in_parts(texts_of_rank(held_out.samples, *ranks_), recipe_.most_rows(),
             [&](const std::vector<TrainingText>& texts, bool) {
               sums[0] += learner_.loss(texts, method, {0, 0});
               for (const TrainingText& text : texts)
                 for (std::size_t t = 0; t < text.targets.size(); ++t)
                   sums[1] += text.weights.empty() ? 1.0 : double{text.weights[t]};
             });
    gather_losses(sums);
    values.push_back({held_out.name, false, sums[0] / sums[1]});
  }
  return values;
}

TrainerState Trainer::state() {
  TrainerState state{step_, recent_, {{"values", model_.values->span()}}, {}};
  for (const Parameter& p : model_.parameters) state.parameters.push_back(p.name);
  for (const auto& optimizer : optimizers_)
    for (const StateArray& array : optimizer->state()) state.arrays.push_back(array);
  return state;
}

void Trainer::share_state() {
  constexpr std::size_t kPiece = std::size_t{1} << 26;  // floats
  for (const StateArray& array : state().arrays)
    for (std::size_t at = 0; at < array.values.size(); at += kPiece)
      ranks_->broadcast(
          std::as_writable_bytes(array.values.subspan(at, std::min(kPiece, array.values.size() - at))));
  std::vector<double> numbers{static_cast<double>(step_), static_cast<double>(recent_.size())};
  ranks_->broadcast(std::as_writable_bytes(std::span(numbers)));
  recent_.resize(static_cast<std::size_t>(numbers[1]));
  ranks_->broadcast(std::as_writable_bytes(std::span(recent_)));
  step_ = static_cast<Index>(numbers[0]);
}

void Trainer::go_on_from(Index step, std::vector<double> recent) {
  step_ = step, recent_ = std::move(recent);
}

}  // namespace rw
