// SPDX-License-Identifier: Apache-2.0
/// Models that learn and texts that the tests of this folder share.
#pragma once
#include <algorithm>
#include <filesystem>

#include "../kernels/finite_differences.h"
#include "../model/model_test_util.h"
#include "core/random.h"
#include "train/gradient.h"

namespace rw {

/// Small operations wait longer for each other than they work.
inline std::shared_ptr<Context> one_thread() {
  static const auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = {}});
  return context;
}
inline std::shared_ptr<const Training<double>> definition() {
  static const std::shared_ptr<const Training<double>> made = make_reference_training(one_thread());
  return made;
}
inline std::shared_ptr<const Model> tiny_model(const std::string& name) {
  static const std::shared_ptr<const Backend> backend = make_reference_backend(one_thread());
  return Model::open(golden("tiny/" + name), backend);
}
inline bool is_trained(const std::string& path) {
  return why_not_trained(read_config(*ModelFile::open(path))) == nullptr;
}
/// Models of tests/golden/tiny that can be trained: folders without experts and states.
inline std::vector<std::string> tiny_families() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny")))
    if (const std::string name = entry.path().filename(); has_reader(name) && is_trained(tiny(name)))
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

/// Steps of one parameter, and of all together, which are float32: on this grid they are exact.
constexpr double kStep = 0x1p-14, kStepOfAll = 0x1p-19;
inline void put_on_grid(LearningModel& m) {
  for (float& v : m.values->span()) v = std::round(v * 0x1p20f) / 0x1p20f;
}

/// Texts of the given lengths, some rows of which ask nothing, with weights.
struct SomeTexts {
  std::vector<std::vector<Token>> tokens, targets;
  std::vector<std::vector<float>> weights;
  SomeTexts(const std::vector<Index>& lengths, Index n_vocab) {
    Random random(7);
    for (const Index n : lengths) {
      tokens.push_back(some_tokens(n, n_vocab, static_cast<std::uint32_t>(n)));
      targets.push_back(some_tokens(n, n_vocab, static_cast<std::uint32_t>(n + 100)));
      weights.emplace_back();
      for (Token& target : targets.back()) {
        if (random.below(5) == 0) target = kNoToken;
        weights.back().push_back(static_cast<float>(0.5 + random.uniform()));
      }
    }
  }
  std::vector<TrainingText> all() const {
    std::vector<TrainingText> texts;
    for (std::size_t i = 0; i < tokens.size(); ++i) texts.push_back({tokens[i], targets[i], weights[i]});
    return texts;
  }
};

template <class T>
std::vector<T> gradient_of(const LearningModel& m, std::shared_ptr<const Training<T>> ops,
                           const SomeTexts& texts, const std::string& method,
                           const GradientOptions& options = {}) {
  std::vector<T> gradient(static_cast<std::size_t>(m.n()));
  GradientPass<T> pass(m, std::move(ops));
  pass.run(texts.all(), MethodSpec::parse(method), options, 1, gradient.data());
  return gradient;
}

/// A loss that follows the parameters' values.
class LossAt {
 public:
  LossAt(LearningModel& m, const SomeTexts& texts, const std::string& method)
      : m_(m), texts_(texts.all()), method_(MethodSpec::parse(method)), pass_(m, definition()) {}
  double operator()() { return pass_.loss(texts_, method_, {}); }
  /// with values + t direction
  double along(const std::vector<int>& direction, double t) {
    const std::vector<float> before(m_.values->span().begin(), m_.values->span().end());
    for (std::size_t i = 0; i < before.size(); ++i)
      (*m_.values)[static_cast<Index>(i)] =
          static_cast<float>(static_cast<double>(before[i]) + t * direction[i]);
    const double loss = (*this)();
    std::copy(before.begin(), before.end(), m_.values->data());
    return loss;
  }

 private:
  LearningModel& m_;
  std::vector<TrainingText> texts_;
  MethodSpec method_;
  GradientPass<double> pass_;
};

/// The gradient agrees along random directions of all parameters together.
inline void expect_gradient_along_directions(LearningModel& m, const SomeTexts& texts,
                                             const std::string& method, int n_directions) {
  const std::vector<double> gradient = gradient_of(m, definition(), texts, method);
  LossAt loss(m, texts, method);
  Random random(3);
  double size = 0;
  for (const double g : gradient) size += g * g;
  ASSERT_GT(size, 0);
  for (int d = 0; d < n_directions; ++d) {
    std::vector<int> direction;
    double expected = 0;
    for (const double g : gradient) {
      direction.push_back(random.below(2) == 0 ? 1 : -1);
      expected += direction.back() * g;
    }
    const double found = derivative([&](double t) { return loss.along(direction, t); }, kStepOfAll);
    EXPECT_NEAR(expected, found, 1e-6 * std::max(std::abs(found), std::sqrt(size))) << method;
  }
}

#ifdef ROPEWALK_SANITIZED
constexpr std::size_t kEvery = 6;  // each runs the same code, and takes ten times as long
#else
constexpr std::size_t kEvery = 1;
#endif

/// The gradient agrees by the entry with the largest one of every parameter (under sanitizers: of one of
/// six), and by another.
inline void expect_gradient_of_every_parameter(LearningModel& m, const SomeTexts& texts,
                                               const std::string& method) {
  const std::vector<double> gradient = gradient_of(m, definition(), texts, method);
  LossAt loss(m, texts, method);
  Random random(5);
  for (std::size_t at = 0; at < m.parameters.size(); at += kEvery) {
    const Parameter& p = m.parameters[at];
    const double* g = gradient.data() + p.begin;
    const auto smaller = [](double a, double b) { return std::abs(a) < std::abs(b); };
    const Index largest = std::max_element(g, g + p.n(), smaller) - g;
    for (const Index i : {largest, static_cast<Index>(random.below(static_cast<std::uint32_t>(p.n())))}) {
      float& value = (*m.values)[p.begin + i];
      const float before = value;
      const double found = derivative(
          [&](double t) {
            value = static_cast<float>(static_cast<double>(before) + t);
            return loss();
          },
          kStep);
      value = before;
      EXPECT_NEAR(g[i], found, 1e-6 * std::max(std::abs(found), 1e-3 * std::abs(g[largest])) + 1e-9)
          << method << " " << p.name << ", entry " << i;
    }
  }
}

}  // namespace rw
