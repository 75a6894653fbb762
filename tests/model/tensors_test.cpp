// SPDX-License-Identifier: Apache-2.0
/// What a folder's config.json and tensors must agree on, without any weight being read.
#include "model/tensors.h"

#include <gtest/gtest.h>

#include "../formats/gguf_writer.h"
#include "core/json.h"
#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "model_test_util.h"

namespace rw {
namespace {

struct Stored {
  std::vector<Index> shape;
  std::string dtype = "F32";
};
using Tensors = std::map<std::string, Stored>;

/// A safetensors file of zeros.
std::string safetensors(const Tensors& tensors) {
  Json header = Json::object();
  Index at = 0;
  for (const auto& [name, t] : tensors) {
    Index bytes = t.dtype == "F32" ? 4 : 1;
    for (const Index extent : t.shape) bytes *= extent;
    header[name] = {{"dtype", t.dtype}, {"shape", t.shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  const std::string text = dump_json(header);
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text +
         std::string(static_cast<std::size_t>(at), '\0');
}

/// Of two layers, d_model 8, two heads, 3 rows.
Tensors qwen3_tensors() {
  Tensors all{
      {"model.embed_tokens.weight", {{3, 8}}}, {"model.norm.weight", {{8}}}, {"lm_head.weight", {{3, 8}}}};
  for (const char* layer : {"model.layers.0.", "model.layers.1."})
    for (const auto& [name, shape] :
         std::map<std::string, std::vector<Index>>{{"input_layernorm.weight", {8}},
                                                   {"post_attention_layernorm.weight", {8}},
                                                   {"self_attn.q_proj.weight", {8, 8}},
                                                   {"self_attn.k_proj.weight", {8, 8}},
                                                   {"self_attn.v_proj.weight", {8, 8}},
                                                   {"self_attn.o_proj.weight", {8, 8}},
                                                   {"self_attn.q_norm.weight", {4}},
                                                   {"self_attn.k_norm.weight", {4}},
                                                   {"mlp.gate_proj.weight", {6, 8}},
                                                   {"mlp.up_proj.weight", {6, 8}},
                                                   {"mlp.down_proj.weight", {8, 6}}})
      all[layer + name] = {shape};
  return all;
}

ModelConfig checked(const std::string& more, const Tensors& tensors = qwen3_tensors()) {
  const std::string config =
      R"({"model_type":"qwen3","hidden_size":8,"intermediate_size":6,"num_hidden_layers":2,"head_dim":4,)"
      R"("num_attention_heads":2,"num_key_value_heads":2,"max_position_embeddings":64)" +
      more + "}";
  const std::string bytes = safetensors(tensors);
  const auto file = parse_hf_model(config, "", std::as_bytes(std::span(bytes)), "m");
  const ModelConfig c = read_config(*file);
  check_tensors(*file, c);
  return c;
}

void refuse(const Tensors& tensors, const char* part) {
  try {
    checked("", tensors);
    ADD_FAILURE() << part;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Tensors, MustBeThereAndOfTheShapeThatTheNumbersGive) {
  EXPECT_NO_THROW(checked(""));
  for (const auto& [name, stored] : qwen3_tensors()) {
    Tensors without = qwen3_tensors(), other = qwen3_tensors(), quantised = qwen3_tensors();
    without.erase(name);
    EXPECT_THROW(checked("", without), Error) << name;
    other[name].shape.back() += 2;
    EXPECT_THROW(checked("", other), Error) << name;
    quantised[name].dtype = "I8";
    refuse(quantised, "I8");
  }
  Tensors more = qwen3_tensors();
  more["model.layers.0.self_attn.q_proj.bias"] = {{8}};
  refuse(more, "attn_k.bias");
  more = qwen3_tensors();
  more["model.layers.0.mlp.up_proj.bias"] = {{6}};
  refuse(more, "ffn_gate.bias");
  more = qwen3_tensors();
  more.erase("lm_head.weight");
  refuse(more, "lm_head.weight");
  EXPECT_TRUE(checked(R"(,"tie_word_embeddings":true)", more).tied_embeddings);
}

TEST(Tensors, BiasesOfAttentionAreThoseThatTheConfigSays) {
  Tensors biased = qwen3_tensors();
  for (const char* layer : {"model.layers.0.", "model.layers.1."})
    for (const char* part : {"q", "k", "v", "o"})
      biased[fmt::format("{}self_attn.{}_proj.bias", layer, part)] = {{8}};
  const std::string is = R"(,"attention_bias":true)", is_not = R"(,"attention_bias":false)";
  for (const std::string& said : {is, std::string()}) {
    EXPECT_TRUE(checked(said, biased).layers[0].attention.qkv_bias);
    EXPECT_TRUE(checked(said, biased).layers[0].attention.output_bias);
  }
  EXPECT_FALSE(checked(is_not).layers[0].attention.qkv_bias);
  EXPECT_THROW(checked(is_not, biased), Error);
  EXPECT_THROW(checked(is), Error);
  biased.erase("model.layers.1.self_attn.o_proj.bias");
  EXPECT_THROW(checked(is, biased), Error);
}

TEST(Tensors, OfATypeThatIsNotComputedAreNamed) {
  GgufWriter w;
  w.header(1, 7).string_key("general.architecture", "llama").u32_key("llama.block_count", 1);
  w.u32_key("llama.embedding_length", 256).u32_key("llama.feed_forward_length", 256);
  w.u32_key("llama.context_length", 64).u32_key("llama.attention.head_count", 4);
  w.text("llama.attention.layer_norm_rms_epsilon").number<std::uint32_t>(6).number(1e-5f);
  w.tensor("token_embd.weight", {256, 2}, 15, 0).data(2 * 292);
  const auto file = parse_gguf(w.bytes, "m.gguf");
  const ModelConfig c = read_config(*file);  // needs no weights
  EXPECT_EQ(c.n_vocab, 2);
  try {
    check_tensors(*file, c);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("token_embd.weight: expected a weight type of"), std::string::npos)
        << e.what();
    EXPECT_NE(std::string(e.what()).find("found Q8_K"), std::string::npos) << e.what();
  }
}

/// As Qwen2Config and Qwen3Config of transformers 5 fill layer_types.
TEST(Windows, OfQwenAreThoseOfItsConfigClass) {
  using Windows = std::vector<Index>;
  const std::string on = R"(,"use_sliding_window":true,"sliding_window":16)";
  EXPECT_EQ(windows_of(checked("")), (Windows{0, 0}));
  EXPECT_EQ(windows_of(checked(R"(,"sliding_window":16)")), (Windows{0, 0}));
  EXPECT_EQ(windows_of(checked(on)), (Windows{0, 0})) << "max_window_layers is 28";
  EXPECT_EQ(windows_of(checked(on + R"(,"max_window_layers":1)")), (Windows{0, 16}));
  EXPECT_EQ(windows_of(checked(on + R"(,"max_window_layers":0)")), (Windows{16, 16}));
  EXPECT_EQ(windows_of(checked(R"(,"use_sliding_window":true,"max_window_layers":1)")), (Windows{0, 4096}));
  EXPECT_EQ(windows_of(checked(R"(,"use_sliding_window":true,"sliding_window":null,"max_window_layers":0)")),
            (Windows{0, 0}));
  const std::string types = R"(,"layer_types":["sliding_attention","full_attention"])";
  EXPECT_EQ(windows_of(checked(on + types + R"(,"max_window_layers":0)")), (Windows{16, 0})) << "newer key";
  EXPECT_EQ(windows_of(checked(on + R"(,"layer_types":["full_attention","full_attention"])")),
            (Windows{0, 0}));
  for (const std::string& wrong : {types, R"(,"use_sliding_window":false,"sliding_window":16)" + types,
                                   on + R"(,"layer_types":["full_attention"])",
                                   on + R"(,"layer_types":["full_attention","linear_attention"])",
                                   on + R"(,"layer_types":"full_attention")", on + R"(,"layer_types":[1,2])"})
    EXPECT_THROW(checked(wrong), Error) << wrong;
}

}  // namespace
}  // namespace rw
