// SPDX-License-Identifier: Apache-2.0
/// Every family and every kind of own scaling against what transformers computes with the same tiny random
/// model (recorded), below and above the trained length.
#include <algorithm>
#include <filesystem>

#include "model_test_util.h"

namespace rw {
namespace {

std::vector<std::string> tiny_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny")))
    if (has_reader(entry.path().filename())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Transformers : public testing::TestWithParam<std::string> {};

TEST_P(Transformers, ComputesTheSameLogits) {
  const TestModel m(tiny(GetParam()), make_cpu_backend(Precision::kF32));
  expect_recorded_logits(m.model, golden("tiny/" + GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Tiny, Transformers, testing::ValuesIn(tiny_models()),
                         [](const auto& test) { return test.param; });

TEST(OwnScaling, IsReplacedOnlyWhenAsked) {
  const TestModel m(golden("tiny/yarn"), make_cpu_backend(Precision::kF32));
  EXPECT_EQ(m.model.config().n_ctx_train, 128);
  EXPECT_EQ(m.model.config().n_ctx_original, 32);
  const std::vector<Token> tokens = some_tokens(60, 128);
  EXPECT_THROW(all_logits(m.model, "pi:factor=2", tokens, {.n = 60}), UsageError);
  const auto own = all_logits(m.model, "none", tokens, {.n = 60});
  EXPECT_GT(largest_difference(own, all_logits(m.model, "pi:factor=2,replace=1", tokens, {.n = 60})), 1e-3);
  EXPECT_EQ(
      largest_difference(own, all_logits(m.model, "yarn:factor=4,trained=32,replace=1", tokens, {.n = 60})),
      0);
  // A method in its place bends around the same length; what keeps the scaling counts from the shipped one.
  EXPECT_EQ(largest_difference(own, all_logits(m.model, "yarn:factor=4,replace=1", tokens, {.n = 60})), 0);
  EXPECT_EQ(largest_difference(own, all_logits(m.model, "logn", tokens, {.n = 60})), 0);
}

TEST(OwnScaling, LongropeRunsThroughEveryPath) {
  const TestModel m(golden("tiny/longrope"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(90, 128);
  const auto whole = all_logits(m.model, "none", tokens, {.n = 90});
  EXPECT_EQ(largest_difference(whole, all_logits(m.model, "none", tokens, {.n = 90}, {50, 1})), 0);
  EXPECT_EQ(largest_difference(whole, all_logits(m.model, "longrope:replace=1", tokens, {.n = 90})), 0);
}

TEST(Architectures, AreOneFileEach) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(ROPEWALK_SOURCE_DIR) + "/src/model/arch"))
    files += entry.path().extension() == ".cpp";
  EXPECT_EQ(Registry<Architecture>::all().size(), files);
}

}  // namespace
}  // namespace rw
