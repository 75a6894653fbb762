// SPDX-License-Identifier: Apache-2.0
/// Shares of attention on the first tokens: the logits stay as they are, and the shares are those of the
/// mask.
#include "model/attention_shares.h"

#include <gtest/gtest.h>

#include "model/session.h"

namespace rw {
namespace {

struct Counted {
  AttentionShares shares;
  std::vector<float> logits;
};

Counted run(const std::string& method, bool counted, Precision precision = Precision::kF32,
            Index row_begin = 0, bool every_row = true) {
  const std::shared_ptr<const ModelFile> file =
      ModelFile::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama");
  Counted result{.shares = {.n_first = 4, .row_begin = row_begin, .layers = {}}, .logits = {}};
  std::shared_ptr<const Backend> backend = make_cpu_backend(precision);
  if (counted) backend = count_attention(backend, read_config(*file).n_layers(), result.shares);
  const auto model = Model::load(file, backend);
  std::vector<Token> tokens;
  for (Token t = 0; t < 100; ++t) tokens.push_back((t * 7 + 3) % 50);
  Session session(*model, MethodSpec::parse(method),
                  {.n = 100, .n_prompt = 100, .chunk = 33, .every_row = every_row});
  session.run(tokens, 99, 100, [&](Index, Index, const float* row) {
    result.logits.assign(row, row + model->config().n_vocab);
  });
  return result;
}

TEST(AttentionShares, LeaveTheModelAlone) {
  for (const char* method : {"none", "rerope:window=16", "lambda:window=20", "yarn:factor=2"}) {
    EXPECT_EQ(run(method, true).logits, run(method, false).logits) << method;
  }
}

/// Only row 99's logits are asked for.
TEST(AttentionShares, TheLastLayerAttendsFromTheRowsThatAreAskedFor) {
  const std::vector<AttentionShares::Layer> all = run("none", true).shares.layers,
                                            asked =
                                                run("none", true, Precision::kF32, 0, false).shares.layers;
  EXPECT_EQ(all[0].rows, all[1].rows);
  EXPECT_EQ(asked[0].rows, all[0].rows);
  EXPECT_EQ(asked[1].rows, all[1].rows / 100);
}

TEST(AttentionShares, AreSharesAndFollowTheMask) {
  const Counted plain = run("none", true);
  ASSERT_EQ(plain.shares.layers.size(), 2u);
  for (const AttentionShares::Layer& layer : plain.shares.layers) {
    EXPECT_GT(layer.first_token, 0);
    EXPECT_LT(layer.first_token, layer.first_tokens);
    EXPECT_LT(layer.first_tokens, layer.rows);
    // Rows 0 to 3 see nothing else; row i sees 4 of i + 1.
    double even = 4;
    for (int i = 4; i < 100; ++i) even += 4.0 / (i + 1);
    EXPECT_NEAR(layer.even / layer.rows, even / 100, 1e-12);
    EXPECT_GE(layer.first_tokens / layer.rows, 0.04 - 1e-6);  // of the first four rows alone
  }
  // A window without the first tokens: nothing falls on them once they are out of it.
  for (const AttentionShares::Layer& layer :
       run("window:window=20", true, Precision::kF32, 50).shares.layers) {
    EXPECT_EQ(layer.first_tokens, 0);
    EXPECT_EQ(layer.even, 0);
  }
  for (const AttentionShares::Layer& layer :
       run("lambda:sink=4,window=20", true, Precision::kF32, 50).shares.layers) {
    EXPECT_GT(layer.first_tokens, 0);
    EXPECT_NEAR(layer.even / layer.rows, 4.0 / 24, 1e-12);
  }
}

TEST(AttentionShares, InBfloat16AreNear) {
  const Counted a = run("none", true), b = run("none", true, Precision::kBf16);
  for (std::size_t l = 0; l < a.shares.layers.size(); ++l)
    EXPECT_NEAR(a.shares.layers[l].first_tokens / a.shares.layers[l].rows,
                b.shares.layers[l].first_tokens / b.shares.layers[l].rows, 5e-3);
}

}  // namespace
}  // namespace rw
