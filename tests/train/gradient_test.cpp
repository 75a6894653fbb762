// SPDX-License-Identifier: Apache-2.0
/// The gradient of whole models, in double, against finite differences of their loss.
#include "train_test_util.h"

namespace rw {
namespace {

LearningModel learning(const std::string& name) {
  LearningModel m = learn_all(tiny_model(name));
  put_on_grid(m);
  return m;
}
LearningModel learning_low_rank(const std::string& name) {
  LowRankOptions options;
  options.rank = 3;
  LearningModel m = learn_low_rank(tiny_model(name), options);
  Random random(2);
  for (float& v : m.values->span()) v += static_cast<float>(0.2 * (random.uniform() - 0.5));
  put_on_grid(m);
  return m;
}

class EveryFamily : public testing::TestWithParam<std::string> {};

TEST_P(EveryFamily, GradientOfEveryParameter) {
  LearningModel m = learning(GetParam());
  const SomeTexts texts({6, 11}, m.model->config().n_vocab);
  expect_gradient_of_every_parameter(m, texts, "none");
  expect_gradient_along_directions(m, texts, "none", 2);
}

TEST_P(EveryFamily, GradientOfLowRankPairs) {
  LearningModel m = learning_low_rank(GetParam());
  const SomeTexts texts({9, 6}, m.model->config().n_vocab);
  expect_gradient_of_every_parameter(m, texts, "none");
  expect_gradient_along_directions(m, texts, "none", 1);
}

/// One method of each kind, where the model has no scaling of its own in place of it.
TEST_P(EveryFamily, GradientUnderAMethodOfEachKind) {
  LearningModel m = learning(GetParam());
  const SomeTexts texts({11, 16}, m.model->config().n_vocab);
  for (const char* method : {"yarn:factor=4,trained=8,replace=1", "rerope:window=5", "logn:trained=8",
                             "lm-infinite:sink=2,window=6"})
    expect_gradient_along_directions(m, texts, method, 1);
}

INSTANTIATE_TEST_SUITE_P(Tiny, EveryFamily, testing::ValuesIn(tiny_families()),
                         [](const auto& at) { return at.param; });

TEST(WholeGradient, UnderEveryRegisteredMethod) {
  LearningModel m = learning("llama_mha");  // 4 key heads, which some examples name
  const SomeTexts texts({17, 24}, m.model->config().n_vocab);
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    if (info.name == "longrope") continue;        // needs the model's own lists: below
    const bool two_layers = info.name == "dope";  // the example names a fourth
    expect_gradient_along_directions(m, texts, two_layers ? "dope:heads=1.2/0.0,trained=8" : info.example, 2);
  }
  for (const std::string& spec : every_spec())
    if (spec.find('+') != std::string::npos) expect_gradient_along_directions(m, texts, spec, 1);
}

TEST(WholeGradient, UnderEveryMethodOfAnEncoderAndOfWeightsBehindTheRotation) {
  for (const char* name : {"roformer", "hunyuan"}) {
    LearningModel m = learning(name);
    const SomeTexts texts({13, 18}, m.model->config().n_vocab);
    int n_bound = 0;
    for (const MethodInfo& info : Registry<MethodInfo>::all()) try {
        expect_gradient_along_directions(m, texts, info.example, 1);
        ++n_bound;
      } catch (const UsageError&) {  // no form on both sides, or of this model's heads
      }
    EXPECT_GT(n_bound, 15) << name;
  }
}

TEST(WholeGradient, UnderTheModelsOwnLists) {
  LearningModel m = learning("longrope");
  const SomeTexts texts({17, 24}, m.model->config().n_vocab);
  expect_gradient_along_directions(m, texts, "none", 2);
  expect_gradient_along_directions(m, texts, "longrope:replace=1", 2);
}

/// Of models whose layers and heads differ, a method that is another for each head.
TEST(WholeGradient, WhereHeadsHavePlansOfTheirOwn) {
  for (const char* name : {"llama_by_layer", "llama", "roformer"}) {
    LearningModel m = learning(name);
    const SomeTexts texts({15, 10}, m.model->config().n_vocab);
    expect_gradient_along_directions(m, texts, "dope:heads=0.0/1.0,trained=8", 2);
    expect_gradient_along_directions(m, texts, "layer-pi:factor=2,first=1,last=2", 2);
  }
}

}  // namespace
}  // namespace rw
