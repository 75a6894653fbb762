// SPDX-License-Identifier: Apache-2.0
#include "model/config_only.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "model_test_util.h"

namespace rw {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// What a method may know of a layer, in words: RopeContext has no comparison.
std::string words(const RopeContext& c) {
  std::string all = fmt::format("{} {} {} {} {} {} {} {} '{}' {} {} {} {} {} {} {} {} {} {}", c.head_dim,
                                c.rotary_dim, c.rope_base, c.n_ctx_train, c.n_ctx_original, c.sliding_window,
                                c.turning_pairs, c.longrope_attention_factor, c.own_scaling, c.layer,
                                c.n_layers, c.n_kv_heads, c.attention_scale, c.soft_cap, c.temperature.beta,
                                c.temperature.original, c.acts, c.bidirectional, c.rope_freqs.size());
  for (const auto* list : {&c.long_factors, &c.short_factors, &c.rope_freqs})
    for (const double x : *list) all += fmt::format(" {}", x);
  return all;
}

TEST(ConfigOnly, LayersAreThoseOfTheFolder) {
  int n_models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny"))) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    const auto file = ModelFile::open(entry.path().string());
    if (file->unsupported()) continue;
    SCOPED_TRACE(entry.path().filename().string());
    const ModelConfig whole = read_config(*file);
    std::vector<bool> attends;
    for (const LayerSpec& layer : whole.layers) attends.push_back(layer.attends());
    if (whole.architecture.starts_with("nemotron_h"))
      continue;  // layers of one part, which tensors alone tell
    const ModelConfig only = read_config_only(text_of(entry.path() / "config.json"), attends);
    ASSERT_EQ(only.n_layers(), whole.n_layers());
    for (int layer = 0; layer < whole.n_layers(); ++layer) {
      if (!attends[static_cast<std::size_t>(layer)]) continue;
      EXPECT_EQ(words(only.rope_context(layer, 100)), words(whole.rope_context(layer, 100)));
    }
    ++n_models;
  }
  EXPECT_GE(n_models, 80);
}

TEST(ConfigOnly, RefusesAnotherNumberOfLayersAndUnknownFamilies) {
  const std::string config = text_of(golden("tiny/llama/config.json"));
  EXPECT_THROW(read_config_only(config, {true}), Error);
  EXPECT_THROW(read_config_only(config, std::vector<bool>(3, true)), Error);
  EXPECT_NO_THROW(read_config_only(config, {true, true}));
  EXPECT_THROW(read_config_only(R"({"model_type": "gpt2"})", {true}), Error);
  EXPECT_THROW(read_config_only("[]", {true}), Error);
  EXPECT_THROW(read_config_only("", {}), Error);
  EXPECT_EQ(read_config_only(config, {}).n_attention_layers(), 2);
}

}  // namespace
}  // namespace rw
