// SPDX-License-Identifier: Apache-2.0
/// Loss and gradient of models of several families against what PyTorch computes
/// (tests/golden/gradients.json).
#include "train_test_util.h"

namespace rw {
namespace {

const JsonInput& recorded() {
  static const JsonInput gradients = read_json(golden("gradients.json"));
  return gradients;
}

/// Norm and entries of every tensor to 1e-4, those of the definition and those of the machine's floats.
template <class T>
void expect_recorded_gradient(const std::string& name, const std::shared_ptr<const Model>& model,
                              std::shared_ptr<const Training<T>> operations) {
  const JsonInput& expected = recorded()["models"][name];
  const LearningModel m = learn_all(model);
  const auto tokens = expected["tokens"].get<std::vector<Token>>(),
             targets = expected["targets"].get<std::vector<Token>>();
  const TrainingText text{tokens, targets, {}};
  const double mean = 1 / static_cast<double>(tokens.size());
  std::vector<T> gradient(static_cast<std::size_t>(m.n()));
  GradientPass<T> pass(m, std::move(operations));
  const double loss = pass.run({&text, 1}, MethodSpec::parse("none"), {}, mean, gradient.data()) * mean;
  EXPECT_NEAR(loss, expected["loss"].get<double>(), 1e-5);
  std::size_t found = 0;
  for (const Parameter& p : m.parameters) {
    const T* g = gradient.data() + p.begin;
    if (!expected["tensors"].contains(p.name)) {
      ADD_FAILURE() << "PyTorch has no " << p.name;
      continue;
    }
    ++found;
    const JsonInput& tensor = expected["tensors"][p.name];
    double squares = 0;
    for (Index i = 0; i < p.n(); ++i) squares += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    const auto norm = tensor["norm"].get<double>();
    EXPECT_NEAR(std::sqrt(squares), norm, 1e-4 * norm) << p.name;
    for (std::size_t i = 0; i < tensor["entries"].size(); ++i) {
      const auto entry = tensor["entries"][i].get<Index>();
      ASSERT_LT(entry, p.n());
      EXPECT_NEAR(static_cast<double>(g[entry]), tensor["gradient"][i].get<double>(), 1e-4 * norm)
          << p.name << ", entry " << entry;
    }
  }
  EXPECT_EQ(found, expected["tensors"].size());
}

class TorchGradient : public testing::TestWithParam<std::string> {};

TEST_P(TorchGradient, IsTheDefinitions) {
  expect_recorded_gradient<double>(GetParam(), tiny_model(GetParam()), definition());
}
TEST_P(TorchGradient, IsTheMachines) {
  const std::shared_ptr<const Backend> shared(make_cpu_backend(one_thread(), Precision::kF32, KvType::kF32));
  expect_recorded_gradient<float>(GetParam(), Model::open(golden("tiny/" + GetParam()), shared),
                                  make_cpu_training(one_thread()));
}

std::vector<std::string> recorded_models() {
  std::vector<std::string> names;
  for (const auto& [name, model] : recorded()["models"].items()) names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Recorded, TorchGradient, testing::ValuesIn(recorded_models()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace rw
