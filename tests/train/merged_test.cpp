// SPDX-License-Identifier: Apache-2.0
/// What was learned, merged: the engine reads it as training computes it.
#include "train/merged.h"

#include <cmath>
#include <limits>

#include "model/session.h"
#include "train/trainer.h"
#include "train_test_util.h"

namespace rw {
namespace {

LearningModel learned(const std::string& name, std::vector<std::string> targets = LowRankOptions{}.targets) {
  LowRankOptions options;
  options.rank = 3, options.targets = std::move(targets);
  LearningModel m = learn_low_rank(tiny_model(name), options);
  Random random(2);
  for (float& v : m.values->span()) v += static_cast<float>(0.3 * (random.uniform() - 0.5));
  return m;
}

/// Losses of a text by the engine, on the merged model, and by the definition of training.
void expect_same_losses(const LearningModel& m, const std::string& method, const std::string& what) {
  const std::vector<Token> tokens = some_tokens(20, m.model->config().n_vocab, 3);
  const auto spec = MethodSpec::parse(method);
  const std::vector<double> read = token_losses(*merged_model(m), spec, tokens, 0, 19);
  const std::vector<Token> targets(tokens.begin() + 1, tokens.end());
  const TrainingText text{std::span(tokens).first(19), targets, {}};
  std::vector<double> trained;
  GradientPass<double>(m, definition()).loss(std::span(&text, 1), spec, {.n_ctx = 20}, &trained);
  ASSERT_EQ(trained.size(), read.size());
  for (std::size_t r = 0; r < read.size(); ++r) EXPECT_NEAR(read[r], trained[r], 1e-4) << what << ", " << r;
}

TEST(Merged, EveryFamilyReadsAsItWasTrained) {
  for (const std::string& name : tiny_families()) {
    if (tiny_model(name)->config().encoder) continue;
    expect_same_losses(learned(name), "none", name);
    expect_same_losses(learned(name, {"attn_output"}), "lm-infinite:sink=2,window=6", name + ", one target");
  }
}

TEST(Merged, IsAsOfNowAndOutlivesWhatLearns) {
  auto m = std::make_unique<LearningModel>(learned("llama_mha"));
  const std::vector<Token> tokens = some_tokens(12, m->model->config().n_vocab, 3);
  const auto plain = MethodSpec::parse("none");
  const std::shared_ptr<const Model> merged = merged_model(*m);
  EXPECT_GT(merged_bytes(*m), 0u);
  const std::vector<double> before = token_losses(*merged, plain, tokens, 0, 11);
  EXPECT_NE(before, token_losses(*m->model, plain, tokens, 0, 11));  // something was learned
  for (float& v : m->values->span()) v *= 2;
  EXPECT_EQ(before, token_losses(*merged, plain, tokens, 0, 11));
  EXPECT_NE(before, token_losses(*merged_model(*m), plain, tokens, 0, 11));
  m.reset();
  EXPECT_EQ(before, token_losses(*merged, plain, tokens, 0, 11));
}

TEST(Merged, WhereEveryTensorLearnsItIsTheModelItself) {
  const LearningModel m = learn_all(tiny_model("llama_mha"));
  EXPECT_EQ(merged_model(m), m.model);
  EXPECT_EQ(merged_bytes(m), 0u);
}

TEST(Merged, AWeightThatIsNoNumberStopsTheTraining) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 3e38f}) {
    LearningModel pairs = learned("llama_mha");
    for (float& v : pairs.values->span()) v = bad;  // 3e38 is a number, its pairs' product is none
    EXPECT_THROW(merged_model(pairs), TrainingStopped) << bad;
    LearningModel all = learn_all(tiny_model("llama_mha"));
    all.values->span().back() = bad;
    if (std::isfinite(bad))
      EXPECT_EQ(merged_model(all), all.model);
    else
      EXPECT_THROW(merged_model(all), TrainingStopped) << bad;
  }
}

TEST(Merged, SaysTheTypeThatItComputesWith) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1, .isa = {}});
  for (const auto& [precision, type] :
       {std::pair(Precision::kF32, "F32"), std::pair(Precision::kBf16, "BF16")}) {
    const auto model =
        Model::open(golden("tiny/llama_mha"), make_cpu_backend(context, precision, KvType::kF32));
    EXPECT_EQ(judged_type(learn_low_rank(model, {})), type);
    EXPECT_EQ(judged_type(learn_all(model)), "F32");
  }
}

}  // namespace
}  // namespace rw
