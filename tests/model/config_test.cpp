// SPDX-License-Identifier: Apache-2.0
/// What a file says of its model: features that are not there are refused by name in a GGUF of any family,
/// and scalings that make no sense are the file's fault, said before any work.
#include "model/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <variant>

#include "../formats/gguf_writer.h"
#include "formats/gguf.h"
#include "model_test_util.h"

namespace rw {
namespace {

using Value = std::variant<std::uint32_t, double, bool, std::string, std::vector<std::int32_t>>;
using Keys = std::vector<std::pair<std::string, Value>>;

/// A GGUF of one tensor, or another of the same bytes, and the numbers every model has, with `more` beside or
/// in their place, all under `arch`.
ModelConfig read(const std::string& arch, const Keys& more, const char* tensor = nullptr) {
  Keys keys{{"block_count", 2u},          {"embedding_length", 64u},
            {"feed_forward_length", 40u}, {"context_length", 128u},
            {"attention.head_count", 4u}, {"attention.layer_norm_rms_epsilon", 1e-5}};
  std::erase_if(keys, [&](const auto& key) {
    return std::any_of(more.begin(), more.end(), [&](const auto& other) { return other.first == key.first; });
  });
  keys.insert(keys.end(), more.begin(), more.end());
  GgufWriter w;
  w.header(tensor != nullptr ? 2 : 1, keys.size() + 1).string_key("general.architecture", arch);
  for (const auto& [name, value] : keys) {
    const std::string key = name.starts_with("ropewalk.") ? name : arch + "." + name;
    if (const auto* x = std::get_if<std::uint32_t>(&value)) w.text(key).number<std::uint32_t>(4).number(*x);
    if (const auto* x = std::get_if<double>(&value)) w.text(key).number<std::uint32_t>(12).number(*x);
    if (const auto* x = std::get_if<bool>(&value))
      w.text(key).number<std::uint32_t>(7).number<std::uint8_t>(*x);
    if (const auto* x = std::get_if<std::string>(&value)) w.string_key(key, *x);
    if (const auto* x = std::get_if<std::vector<std::int32_t>>(&value)) {
      w.text(key).number<std::uint32_t>(9).number<std::uint32_t>(5).number<std::uint64_t>(x->size());
      for (const std::int32_t number : *x) w.number(number);
    }
  }
  w.tensor("token_embd.weight", {64, 10}, 0, 0);
  if (tensor != nullptr) w.tensor(tensor, {64, 10}, 0, 64 * 10 * 4);
  for (int i = tensor != nullptr ? 2 : 1; i > 0; --i) w.data(64 * 10 * 4);
  return read_config(*parse_gguf(w.bytes, "model.gguf"));
}

void refuse(const std::string& arch, const Keys& more, const char* part) {
  try {
    read(arch, more);
    ADD_FAILURE() << arch << ": read";
  } catch (const UsageError& e) {
    ADD_FAILURE() << "blames the user: " << e.what();
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_NE(what.find(part), std::string::npos) << what;
    EXPECT_TRUE(what.starts_with("model.gguf")) << what;
    EXPECT_NE(what.find("hint: "), std::string::npos) << what;
  }
}

TEST(GgufConfig, IsRead) {
  const ModelConfig c = read("llama", {{"rope.scaling.type", "linear"}, {"rope.scaling.factor", 4.0}});
  EXPECT_EQ(c.layers[0].attention.rope.own_scaling, "pi:factor=4");
  EXPECT_EQ(c.layers[0].attention.head_dim, 16);
  EXPECT_NO_THROW(read("llama", {{"attention.causal", true}, {"logit_scale", 1.0}, {"expert_count", 0u}}));
}

using List = std::vector<std::int32_t>;

TEST(GgufConfig, SizesMayDifferByLayer) {
  const ModelConfig c = read("llama", {{"attention.head_count", List{4, 6}},
                                       {"attention.head_count_kv", List{2, 6}},
                                       {"attention.key_length", List{16, 8}},
                                       {"attention.value_length", List{16, 8}},
                                       {"rope.dimension_count", List{16, 4}},
                                       {"feed_forward_length", List{40, 24}}});
  ASSERT_EQ(c.n_layers(), 2);
  const LayerSpec &a = c.layers[0], &b = c.layers[1];
  EXPECT_EQ(a.attention.q_width(), 64);
  EXPECT_EQ(b.attention.q_width(), 48);
  EXPECT_EQ(a.attention.k_width(), 32);
  EXPECT_EQ(b.attention.k_width(), 48);
  EXPECT_EQ(b.attention.rope.rotary_dim, 4);
  EXPECT_EQ(a.ffn.d_ff, 40);
  EXPECT_EQ(b.ffn.d_ff, 24);
  EXPECT_EQ(c.attention_classes(), (std::vector<std::size_t>{0, 1}));
  // Without key_length heads are as wide as the first layer's, as in llama.cpp.
  EXPECT_EQ(read("llama", {{"attention.head_count", List{4, 8}}}).layers[1].attention.head_dim, 16);
  // A list may go on for blocks that predict further tokens.
  EXPECT_EQ(
      read("llama", {{"block_count", 2u}, {"nextn_predict_layers", 1u}, {"attention.head_count", List{4, 8}}})
          .n_layers(),
      1);
}

TEST(GgufConfig, LayersWithoutAPartAndListsOfAnotherLengthAreNamed) {
  refuse("llama", {{"attention.head_count_kv", List{2, 0}}}, "layer 1 without attention");
  refuse("deci", {{"attention.head_count", List{0, 4}}}, "layer 0 without attention");
  refuse("deci", {{"feed_forward_length", List{40, 0}}}, "layer 1 without a feed-forward part");
  refuse("llama", {{"attention.head_count_kv", List{2}}}, "llama.attention.head_count_kv of 2 layers");
  refuse("llama", {{"attention.head_count_kv", List{2, 2, 2}}}, "llama.attention.head_count_kv of 2 layers");
  refuse("llama", {{"attention.head_count_kv", List{2, 3}}}, "a multiple of head_count_kv");
  refuse("llama", {{"attention.key_length", List{16, 15}}, {"attention.value_length", List{16, 15}}},
         "even head_dim");
  refuse("llama", {{"context_length", List{128, 64}}}, "the same llama.context_length in every layer");
}

const Keys kLatent{{"attention.key_length", 24u},
                   {"attention.value_length", 10u},
                   {"rope.dimension_count", 8u},
                   {"attention.kv_lora_rank", 20u}};

Keys latent_with(const Keys& more) {
  Keys keys = more;
  for (const auto& key : kLatent)
    if (std::none_of(more.begin(), more.end(), [&](const auto& other) { return other.first == key.first; }))
      keys.push_back(key);
  return keys;
}

TEST(GgufConfig, OfLatentsHasTheWidthsOfHeadsWhicheverKeysSayThem) {
  for (const Keys& keys : {kLatent, latent_with({{"attention.head_count_kv", 1u},
                                                 {"attention.key_length", 28u},
                                                 {"attention.value_length", 20u},
                                                 {"attention.key_length_mla", 24u},
                                                 {"attention.value_length_mla", 10u}})}) {
    const AttentionSpec a = read("deepseek2", keys).layers[1].attention;
    EXPECT_EQ(std::tuple(a.n_heads, a.n_kv_heads, a.head_dim, a.v_dim(), a.rope.rotary_dim),
              std::tuple(4, 4, 24, 10, 8));
    EXPECT_EQ(std::pair(a.latent.kv_rank, a.latent.q_rank), std::pair(Index{20}, Index{0}));
    EXPECT_EQ(a.scale, 0);
  }
}

TEST(GgufConfig, OfLatentsSaysWhatIsMissingOrCannotBe) {
  refuse("deepseek2", {}, "rope.dimension_count");
  refuse("minicpm3", {{"rope.dimension_count", 8u}}, "attention.kv_lora_rank");
  refuse("deepseek2", latent_with({{"attention.kv_lora_rank", 0u}}), "kv_lora_rank from 1");
  refuse("deepseek2", latent_with({{"rope.dimension_count", 24u}}), "rope.dimension_count from 2 to 23");
  refuse("deepseek2", latent_with({{"rope.dimension_count", 7u}}), "an even part is rotated");
  refuse("deepseek2", latent_with({{"attention.key_length", 576u}}), "key_length from 4 to 256");
  refuse("deepseek2", latent_with({{"attention.key_length_mla", 24u}, {"attention.value_length_mla", 0u}}),
         "value_length_mla from 2");
  refuse("deepseek2", latent_with({{"ropewalk.rope_pattern", std::vector<std::int32_t>{1, 0}}}),
         "a layer with latents and without positions");
  // Widths that no key says are d_model / n_heads.
  for (const char* key : {"attention.key_length", "attention.value_length"}) {
    Keys keys = latent_with({{"embedding_length", 4096u}});
    std::erase_if(keys, [&](const auto& other) { return other.first == key; });
    refuse("deepseek2", keys, "heads from 2 to 256 wide");
  }
  refuse("deepseek2", latent_with({{"attention.indexer.head_count", 4u}}), "an indexer");
  refuse("deepseek2", latent_with({{"attention.temperature_scale", 0.1}}), "temperature");
}

/// m^2 / sqrt(24), m = 1 + 0.1 x 0.707 log 40: a tenth of mscale_all_dim stands in these files.
TEST(GgufConfig, OfLatentsHasYarnsTemperatureOnAllDims) {
  const Keys yarn = latent_with({{"rope.scaling.type", "yarn"},
                                 {"rope.scaling.factor", 40.0},
                                 {"rope.scaling.original_context_length", 16u},
                                 {"rope.scaling.yarn_log_multiplier", 0.0707}});
  const AttentionSpec a = read("deepseek2", yarn).layers[0].attention;
  const double m = 1 + 0.0707 * std::log(40.0);
  EXPECT_NEAR(a.scale, m * m / std::sqrt(24.0), 1e-7);
  EXPECT_NE(a.rope.own_scaling.find("attention_factor=1"), std::string::npos) << a.rope.own_scaling;
  refuse("deepseek2",
         latent_with({{"rope.scaling.type", "yarn"},
                      {"rope.scaling.factor", 40.0},
                      {"rope.scaling.original_context_length", 16u},
                      {"rope.scaling.yarn_log_multiplier", -0.5}}),
         "mscale_all_dim");
}

TEST(GgufConfig, WindowsByLayerAreOfAList) {
  const Keys window{{"attention.sliding_window", 16u}};
  auto with = [&](List pattern) {
    Keys keys = window;
    keys.emplace_back("attention.sliding_window_pattern", std::move(pattern));
    return keys;
  };
  EXPECT_EQ(windows_of(read("qwen2", window)), (std::vector<Index>{16, 16}));
  EXPECT_EQ(windows_of(read("qwen2", with({0, 1}))), (std::vector<Index>{0, 16}));
  refuse("qwen2", with({1}), "sliding_window_pattern of 2 layers");
}

TEST(GgufConfig, FeaturesThatAreNotThereAreNamedInEveryFamily) {
  for (const char* arch : {"qwen2", "gemma2", "qwen2vl"})
    refuse(arch, {{"expert_count", 8u}}, "mixture of experts");
  for (const char* arch : {"llama", "qwen2moe"}) refuse(arch, {{"expert_count", 8u}}, "routers");
  for (const char* arch :
       {"llama", "qwen2", "qwen2moe", "qwen3moe", "mistral4", "gemma2", "qwen2vl", "unheard"}) {
    refuse(arch, {{"attention.kv_lora_rank", 512u}}, "MLA");
    refuse(arch, {{"attention.indexer.head_count", 4u}}, "an indexer");
    refuse(arch, {{"attention.causal", false}}, "later tokens");
  }
  for (const char* arch : {"llama", "qwen2", "granite"})
    refuse(arch, {{"attention.sliding_window_pattern", 2u}}, "pattern of layers");
  // What all models of a family have.
  for (const char* arch : {"qwen3", "olmoe", "minimax-m2"}) refuse(arch, {}, "attn_q_norm.weight");
  refuse("gpt-oss", {}, "biases of attention, routers and experts");
  for (const char* arch : {"qwen35", "lfm2", "granitehybrid"}) refuse(arch, {}, "blk.0.attn_q.weight");
  refuse("nemotron_h", {}, "a layer with attention");
  refuse("unheard", {}, "'unheard'");
  refuse("unheard", {}, "docs/models.md");
  // ... and of a known family by its name alone.
  for (const auto& [arch, part] : {std::pair{"gemma3n", "per-layer embeddings"},
                                   {"falcon-h1", "Mamba-2"},
                                   {"granite_swa", "sinks"},
                                   {"mpt", "ALiBi"},
                                   {"bert", "positions of its own"},
                                   {"grok", "experts"},
                                   {"deepseek32", "an indexer"},
                                   {"mistral4", "MLA"}})
    refuse(arch, {}, part);
}

TEST(GgufConfig, NumbersThatLeaveFloatsOrAreOfNoFamilyAreRefused) {
  refuse("llama", {{"rope.freq_base", 5e-324}}, "1e-15");
  for (const char* scale : {"logit_scale", "embedding_scale", "residual_scale", "attention.scale"})
    for (const double value : {1e-300, -1.0, 0.0, 1e300}) refuse("granite", {{scale, value}}, scale);
  for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"})
    for (const double value : {1e-300, -5.0, double(INFINITY)}) refuse("gemma2", {{cap, value}}, cap);
  for (const char* arch : {"llama", "gemma2", "glm4", "starcoder2"})
    refuse(arch, {{"use_parallel_residual", true}, {"attention.layer_norm_epsilon", 1e-5}}, "parallel");
  for (const char* arch : {"command-r", "cohere2"})
    refuse(arch, {{"attention.layer_norm_epsilon", 1e-5}}, "logit_scale");
  refuse("gemma3", {{"attention.sliding_window_pattern", std::string("every sixth")}}, "another type");
}

/// Of GGUFs from before they named the groups: DeepSeek V2's.
TEST(GgufConfig, OfDeepseekHasItsGroupsWhereItsFileHasNone) {
  const auto groups = [](std::uint32_t n_experts, std::uint32_t n_used, const Keys& more) {
    Keys keys = latent_with(
        {{"expert_count", n_experts}, {"expert_used_count", n_used}, {"expert_feed_forward_length", 16u}});
    keys.insert(keys.end(), more.begin(), more.end());
    const ExpertsSpec e = read("deepseek2", keys, "blk.1.ffn_gate_inp.weight").layers[1].ffn.experts;
    return std::pair(e.n_groups, e.n_groups_used);
  };
  EXPECT_EQ(groups(160, 6, {}), std::pair(Index{8}, Index{3}));
  EXPECT_EQ(groups(160, 160, {}), std::pair(Index{1}, Index{1}));
  EXPECT_EQ(groups(64, 6, {}), std::pair(Index{1}, Index{1}));
  EXPECT_EQ(groups(160, 6, {{"expert_group_count", 4u}, {"expert_group_used_count", 2u}}),
            std::pair(Index{4}, Index{2}));
}

/// What a family has where its older files do not say it.
TEST(GgufConfig, WhatOldFilesLeaveOutIsTheFamilys) {
  EXPECT_EQ(windows_of(read("gemma2", {})), (std::vector<Index>{4096, 0}));
  EXPECT_EQ(read("gemma2", {}).layers[0].attention.soft_cap, 50);
  EXPECT_EQ(read("gemma3", {{"attention.sliding_window", 16u}, {"rope.freq_base", 1e6}})
                .layers[0]
                .attention.rope.base,
            10000)
      << "both of its two layers have windows, and with them the local base: llama.cpp's is_swa";
  EXPECT_EQ(
      read("gemma2", {{"rope.freq_base_swa", 5000.0}, {"rope.freq_base", 1e6}}).layers[1].attention.rope.base,
      1e6);
  const Keys local{{"attention.sliding_window", 16u},
                   {"rope.freq_base", 5e5},
                   {"attention.sliding_window_pattern", std::vector<std::int32_t>{1, 0}}};
  EXPECT_EQ(read("gemma3", local).layers[0].attention.rope.base, 10000);
  EXPECT_EQ(read("olmo2", local).layers[0].attention.rope.base, 5e5);
  EXPECT_EQ(read("minicpm", {}).embedding_multiplier, 12);
  EXPECT_EQ(read("minicpm", {}).logit_multiplier, 4);  // 256 / 64
}

TEST(GgufConfig, PartsOfModelsAreNamed) {
  GgufWriter w = GgufWriter().header(0, 2).string_key("general.architecture", "llama");
  w.string_key("general.type", "adapter").data(0);
  try {
    read_config(*parse_gguf(w.bytes, "model.gguf"));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("'adapter'"), std::string::npos) << e.what();
  }
}

TEST(GgufConfig, WhatWouldBeIgnoredIsRefused) {
  refuse("llama", {{"ropewalk.rope_pattern", 4u}}, "ropewalk.rope_pattern as a list");
  refuse("qwen2", {{"attention.sliding_window", 16u}, {"attention.sliding_window_pattern", "LG"}},
         "as a list");
  refuse("smollm3", {{"attention.temperature_scale", 0.1}}, "temperature");
  EXPECT_EQ(read("mistral3", {{"attention.temperature_scale", 0.1}}).layers[1].attention.temperature.beta,
            0.1);
  const Keys yarn{{"rope.scaling.type", "yarn"}, {"rope.scaling.factor", 4.0}};
  for (const double share : {0.0, 0.5, 2.0, -0.5, -2.0}) {
    Keys keys = yarn;
    keys.emplace_back("rope.scaling.yarn_ext_factor", share);
    refuse("mistral3", keys, "yarn_ext_factor");
  }
  for (const double usual : {1.0, -1.0}) {  // -1: llama.cpp's for none given
    Keys keys = yarn;
    keys.emplace_back("rope.scaling.yarn_ext_factor", usual);
    EXPECT_EQ(read("mistral3", keys).layers[0].attention.rope.own_scaling,
              read("mistral3", yarn).layers[0].attention.rope.own_scaling);
  }
  // Norms behind the rotation would take YaRN's factor on q and k out again.
  refuse("hunyuan-dense", yarn, "one of frequencies alone");
  EXPECT_NO_THROW(read("hunyuan-dense", {{"rope.scaling.type", "linear"}, {"rope.scaling.factor", 4.0}}));
}

TEST(GgufConfig, ScalingsThatMakeNoSenseAreTheFilesFault) {
  for (double factor : {0.5, 1e300, 1e6, -1.0, std::nan(""), double(INFINITY)})
    refuse("llama", {{"rope.scaling.type", "linear"}, {"rope.scaling.factor", factor}}, "factor");
  const Keys yarn{{"rope.scaling.type", "yarn"}, {"rope.scaling.factor", 4.0}};
  auto with = [](Keys keys, const char* name, Value value) {
    keys.emplace_back(name, value);
    return keys;
  };
  refuse("llama", with(yarn, "rope.scaling.attn_factor", std::nan("")), "attn_factor");
  refuse("llama", with(yarn, "rope.scaling.yarn_beta_fast", -4.0), "beta_fast");
  refuse("llama", {{"rope.scaling.type", "bogus\n\x1b[31m"}}, "'bogus??[31m'");  // one line, no escapes
}

}  // namespace
}  // namespace rw
