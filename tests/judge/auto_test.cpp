// SPDX-License-Identifier: Apache-2.0
/// --method auto on a model: while a request fits it is plain RoPE to the bit.
#include "methods/auto.h"

#include <gtest/gtest.h>

#include "model/writing.h"

namespace rw {
namespace {

constexpr Index kTrained = 64;

class AutoOnAModel : public testing::Test {
 protected:
  AutoOnAModel()
      : shared_(
            Model::open(ROPEWALK_SOURCE_DIR "/tests/golden/tiny/llama", make_cpu_backend(Precision::kBf16))),
        model_(*shared_) {}

  MethodSpec chosen(Index n) const {
    const std::vector<TunedSetting> tuned{{.length = 128, .method = "yarn"}};
    return decide(model_.config().rope_context(0, n), tuned).spec;
  }
  std::vector<float> logits(const MethodSpec& spec, Index n) const {
    std::vector<float> all;
    Session session(model_, spec, {.n = n, .n_prompt = n});
    session.run(prompt(n), 0, n, [&](Index, Index n_rows, const float* rows) {
      all.insert(all.end(), rows, rows + n_rows * model_.config().n_vocab);
    });
    return all;
  }
  std::vector<Token> written(const MethodSpec& spec, Index n_prompt, Index n_new) const {
    Session session(model_, spec, {.n = n_prompt + n_new, .n_prompt = n_prompt});
    return write_on(session, prompt(n_prompt), {.n_predict = n_new});
  }
  std::vector<Token> prompt(Index n) const {
    std::vector<Token> tokens;
    for (Index t = 0; t < n; ++t) tokens.push_back(static_cast<Token>((t * t + 3 * t + 5) % 97));
    return tokens;
  }
  std::shared_ptr<const Model> shared_;
  const Model& model_;
};

TEST_F(AutoOnAModel, PlainRopeToTheBitWhileItFits) {
  const MethodSpec plain = MethodSpec::parse("none");
  for (const Index n : {Index{1}, Index{33}, kTrained})
    EXPECT_EQ(logits(chosen(n), n), logits(plain, n)) << n;
  EXPECT_EQ(written(chosen(kTrained), 40, kTrained - 40), written(plain, 40, kTrained - 40));
  EXPECT_NE(logits(chosen(kTrained + 1), kTrained + 1), logits(plain, kTrained + 1));
}

TEST_F(AutoOnAModel, PastItTheSettingBoundToTheRequest) {
  EXPECT_EQ(logits(chosen(96), 96), logits(MethodSpec::parse("yarn:factor=1.5"), 96));
  EXPECT_EQ(logits(chosen(128), 128), logits(MethodSpec::parse("yarn:factor=2"), 128));
  EXPECT_EQ(logits(chosen(160), 160), logits(MethodSpec::parse("yarn:factor=2.5"), 160))
      << "past what was tuned";
}

}  // namespace
}  // namespace rw
