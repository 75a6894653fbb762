// SPDX-License-Identifier: Apache-2.0
// What a step shows depends on the seed and the step alone; .npy files are read as numpy wrote them, or
// refused.
#include "train/batches.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "train/npy.h"

namespace rw {
namespace {

class Batches : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "batches" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
    return folder_ + "/" + name;
  }
  template <class T>
  std::string npy(const std::string& name, const std::string& header, const std::vector<T>& values) {
    std::string bytes("\x93NUMPY\x01\0", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    return write(name, bytes);
  }
  std::string folder_;
};

std::string header_of(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }     \n";
}

std::vector<Token> counting(Index n) {
  std::vector<Token> tokens(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) tokens[static_cast<std::size_t>(i)] = static_cast<Token>(i);
  return tokens;
}

Recipe two_stages() {
  Recipe recipe;
  recipe.seed = 4;
  TrainStage first{.name = "a", .steps = 3, .n_ctx = {16, 32}, .tokens = 64};
  first.mix = {{"text", 0.5}, {"prepared", 0}};
  TrainStage second{.name = "b", .steps = 4, .n_ctx = {4}, .tokens = 8};
  second.mix = {{"prepared", 1}};
  second.methods = {{"none", 1}, {"temperature:value={0.5..0.75}", 1}};
  recipe.stages = {first, second};
  return recipe;
}

