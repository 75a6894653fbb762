// SPDX-License-Identifier: Apache-2.0
/// What a GradientPass promises beside the gradient itself.
#include "train_test_util.h"

namespace rw {
namespace {

/// Of each row of each text.
std::vector<double> losses_of(GradientPass<double>& pass, std::span<const TrainingText> texts,
                              const std::string& method, const GradientOptions& options = {}) {
  std::vector<double> losses;
  pass.loss(texts, MethodSpec::parse(method), options, &losses);
  return losses;
}

/// The loss is that of inference with the source's file, for what learns and for what is frozen.
TEST(GradientPass, LossesAreThoseOfASession) {
  for (const std::string& name : tiny_families()) {
    const std::shared_ptr<const Model> model = tiny_model(name);
    const LearningModel all = learn_all(model), low = learn_low_rank(model, {});
    const Index n = 20, n_vocab = model->config().n_vocab;
    const std::vector<Token> tokens = some_tokens(n, n_vocab), targets = some_tokens(n, n_vocab, 9);
    const TrainingText text{tokens, targets, {}};
    for (const char* method : {"none", "rerope:window=6"}) {
      std::vector<float> logits = all_logits(*model, method, tokens, {.n = n});
      std::vector<double> expected(static_cast<std::size_t>(n));
      model->backend().losses(logits.data(), n_vocab, targets, expected.data());
      for (const LearningModel* m : {&all, &low}) {
        GradientPass<double> pass(*m, definition());
        const std::vector<double> found = losses_of(pass, {&text, 1}, method);
        for (std::size_t i = 0; i < found.size(); ++i)
          EXPECT_NEAR(found[i], expected[i], 2e-5) << name << " " << method << ", row " << i;
      }
    }
  }
}

TEST(GradientPass, TextsBesideATextDoNotChangeItsLosses) {
  const LearningModel m = learn_all(tiny_model("llama"));
  const SomeTexts texts({9, 17, 5}, m.model->config().n_vocab);
  const std::vector<TrainingText> all = texts.all();
  GradientPass<double> pass(m, definition());
  const std::vector<double> together = losses_of(pass, all, "dynamic-ntk:trained=8", {.n_ctx = 32});
  std::vector<double> apart;
  for (const TrainingText& text : all)
    for (const double loss : losses_of(pass, {&text, 1}, "dynamic-ntk:trained=8", {.n_ctx = 32}))
      apart.push_back(loss);
  EXPECT_EQ(together, apart);
}

TEST(GradientPass, IsBoundForTheLengthAskedFor) {
  const LearningModel m = learn_all(tiny_model("llama"));
  const SomeTexts texts({20}, m.model->config().n_vocab);
  GradientPass<double> pass(m, definition());
  const auto at = [&](const std::string& method, Index n_ctx) {
    return losses_of(pass, texts.all(), method, {.n_ctx = n_ctx});
  };
  EXPECT_EQ(at("dynamic-ntk:trained=8", 0), at("dynamic-ntk:trained=8", 20));
  EXPECT_NE(at("dynamic-ntk:trained=8", 64), at("dynamic-ntk:trained=8", 20));
  EXPECT_THROW(at("none", 19), Error);
}

TEST(GradientPass, RowsWithoutTargetCostNothingAndWeightsMultiply) {
  const LearningModel m = learn_all(tiny_model("llama"));
  const std::vector<Token> tokens = some_tokens(6, 100), targets = {5, kNoToken, 7, kNoToken, 1, 2};
  const std::vector<float> weights = {1, 1, 0.5f, 3, 0, 2};
  const TrainingText text{tokens, targets, weights};
  GradientPass<double> pass(m, definition());
  std::vector<double> losses, gradient(static_cast<std::size_t>(m.n()));
  const double sum = pass.run({&text, 1}, MethodSpec::parse("none"), {}, 0.25, gradient.data(), &losses);
  EXPECT_EQ(losses[1], 0);
  EXPECT_EQ(losses[3], 0);
  EXPECT_GT(losses[4], 0);  // said, though its weight is 0
  EXPECT_NEAR(sum, losses[0] + 0.5 * losses[2] + 2 * losses[5], 1e-12);
  // Gradients are added, times factor.
  std::vector<double> once(gradient.size());
  pass.run({&text, 1}, MethodSpec::parse("none"), {}, 1, once.data());
  pass.run({&text, 1}, MethodSpec::parse("none"), {}, -0.25, gradient.data());
  double left = 0, size = 0;
  for (std::size_t i = 0; i < once.size(); ++i)
    left = std::max(left, std::abs(gradient[i])), size = std::max(size, std::abs(once[i]));
  EXPECT_GT(size, 0);
  EXPECT_LT(left, 1e-12 * size);
}

/// More rows than a slab of logits has.
TEST(GradientPass, SlabsOfLogitsAddUp) {
  const LearningModel m = learn_all(tiny_model("gemma2"));  // with capped logits
  const SomeTexts texts({150, 230}, m.model->config().n_vocab);
  const std::vector<TrainingText> all = texts.all();
  const std::vector<double> together = gradient_of(m, definition(), texts, "none", {.n_ctx = 256});
  GradientPass<double> pass(m, definition());
  std::vector<double> apart(together.size());
  for (const TrainingText& text : all)
    pass.run({&text, 1}, MethodSpec::parse("none"), {.n_ctx = 256}, 1, apart.data());
  double size = 0;
  for (const double g : together) size = std::max(size, std::abs(g));
  for (std::size_t i = 0; i < apart.size(); ++i) ASSERT_NEAR(apart[i], together[i], 1e-12 * size);
}

TEST(GradientPass, KeptLayersAndThreadsDoNotChangeBits) {
  const std::shared_ptr<const Training<double>> two =
      make_reference_training(std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}}));
  // In turn and parallel, with norms before, behind and of sums.
  for (const char* name : {"gemma3", "llama_by_layer", "cohere2", "roformer", "hunyuan", "olmo2", "gpt_neox",
                           "lfm2", "qwen3_5", "granite_hybrid", "nemotron_h"})
    for (const bool all : {true, false}) {
      const LearningModel m = all ? learn_all(tiny_model(name)) : learn_low_rank(tiny_model(name), {});
      for (float& v : m.values->span()) v += 0x1p-6f;  // pairs start at 0
      const SomeTexts texts({12, 9}, m.model->config().n_vocab);
      const std::vector<double> none = gradient_of(m, definition(), texts, "rerope:window=4");
      for (const std::size_t bytes : {std::size_t{20000}, std::size_t{60000}, std::size_t{1} << 30})
        EXPECT_EQ(gradient_of(m, definition(), texts, "rerope:window=4", {.n_ctx = 0, .kept_bytes = bytes}),
                  none)
            << name << " " << bytes;
      EXPECT_EQ(gradient_of(m, two, texts, "rerope:window=4"), none) << name;
    }
}

