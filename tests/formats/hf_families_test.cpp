// SPDX-License-Identifier: Apache-2.0
/// config.json of each family as its makers published it, in the words of older versions of transformers,
/// with most keys left to the config classes.
#include <gtest/gtest.h>

#include <cmath>

#include "formats/hf_folder.h"

namespace rw {
namespace {

Metadata translate(const std::string& text) { return translate_config(parse_json(text, "test"), "test"); }

std::int64_t whole(const Metadata& m, const std::string& key) { return std::get<std::int64_t>(m.at(key)); }
double real(const Metadata& m, const std::string& key) { return std::get<double>(m.at(key)); }
std::vector<std::int64_t> list(const Metadata& m, const std::string& key) {
  return std::get<std::vector<std::int64_t>>(m.at(key));
}
std::string word(const Metadata& m, const std::string& key) { return std::get<std::string>(m.at(key)); }

void expect_refused(const std::string& text, const std::string& reason) {
  try {
    translate(text);
    ADD_FAILURE() << text;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(reason), std::string::npos) << e.what();
  }
}

TEST(PublishedConfigs, Gemma3OfFourBillionLeavesMostToItsClass) {
  const Metadata m = translate(R"({"model_type":"gemma3","eos_token_id":[1,106],"text_config":{
      "model_type":"gemma3_text","hidden_size":2560,"intermediate_size":10240,"num_hidden_layers":34,
      "rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},
      "vision_config":{"model_type":"siglip_vision_model"}})");
  EXPECT_EQ(word(m, "general.architecture"), "gemma3");
  EXPECT_EQ(whole(m, "gemma3.attention.head_count"), 8);
  EXPECT_EQ(whole(m, "gemma3.attention.head_count_kv"), 4);
  EXPECT_EQ(whole(m, "gemma3.attention.key_length"), 256);
  EXPECT_EQ(whole(m, "gemma3.context_length"), 131072);
  EXPECT_EQ(real(m, "gemma3.rope.freq_base"), 1e6);
  EXPECT_EQ(real(m, "gemma3.rope.freq_base_swa"), 1e4);
  EXPECT_EQ(word(m, "gemma3.rope.scaling.type"), "linear");
  EXPECT_EQ(real(m, "gemma3.attention.scale"), 1.0 / 16);
  EXPECT_EQ(word(m, "ropewalk.activation"), "gelu_tanh");
  EXPECT_TRUE(std::get<bool>(m.at("ropewalk.tie_embeddings")));
  const auto windowed = list(m, "gemma3.attention.sliding_window_pattern");
  ASSERT_EQ(windowed.size(), 34u);
  for (std::size_t l = 0; l < 34; ++l) EXPECT_EQ(windowed[l], l % 6 != 5) << l;
}

TEST(PublishedConfigs, Gemma2CapsUnlessTheKeyIsNull) {
  const std::string gemma2 =
      R"({"model_type":"gemma2","hidden_size":2304,"intermediate_size":9216,"num_hidden_layers":26,
          "num_attention_heads":8)";
  EXPECT_EQ(real(translate(gemma2 + "}"), "gemma2.attn_logit_softcapping"), 50);
  EXPECT_EQ(real(translate(gemma2 + "}"), "gemma2.final_logit_softcapping"), 30);
  EXPECT_FALSE(
      translate(gemma2 + R"(,"attn_logit_softcapping":null})").contains("gemma2.attn_logit_softcapping"));
  EXPECT_EQ(list(translate(gemma2 + "}"), "gemma2.attention.sliding_window_pattern")[0], 1);
  expect_refused(gemma2 + R"(,"query_pre_attn_scalar":0})", "query_pre_attn_scalar");
  expect_refused(gemma2 + R"(,"use_bidirectional_attention":true})", "later tokens");
}

