// SPDX-License-Identifier: Apache-2.0
/// `ropewalk bench step`: whole steps of training, in f32: the gradient of a batch and AdamW.
#include "cli/bench.h"
#include "model/memory.h"
#include "train/learner.h"
#include "train/optimizer.h"

namespace rw::bench {
namespace {

constexpr Index kStepTokens = 4096;  ///< of a batch: as many texts of n tokens as it holds, one at least

}  // namespace

Measured measure_step(const Model& model, const Options& asked, const MethodSpec& spec, Index n) {
  const std::shared_ptr<const Model> source = model.shared_from_this();
  const std::shared_ptr<Context> context = model.backend().context();
  const LearningModel learning =
      asked.rank > 0 ? learn_low_rank(source, {.rank = asked.rank}) : learn_all(source);
  const std::unique_ptr<Learner> learner =
      make_learner(learning, std::shared_ptr<const Training<float>>(make_cpu_training(context)));
  const std::unique_ptr<Optimizer> optimizer = make_adamw(learning.parameters, {}, context);
  const Index n_texts = std::max<Index>(1, kStepTokens / n);
  const std::vector<Token> tokens = some_tokens(n_texts * n + 1, model.config().n_vocab);
  const std::span<const Token> all(tokens);
  std::vector<TrainingText> texts;
  for (Index i = 0; i < n_texts; ++i) {
    const auto begin = static_cast<std::size_t>(i * n), size = static_cast<std::size_t>(n);
    texts.push_back({all.subspan(begin, size), all.subspan(begin + 1, size), {}});
  }
  const GradientOptions limits{.n_ctx = n, .kept_bytes = available_memory() / 4};
  Buffer<float> gradient(learning.n());
  double seconds = 0;
  reset_peak_memory();
  Profile& profile = context->profile();
  std::vector<OperationTime> operations;
  for (Index step = 1; step <= 2; ++step) {  // the first one finds its memory
    profile.start();
    const double start = now_seconds();
    std::fill_n(gradient.data(), gradient.size(), 0.0F);
    learner->gradient(texts, spec, limits, 1 / static_cast<double>(n_texts * n), gradient.data());
    optimizer->step(step, 1e-5, gradient.data(), learning.values->data());
    seconds = now_seconds() - start;
    operations = profile.stop();
  }
  return {seconds, n_texts * n, operations, 0, peak_memory()};
}

}  // namespace rw::bench