/// A pass that has run other texts and methods gives what a new one gives.
TEST(GradientPass, RemembersNothingOfEarlierRuns) {
  const LearningModel m = learn_all(tiny_model("llama"));
  const SomeTexts first({30, 4}, 100), second({7, 12}, 100);
  GradientPass<double> pass(m, definition());
  std::vector<double> gradient(static_cast<std::size_t>(m.n()));
  pass.run(first.all(), MethodSpec::parse("rerope:window=5"), {.n_ctx = 40, .kept_bytes = 1 << 20}, 1,
           gradient.data());
  pass.loss(second.all(), MethodSpec::parse("pi:factor=2"), {});
  std::fill(gradient.begin(), gradient.end(), 0.0);
  pass.run(second.all(), MethodSpec::parse("none"), {}, 1, gradient.data());
  EXPECT_EQ(gradient, gradient_of(m, definition(), second, "none"));
}

TEST(GradientPass, RefusesWhatCannotBeTrained) {
  const LearningModel m = learn_all(tiny_model("llama"));
  const SomeTexts texts({12}, 100);
  GradientPass<double> pass(m, definition());
  try {
    pass.loss(texts.all(), MethodSpec::parse("dynamic-ntk:trained=8,grow=1"), {});
    ADD_FAILURE() << "a method whose frequencies grow was taken";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("grow=1"), std::string::npos) << e.what();
  }
  const std::vector<Token> tokens = {1, 2}, too_large = {1, 128};
  const TrainingText bad[] = {{tokens, too_large, {}},
                              {too_large, tokens, {}},
                              {{}, {}, {}},
                              {tokens, std::span(tokens).first(1), {}}};
  for (const TrainingText& text : bad)
    EXPECT_THROW(pass.loss({&text, 1}, MethodSpec::parse("none"), {}), Error);
  EXPECT_EQ(pass.loss({}, MethodSpec::parse("none"), {}), 0);
}

}  // namespace
}  // namespace rw