TEST(PublishedConfigs, OlderQwenVlFoldersHaveNoTextConfig) {
  const Metadata m = translate(R"({"model_type":"qwen2_5_vl","hidden_size":2048,"intermediate_size":11008,
      "num_hidden_layers":36,"num_attention_heads":16,"num_key_value_heads":2,"max_position_embeddings":128000,
      "rope_scaling":{"type":"mrope","mrope_section":[16,24,24]},"rope_theta":1000000.0,"use_sliding_window":false,
      "sliding_window":32768,"max_window_layers":70,"tie_word_embeddings":true,"vision_config":{"depth":32}})");
  EXPECT_EQ(word(m, "general.architecture"), "qwen2vl");
  EXPECT_EQ(list(m, "qwen2vl.rope.dimension_sections"), (std::vector<std::int64_t>{16, 24, 24, 0}));
  EXPECT_FALSE(m.contains("qwen2vl.rope.scaling.type"));
  EXPECT_FALSE(m.contains("qwen2vl.attention.sliding_window"));
}

TEST(PublishedConfigs, AnyTextPartIsReadByItsOwnFamily) {
  const Metadata m = translate(R"({"model_type":"llava","text_config":{"model_type":"qwen2","hidden_size":64,
      "intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
      "max_position_embeddings":128}})");
  EXPECT_EQ(word(m, "general.architecture"), "qwen2");
  EXPECT_THROW(translate(R"({"model_type":"llava","text_config":7})"), Error);
}

TEST(PublishedConfigs, Olmo3ScalesGlobalLayersOnly) {
  const Metadata m = translate(R"({"model_type":"olmo3","hidden_size":4096,"intermediate_size":11008,
      "num_hidden_layers":8,"num_attention_heads":32,"max_position_embeddings":65536,"rope_theta":500000,
      "rope_scaling":{"rope_type":"yarn","factor":8.0,"original_max_position_embeddings":8192,
      "attention_factor":1.2079441541679836,"beta_fast":32,"beta_slow":1}})");
  EXPECT_EQ(word(m, "general.architecture"), "olmo2");
  EXPECT_EQ(word(m, "olmo2.rope.scaling.type"), "yarn");
  EXPECT_EQ(real(m, "olmo2.rope.freq_base_swa"), 500000);
  EXPECT_EQ(list(m, "olmo2.attention.sliding_window_pattern"),
            (std::vector<std::int64_t>{1, 1, 1, 0, 1, 1, 1, 0}));
  expect_refused(R"({"model_type":"olmo3","hidden_size":64,"intermediate_size":96,"num_hidden_layers":1,
      "num_attention_heads":4,"max_position_embeddings":64,"rope_parameters":{"full_attention":{},
      "sliding_attention":{"rope_type":"linear","factor":2.0}}})",
                 "windowed layers without rope scaling");
}

TEST(PublishedConfigs, PythiaNamesItsRotationInItsOwnWay) {
  const Metadata m = translate(R"({"model_type":"gpt_neox","hidden_size":512,"intermediate_size":2048,
      "num_hidden_layers":6,"num_attention_heads":8,"rotary_pct":0.25,"rotary_emb_base":20000,"hidden_act":"gelu",
      "layer_norm_eps":1e-05,"use_parallel_residual":true,"max_position_embeddings":2048})");
  EXPECT_EQ(whole(m, "gptneox.rope.dimension_count"), 16);
  EXPECT_EQ(real(m, "gptneox.rope.freq_base"), 20000);
  EXPECT_EQ(whole(m, "gptneox.attention.head_count_kv"), 8);
  EXPECT_EQ(word(m, "ropewalk.activation"), "gelu");
  EXPECT_TRUE(std::get<bool>(m.at("gptneox.use_parallel_residual")));
}

