// SPDX-License-Identifier: Apache-2.0
/// Training of dense models with layers that keep a state: texts of a batch are apart, rates learn in one
/// way, and what was learned is written to both containers.
#include "train/merged.h"
#include "train/new_weights.h"
#include "train/write_model.h"
#include "train_test_util.h"
#include "written_model.h"

namespace rw {
namespace {

constexpr const char* kHybrids[] = {"lfm2", "qwen3_5", "granite_hybrid", "nemotron_h"};

/// Longer than the rows between two states that are kept; each text begins with a state of zeros.
TEST(Hybrids, TextsOfABatchAreApart) {
  for (const char* name : kHybrids) {
    const LearningModel m = learn_all(tiny_model(name));
    const SomeTexts texts({70, 3, 130}, m.model->config().n_vocab);
    const GradientOptions options{.n_ctx = 130};
    const std::vector<double> together = gradient_of(m, definition(), texts, "none", options);
    std::vector<double> apart(together.size());
    GradientPass<double> pass(m, definition());
    for (const TrainingText& text : texts.all())
      pass.run({&text, 1}, MethodSpec::parse("none"), options, 1, apart.data());
    double size = 0;
    for (const double g : together) size = std::max(size, std::abs(g));
    for (std::size_t i = 0; i < apart.size(); ++i) ASSERT_NEAR(apart[i], together[i], 1e-12 * size) << name;
  }
}

/// The folder holds log(-rate), a GGUF the rate: both learn as the logarithm.
TEST(Hybrids, RatesLearnAsLogarithms) {
  const LearningModel folder = learn_all(tiny_model("granite_hybrid")),
                      gguf = learn_all(tiny_model("granite_hybrid/model.gguf"));
  const auto values = [](const LearningModel& m, const std::string& name) {
    for (const Parameter& p : m.parameters)
      if (p.name == name)
        return std::vector<float>(m.values->data() + p.begin, m.values->data() + p.begin + p.n());
    return std::vector<float>();
  };
  const std::vector<float> logs = values(folder, "blk.0.ssm_a_log");
  ASSERT_FALSE(logs.empty());
  EXPECT_LT(relative_error(values(gguf, "blk.0.ssm_a"), logs), 1e-6);
  std::vector<float> rates = logs;
  for (float& rate : rates) rate = -std::exp(rate);
  EXPECT_LT(relative_error(new_weights(gguf).values("blk.0.ssm_a"), rates), 1e-6);
  EXPECT_EQ(new_weights(folder).values("blk.0.ssm_a_log"), logs);
}

using WrittenHybrids = InOwnFolder;

/// Every tensor changed, then read again: the same logits.
TEST_F(WrittenHybrids, ComputeWhatWasLearned) {
  for (const char* name : kHybrids)
    for (const std::string container : {"", "/model.gguf"}) {
      SCOPED_TRACE(name + container);
      const std::shared_ptr<const Model> source = tiny_model(name + container);
      LearningModel m = learn_all(source);
      Random random(4);
      for (float& v : m.values->span()) v *= static_cast<float>(1 + 0.1 * (random.uniform() - 0.5));
      const std::string to = path(name + (container.empty() ? std::string() : std::string(".gguf")));
      write_model(*source, new_weights(m), {.type = "F32"}, to);
      const auto again = Model::open(to, source->shared_backend());
      const std::vector<Token> tokens = some_tokens(20, source->config().n_vocab);
      const auto logits = [&](const Model& model) { return all_logits(model, "none", tokens, {.n = 20}); };
      EXPECT_GT(relative_error(logits(*m.model), logits(*source)), 1e-3);
      EXPECT_LT(relative_error(logits(*again), logits(*m.model)), 1e-6);
    }
}

/// With pairs beside the projections, merged.
TEST_F(WrittenHybrids, ComputeWhatPairsLearned) {
  for (const char* name : kHybrids)
    for (const std::string container : {"", "/model.gguf"}) {
      SCOPED_TRACE(name + container);
      const std::shared_ptr<const Model> source = tiny_model(name + container);
      LowRankOptions options;
      options.rank = 3;
      LearningModel m = learn_low_rank(source, options);
      Random random(5);
      for (float& v : m.values->span()) v += static_cast<float>(0.2 * (random.uniform() - 0.5));
      const std::string to = path(name + (container.empty() ? std::string() : std::string(".gguf")));
      write_model(*source, new_weights(m), {.type = "F32"}, to);
      const auto again = Model::open(to, source->shared_backend());
      const std::vector<Token> tokens = some_tokens(20, source->config().n_vocab);
      const auto logits = [&](const Model& model) { return all_logits(model, "none", tokens, {.n = 20}); };
      EXPECT_GT(relative_error(logits(*again), logits(*source)), 1e-3);
      EXPECT_LT(relative_error(logits(*again), logits(*merged_model(m))), 1e-6);
    }
}

}  // namespace
}  // namespace rw
