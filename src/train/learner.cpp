// SPDX-License-Identifier: Apache-2.0
#include "train/learner.h"

#include <algorithm>

namespace rw {
namespace {

class FloatLearner final : public Learner {
 public:
  FloatLearner(const LearningModel& model, std::shared_ptr<const Training<float>> operations)
      : pass_(model, std::move(operations)) {}
  double gradient(std::span<const TrainingText> texts, const MethodSpec& method,
                  const GradientOptions& options, double factor, float* gradient) override {
    return pass_.run(texts, method, options, factor, gradient);
  }
  double loss(std::span<const TrainingText> texts, const MethodSpec& method,
              const GradientOptions& options) override {
    return pass_.loss(texts, method, options);
  }
  std::size_t bytes(Index n_rows, Index n_ctx) const override { return pass_.bytes(n_rows, n_ctx); }
  std::size_t most_kept_bytes(Index n_rows) const override { return pass_.most_kept_bytes(n_rows); }

 private:
  GradientPass<float> pass_;
};

class DoubleLearner final : public Learner {
 public:
  DoubleLearner(const LearningModel& model, std::shared_ptr<const Training<double>> operations)
      : pass_(model, std::move(operations)), sums_(model.n()) {}
  double gradient(std::span<const TrainingText> texts, const MethodSpec& method,
                  const GradientOptions& options, double factor, float* gradient) override {
    std::fill_n(sums_.data(), sums_.size(), 0.0);
    GradientOptions whole = options;
    whole.layer_done = nullptr;  // a layer's gradient is here at the end
    const double loss = pass_.run(texts, method, whole, factor, sums_.data());
    for (Index i = 0; i < sums_.size(); ++i) gradient[i] += static_cast<float>(sums_[i]);
    return loss;
  }
  double loss(std::span<const TrainingText> texts, const MethodSpec& method,
              const GradientOptions& options) override {
    return pass_.loss(texts, method, options);
  }
  std::size_t bytes(Index n_rows, Index n_ctx) const override {
    return pass_.bytes(n_rows, n_ctx) + static_cast<std::size_t>(sums_.size()) * sizeof(double);
  }
  std::size_t most_kept_bytes(Index n_rows) const override { return pass_.most_kept_bytes(n_rows); }

 private:
  GradientPass<double> pass_;
  Buffer<double> sums_;
};

}  // namespace

std::unique_ptr<Learner> make_learner(const LearningModel& model,
                                      std::shared_ptr<const Training<float>> operations) {
  return std::make_unique<FloatLearner>(model, std::move(operations));
}
std::unique_ptr<Learner> make_learner(const LearningModel& model,
                                      std::shared_ptr<const Training<double>> operations) {
  return std::make_unique<DoubleLearner>(model, std::move(operations));
}

}  // namespace rw