TEST(PublishedConfigs, LayersWithoutPositionsAreListed) {
  const std::string small = R"("hidden_size":64,"intermediate_size":96,"num_hidden_layers":4,
      "num_attention_heads":4,"max_position_embeddings":64)";
  const std::vector<std::int64_t> three_of_four = {1, 1, 1, 0};
  EXPECT_EQ(list(translate(R"({"model_type":"smollm3",)" + small + "}"), "ropewalk.rope_pattern"),
            three_of_four);
  EXPECT_EQ(list(translate(R"({"model_type":"smollm3","no_rope_layers":[0,1,1,0],)" + small + "}"),
                 "ropewalk.rope_pattern"),
            (std::vector<std::int64_t>{0, 1, 1, 0}));
  EXPECT_EQ(list(translate(R"({"model_type":"cohere2",)" + small + "}"), "ropewalk.rope_pattern"),
            three_of_four);
  EXPECT_EQ(list(translate(R"({"model_type":"exaone4","sliding_window_pattern":"LLLG",)" + small + "}"),
                 "ropewalk.rope_pattern"),
            three_of_four);
  EXPECT_FALSE(translate(R"({"model_type":"exaone4","sliding_window":null,)" + small + "}")
                   .contains("ropewalk.rope_pattern"));
  for (const char* wrong : {R"("no_rope_layers":[1,1])", R"("no_rope_layer_interval":0)"})
    EXPECT_THROW(translate(fmt::format(R"({{"model_type":"smollm3",{},{}}})", wrong, small)), Error) << wrong;
  for (const char* wrong : {"0", "-1", R"("")", R"("LX")"})
    EXPECT_THROW(
        translate(fmt::format(R"({{"model_type":"exaone4","sliding_window_pattern":{},{}}})", wrong, small)),
        Error)
        << wrong;
}

TEST(PublishedConfigs, HunyuansAlphaIsALargerBase) {
  const Metadata m =
      translate(R"({"model_type":"hunyuan_v1_dense","hidden_size":2048,"intermediate_size":6144,
      "num_hidden_layers":32,"num_attention_heads":16,"num_key_value_heads":4,"attention_head_dim":128,"num_experts":1,
      "max_position_embeddings":262144,"rope_theta":10000.0,"rope_scaling":{"type":"dynamic","alpha":1000.0,"factor":1.0}})");
  EXPECT_NEAR(real(m, "hunyuan-dense.rope.freq_base"), 11158839.9251, 1e-3);
  EXPECT_FALSE(m.contains("hunyuan-dense.rope.scaling.type"));
}

TEST(PublishedConfigs, SizesMayBeListsByLayer) {
  const std::string sizes =
      R"("hidden_size":48,"num_hidden_layers":2,"max_position_embeddings":64,"rms_norm_eps":1e-5)";
  const Metadata m =
      translate(R"({"model_type":"llama","num_attention_heads":[3,6],"num_key_value_heads":[1,3],
      "head_dim":[16,8],"intermediate_size":[20,36],)" +
                sizes + "}");
  using List = std::vector<std::int64_t>;
  EXPECT_EQ(list(m, "llama.attention.head_count"), (List{3, 6}));
  EXPECT_EQ(list(m, "llama.attention.head_count_kv"), (List{1, 3}));
  EXPECT_EQ(list(m, "llama.attention.key_length"), (List{16, 8}));
  EXPECT_EQ(list(m, "llama.rope.dimension_count"), (List{16, 8}));
  EXPECT_EQ(list(m, "llama.feed_forward_length"), (List{20, 36}));
  const Metadata deci = translate(R"({"model_type":"deci","num_attention_heads":6,"intermediate_size":20,
      "num_key_value_heads_per_layer":[1,3],)" +
                                  sizes + "}");
  EXPECT_EQ(whole(deci, "deci.attention.head_count"), 6);
  EXPECT_EQ(list(deci, "deci.attention.head_count_kv"), (List{1, 3}));
  // As many key heads as heads, where a list says how many these are.
  EXPECT_EQ(list(translate(R"({"model_type":"llama","num_attention_heads":[3,6],"intermediate_size":20,)" +
                           sizes + "}"),
                 "llama.attention.head_count_kv"),
            (List{3, 6}));
  for (const char* wrong :
       {"[3]", "[3,6,3]", "[]", "[3,-6]", R"([3,"6"])", "[3,5000000]", "[0,3]", "[3.5,3]"})
    EXPECT_THROW(
        translate(fmt::format(
            R"({{"model_type":"llama","num_attention_heads":{},"intermediate_size":20,{}}})", wrong, sizes)),
        Error)
        << wrong;
  EXPECT_THROW(
      translate(
          R"({"model_type":"deci","block_configs":[{}],"num_attention_heads":6,"intermediate_size":20,)" +
          sizes + "}"),
      Error);
}