TEST_F(Batches, DependOnSeedAndStepAlone) {
  Sources sources;
  sources["text"] = make_text_source({{"a", counting(1000), 0}}, {});
  sources["prepared"] = read_samples(npy<std::int32_t>("t.npy", header_of("<i4", "3, 5"),
                                                       {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
                                     "", 100);
  const Recipe recipe = two_stages();
  std::vector<std::vector<Token>> firsts;
  for (Index step = 0; step < 3; ++step) {
    const Batch batch = make_batch(recipe, sources, step), again = make_batch(recipe, sources, step);
    ASSERT_EQ(batch.samples.size(), again.samples.size());
    EXPECT_EQ(batch.n_tokens, 64);
    EXPECT_DOUBLE_EQ(batch.weight, 64);
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      EXPECT_EQ(batch.samples[i].tokens, again.samples[i].tokens);
      EXPECT_EQ(batch.samples[i].targets.back(), batch.samples[i].tokens.back() + 1);
    }
    firsts.push_back(batch.samples[0].tokens);
  }
  EXPECT_NE(firsts[0], firsts[1]);
  EXPECT_NE(firsts[1], firsts[2]);
  Recipe other = recipe;
  other.seed = 5;
  EXPECT_NE(make_batch(other, sources, 0).samples[0].tokens, firsts[0]);
}

TEST_F(Batches, PreparedSamplesComeInTheirOrder) {
  Sources sources;
  sources["text"] = make_text_source({{"a", counting(1000), 0}}, {});
  const std::string tokens = npy<std::int32_t>("t.npy", header_of("<i4", "3, 5"),
                                               {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
                    weights = npy<float>("w.npy", header_of("<f4", "3, 5"),
                                         {9, 1, 0, 2, 1, 9, 1, 1, 1, 1, 9, 0, 0, 0, 0});
  sources["prepared"] = read_samples(tokens, weights, 100);
  const Recipe recipe = two_stages();
  Token expected[] = {1, 6, 11, 1, 6, 11, 1, 6};
  std::size_t at = 0;
  for (Index step = 3; step < 7; ++step)
    for (const Sample& sample : make_batch(recipe, sources, step).samples)
      EXPECT_EQ(sample.tokens.front(), expected[at++]);
  const Batch batch = make_batch(recipe, sources, 3);
  EXPECT_EQ(batch.samples[0].tokens, (std::vector<Token>{1, 2, 3, 4}));
  EXPECT_EQ(batch.samples[0].targets, (std::vector<Token>{2, kNoToken, 4, 5}));
  EXPECT_EQ(batch.samples[0].weights, (std::vector<float>{1, 0, 2, 1}));
  EXPECT_DOUBLE_EQ(batch.weight, 8);
}

TEST_F(Batches, MethodsAreDrawnBetweenBothEnds) {
  const MethodChoice choice("temperature:value={0.5..0.75}", 1);
  Random random(1);
  double least = 1, most = 0;
  for (int i = 0; i < 200; ++i) {
    const double value = std::stod(choice.draw(random).parts.at(0).parameters.at("value"));
    least = std::min(least, value), most = std::max(most, value);
  }
  EXPECT_GE(least, 0.5);
  EXPECT_LT(least, 0.52);
  EXPECT_LE(most, 0.75);
  EXPECT_GT(most, 0.73);
  MethodChoice("base:value={1e6..1e7}", 1).draw(random);  // spelled 1e+06 and so on
  EXPECT_THROW(MethodChoice("temperature:value={0.5-0.7}", 1), UsageError);
  EXPECT_THROW(MethodChoice("temperature:value={0.7..0.5}", 1), UsageError);
  EXPECT_THROW(MethodChoice("temperature:value={0.7..", 1), UsageError);
  EXPECT_THROW(MethodChoice("temprature:value={0.5..0.7}", 1), UsageError);
}

TEST_F(Batches, MethodsWithWholeNumbersDrawThose) {
  RopeContext context;
  context.head_dim = context.rotary_dim = 64;
  context.n_ctx_train = context.n_ctx_original = context.n = 64;
  const auto bind = [&](const MethodSpec& spec) { Method::bind(spec, context); };
  const auto drawn = [&](const char* text) {
    MethodChoice choice(text, 1);
    choice.fit(bind);
    Random random(1);
    std::map<std::string, int> found;
    for (int i = 0; i < 400; ++i) ++found[choice.draw(random).text()];
    return found;
  };
  const std::map<std::string, int> windows = drawn("rerope:window={5..8}");
  ASSERT_EQ(windows.size(), 4u);
  for (const auto& [text, n] : windows) EXPECT_GT(n, 70) << text;  // each as likely
  EXPECT_TRUE(windows.contains("rerope:window=5") && windows.contains("rerope:window=8"));
  EXPECT_EQ(drawn("rerope:window={4.5..6.5}").size(), 2u);
  EXPECT_EQ(drawn("self-extend:group={1..2},window=16+temperature:value={0.5..1}").size(), 400u);
  EXPECT_EQ(drawn("rerope:window={5..5}").size(), 1u);
  EXPECT_GT(drawn("yarn:factor={2..8}").size(), 300u);                    // of any number
  EXPECT_THROW(drawn("self-extend:group={2..8},window=16"), UsageError);  // 3 does not divide 16
  EXPECT_THROW(drawn("rerope:window={4.2..4.8}"), UsageError);
  EXPECT_THROW(drawn("rerope:window={0..8}"), UsageError);
}

TEST_F(Batches, WhatIsHeldOutLiesEvenly) {
  const std::vector<Sample> pieces = even_pieces({"a", counting(101), 0}, {7}, 3, 20);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].tokens.front(), 7);
  EXPECT_EQ(pieces[0].targets.front(), 0);
  EXPECT_EQ(pieces[1].targets.front(), 40);
  EXPECT_EQ(pieces[2].targets.back(), 100);
  EXPECT_THROW(even_pieces({"a", counting(19), 0}, {7}, 3, 20), Error);
}

TEST_F(Batches, AStageNamesItsSources) {
  Sources sources;
  sources["texts"] = make_text_source({{"a", counting(1000), 0}}, {});
  Recipe recipe = two_stages();
  try {
    require_sources(recipe, sources);
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean texts?"), std::string::npos) << e.what();
  }
  sources["text"] = make_text_source({{"a", counting(20), 0}}, {});
  recipe.stages[0].mix = {{"text", 1}};
  EXPECT_THROW(require_sources(recipe, sources), Error);  // 33 tokens are asked of 20
}

TEST_F(Batches, ANpyFileIsReadAsItWasWrittenOrRefused) {
  const std::string good = header_of("<i4", "2, 3");
  const std::vector<std::int32_t> six = {1, 2, 3, 4, 5, 6};
  const NpyMatrix<std::int32_t> matrix = read_npy<std::int32_t>(npy("good.npy", good, six));
  EXPECT_EQ(matrix.n_rows, 2);
  EXPECT_EQ(matrix.values, six);
  EXPECT_EQ(matrix.row(1)[0], 4);
  EXPECT_THROW(read_npy<float>(npy("type.npy", good, six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("short.npy", header_of("<i4", "3, 3"), six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("long.npy", header_of("<i4", "1, 3"), six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("three.npy", header_of("<i4", "1, 2, 3"), six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("one.npy", header_of("<i4", "6,"), six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("huge.npy", header_of("<i4", "4611686018427387904, 4"), six)),
               Error);
  EXPECT_THROW(read_npy<std::int32_t>(npy("minus.npy", header_of("<i4", "-2, -3"), six)), Error);
  std::string across = good;
  across.replace(across.find("False"), 5, "True ");
  EXPECT_THROW(read_npy<std::int32_t>(npy("order.npy", across, six)), Error);
  EXPECT_THROW(read_npy<std::int32_t>(write("none.npy", "")), Error);
  EXPECT_THROW(read_npy<std::int32_t>(write("cut.npy", std::string("\x93NUMPY\x01\0\xff\xff", 10))), Error);
  EXPECT_THROW(read_npy<std::int32_t>(write("text.npy", "These are no numbers at all.")), Error);
  // Ids of another vocabulary, and weights that are none.
  EXPECT_THROW(read_samples(npy("ids.npy", good, six), "", 6), Error);
  EXPECT_THROW(read_samples(npy("ids.npy", good, six),
                            npy<float>("w.npy", header_of("<f4", "2, 3"), {1, 1, 1, 1, -1, 1}), 7),
               Error);
  EXPECT_THROW(
      read_samples(npy("ids.npy", good, six), npy<float>("w.npy", header_of("<f4", "1, 3"), {1, 1, 1}), 7),
      Error);
  // Nothing is asked: the first column is not read.
  EXPECT_THROW(read_samples(npy("ids.npy", good, six),
                            npy<float>("w.npy", header_of("<f4", "2, 3"), {1, 0, 0, 1, 0, 0}), 7),
               Error);
}

}  // namespace
}  // namespace rw
