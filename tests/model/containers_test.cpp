// SPDX-License-Identifier: Apache-2.0
/// The same tiny model as a Hugging Face folder and as a GGUF file (made by tools/make_tiny_gguf.py the way
/// llama.cpp's converter writes it): one ModelFile view, one set of logits.
#include <algorithm>
#include <filesystem>

#include "model_test_util.h"

namespace rw {
namespace {

std::vector<std::string> models_in_both() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny")))
    if (std::filesystem::exists(entry.path() / "model.gguf") &&
        std::filesystem::exists(entry.path() / "config.json") && has_reader(entry.path().filename()))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Containers : public testing::TestWithParam<std::string> {
 protected:
  TestModel open(const char* file) const {
    return TestModel(golden("tiny/" + GetParam() + file), make_cpu_backend(Precision::kF32));
  }
};

TEST_P(Containers, GgufComputesWhatTransformersDoes) {
  expect_recorded_logits(open("/model.gguf").model, golden("tiny/" + GetParam()));
}

TEST_P(Containers, GgufComputesWhatTheFolderDoes) {
  const TestModel folder = open(""), gguf = open("/model.gguf");
  const Index n_vocab = folder.model.config().n_vocab;
  for (const Index n : {20, 100}) {
    const std::vector<Token> tokens = some_tokens(n, n_vocab);
    const auto expected = all_logits(folder.model, "none", tokens, {.n = n});
    EXPECT_EQ(expected.size(), static_cast<std::size_t>(n * n_vocab));
    EXPECT_LT(largest_difference(expected, all_logits(gguf.model, "none", tokens, {.n = n})), 1e-4)
        << n << " tokens";
  }
}

TEST_P(Containers, HoldTheSameNumbers) {
  const TestModel folder = open(""), gguf = open("/model.gguf");
  const ModelConfig &a = folder.model.config(), &b = gguf.model.config();
  EXPECT_EQ(a.d_model, b.d_model);
  EXPECT_EQ(a.n_vocab, b.n_vocab);
  // A scaling of the model's own is spelled as its container spells it: GgufComputesWhatTheFolderDoes
  // compares what it does.
  const auto without_scaling = [](std::vector<LayerSpec> layers) {
    for (LayerSpec& layer : layers) {
      const RopeSpec& rope = layer.attention.rope;
      layer.attention.rope = {.base = static_cast<float>(rope.base), .rotary_dim = rope.rotary_dim};
      // GGUF holds floats, and leaves out what its family has.
      AttentionSpec& attention = layer.attention;
      if (attention.scale == 0) attention.scale = 1 / std::sqrt(attention.head_dim);
      attention.scale = static_cast<float>(attention.scale);
      attention.temperature.beta = static_cast<float>(attention.temperature.beta);
      // The converter turns the order of Qwen3.5's value heads round, and takes the exponential of rates.
      layer.recurrence.tiled = layer.recurrence.rate_is_log = false;
      layer.attention.latent.split = false;  // kv_b in two tensors
    }
    return layers;
  };
  EXPECT_TRUE(without_scaling(a.layers) == without_scaling(b.layers));
  EXPECT_EQ(a.n_acting_layers(), b.n_acting_layers());
  EXPECT_EQ(a.tied_embeddings, b.tied_embeddings);
  if (a.n_acting_layers() == 0) return;  // its converter writes 2^20 where nothing has positions
  EXPECT_EQ(a.n_ctx_train, b.n_ctx_train);
  if (b.n_ctx_original != 0) {  // 0: the divisors do not tell it
    EXPECT_EQ(a.n_ctx_original, b.n_ctx_original);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Containers, testing::ValuesIn(models_in_both()),
                         [](const auto& test) { return test.param; });

TEST(BothContainers, TellTheLengthAsShippedFromTheOneThatFrequenciesBendAround) {
  struct {
    const char* name;
    Index train, original;
  } const models[] = {{"llama", 64, 64},   {"linear", 64, 64},    {"yarn", 128, 32},
                      {"llama3", 256, 32}, {"longrope", 128, 32}, {"partial_qwen2", 128, 32}};
  for (const auto& m : models)
    for (const char* container : {"", "/model.gguf"}) {
      const std::string path = golden(std::string("tiny/") + m.name + container);
      const ModelConfig c = read_config(*ModelFile::open(path));
      EXPECT_EQ(c.n_ctx_train, m.train) << path;
      EXPECT_EQ(c.n_ctx_original, m.original) << path;
    }
}

TEST(BothContainers, CoverBothLayoutsAndEachScaling) {
  for (const char* name : {"llama", "llama_tied", "mistral", "qwen2", "qwen3", "linear", "yarn", "llama3",
                           "longrope", "partial", "partial_qwen2"})
    EXPECT_TRUE(std::filesystem::exists(golden("tiny/" + std::string(name) + "/model.gguf"))) << name;
}

}  // namespace
}  // namespace rw