TEST(PublishedConfigs, BlocksThatPredictFurtherTokensAreCounted) {
  const Metadata m =
      translate(R"({"model_type":"glm4","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,
      "num_attention_heads":4,"num_nextn_predict_layers":1})");
  EXPECT_EQ(whole(m, "glm4.block_count"), 3);
  EXPECT_EQ(whole(m, "glm4.nextn_predict_layers"), 1);
  EXPECT_EQ(translate_tensor_name("model.layers.2.eh_proj.weight", "glm4"), "blk.2.nextn.eh_proj.weight");
}

/// time_step_min is of how weights are initialised; time_step_limit, most often none, is of the model.
TEST(PublishedConfigs, StepsOfNemotronHAreClampedByTheirLimitAlone) {
  const auto steps = [](const std::string& more) {
    const Metadata m = translate(
        R"({"model_type":"nemotron_h","hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,
        "num_attention_heads":4,"hybrid_override_pattern":"M-","mamba_num_heads":8,"time_step_min":0.001)" +
        more + "}");
    return m.contains("ropewalk.least_step") ? real(m, "ropewalk.least_step") : 0;
  };
  EXPECT_EQ(steps(""), 0);
  EXPECT_EQ(steps(R"(,"time_step_limit":[0.0,null])"), 0);
  EXPECT_EQ(steps(R"(,"time_step_limit":[0.02,1.0])"), 0.02);
  EXPECT_EQ(steps(R"(,"time_step_limit":[0.02,1.0],"mamba_dt_limit":[0.03,1.0])"), 0.03);
}

TEST(PublishedConfigs, WhatIsNotComputedIsRefusedByName) {
  const std::string sizes =
      R"("hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":4)";
  for (const auto& [model_type, more, reason] :
       {std::tuple{"falcon", R"("alibi":true)", "ALiBi"},
        {"baichuan", R"("model_max_length":4096)", "ALiBi"},
        {"baichuan", R"("max_position_embeddings":64,"vocab_size":125696)", "normalised rows"},
        {"phi", R"("qk_layernorm":true)", "norms of q and k"},
        {"gemma", R"("use_bidirectional_attention":true)", "later tokens"},
        {"smollm3", R"("use_sliding_window":true,"sliding_window":16)", "sliding windows"},
        {"roformer", R"("is_decoder":true)", "decoder"},
        {"roformer", R"("norm_type":"batch_norm")", "norm_type"},
        {"ministral3", R"("rope_theta":1000000.0)", "rope_parameters"},
        {"glm4", R"("rope_parameters":{"mrope_section":[8,12,12]})", "M-RoPE"},
        {"seed_oss", R"("num_experts":8)", "mixture of experts"},
        {"stablelm", R"("hidden_act":"gelu")", "activation"},
        {"gpt_neox", R"("hidden_act":"relu")", "activation"},
        {"nemotron", R"("hidden_act":"silu")", "activation"},
        {"glm4", R"("num_nextn_predict_layers":-1)", "num_nextn_predict_layers"},
        {"glm4", R"("num_nextn_predict_layers":100000)", "num_nextn_predict_layers"},
        {"gemma4_text", R"("num_key_value_heads":2,"head_dim":16,"sliding_window":null)", "sliding_window"},
        {"minicpm", R"("max_position_embeddings":64)", "dim_model_base"}})
    expect_refused(fmt::format(R"({{"model_type":"{}",{},{}}})", model_type, sizes, more), reason);
  for (const char* n_layers : {"0", "-1", "4097", "4611686018427387904"})
    EXPECT_THROW(translate(fmt::format(R"({{"model_type":"cohere2","hidden_size":64,"intermediate_size":96,
        "num_attention_heads":4,"num_hidden_layers":{}}})",
                                       n_layers)),
                 Error)
        << n_layers;
  for (const char* d_model : {"-8", "2305843009213693952"})
    EXPECT_THROW(translate(fmt::format(R"({{"model_type":"falcon","hidden_size":{},"num_attention_heads":4,
        "num_hidden_layers":2}})",
                                       d_model)),
                 Error)
        << d_model;
}

}  // namespace
}  // namespace rw
