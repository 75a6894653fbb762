// SPDX-License-Identifier: Apache-2.0
/// safetensors and config.json: the rules of the format, and what is refused by name.
#include <gtest/gtest.h>

#include <cstring>

#include "formats/hf_folder.h"
#include "formats/safetensors.h"

namespace rw {
namespace {

std::vector<std::byte> file(const std::string& header, std::size_t n_data, std::uint64_t length = 0) {
  if (length == 0) length = header.size();
  std::vector<std::byte> bytes(8 + header.size() + n_data);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

TEST(Safetensors, ReadsAValidFileAndRejectsEveryPrefix) {
  const auto bytes = file(
      R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"y":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}})",
      26);
  const auto tensors = parse_safetensors(bytes, "test");
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].shape, (std::vector<Index>{2, 3}));
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_THROW(parse_safetensors(std::span(bytes).first(n), "test"), Error) << n;
}

TEST(Safetensors, RejectsWhatBreaksARule) {
  auto reject = [](const std::string& header, std::size_t n_data) {
    EXPECT_THROW(parse_safetensors(file(header, n_data), "test"), Error) << header;
  };
  auto entry = [](const std::string& rest) { return R"({"x":{"dtype":"F32",)" + rest + "}}"; };
  reject(entry(R"("shape":[2],"data_offsets":[4,12])"), 12);  // a hole
  reject(entry(R"("shape":[2],"data_offsets":[0,8])"), 9);    // bytes left over
  reject(entry(R"("shape":[2],"data_offsets":[0,8])"), 7);    // too few bytes
  reject(entry(R"("shape":[2],"data_offsets":[8,0])"), 8);    // backwards
  reject(entry(R"("shape":[3],"data_offsets":[0,8])"), 8);    // size and shape disagree
  reject(entry(R"("shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0);
  for (const char* number : {"-1", "1e3", "2.0", "18446744073709551616", "\"2\"", "null"})
    reject(entry(fmt::format(R"("shape":[{}],"data_offsets":[0,8])", number)), 8);
  reject(R"({"x":{"dtype":"I32","shape":[3],"data_offsets":[0,8]}})", 8);
  reject(
      R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      8);
  reject(
      R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
      4);
  reject(R"({"__metadata__":[1]})", 0);
  reject(R"({"__metadata__":{"a":1}})", 0);
  reject("{}\n", 0);
  reject("{}\t", 0);
  EXPECT_TRUE(parse_safetensors(file("{}   ", 0), "test").empty());
  for (const char* number : {"-0", "01"})
    reject(entry(fmt::format(R"("shape":[{}],"data_offsets":[0,0])", number)), 0);
  reject(std::string(1000000, '['), 0);
  reject("{" + std::string(100000, '{'), 0);
  EXPECT_THROW(parse_safetensors(file("{}", 0, ~std::uint64_t{0}), "test"), Error);
  EXPECT_THROW(parse_safetensors(file("{}", 0, std::uint64_t{1} << 63), "test"), Error);
}

TEST(Safetensors, ManyTensorsAreReadWithoutQuadraticTime) {
  std::string header = "{";
  for (int i = 0; i < 200000; ++i)
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}})", i ? "," : "", i,
                          4 * i, 4 * i + 4);
  // A quadratic reader takes half a minute here; this one well under a second a build with checks.
  EXPECT_EQ(parse_safetensors(file(header + "}", 800000), "test").size(), 200000u);
}

const char* kLlama =
    R"("model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":2,"intermediate_size":96,"max_position_embeddings":128)";

Metadata config(const std::string& more) {
  return translate_config(parse_json(fmt::format("{{{}{}}}", kLlama, more), "test"), "test");
}

TEST(Config, IsTranslatedToGgufKeys) {
  const Metadata m = config(
      R"(,"rope_theta":500000.0,"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":32})");
  EXPECT_EQ(std::get<std::int64_t>(m.at("llama.block_count")), 2);
  EXPECT_EQ(std::get<std::int64_t>(m.at("llama.attention.head_count_kv")), 4);
  EXPECT_EQ(std::get<double>(m.at("llama.rope.freq_base")), 500000.0);
  EXPECT_EQ(std::get<std::string>(m.at("llama.rope.scaling.type")), "yarn");
  EXPECT_EQ(std::get<std::int64_t>(m.at("llama.rope.scaling.original_context_length")), 32);
}

TEST(Config, RefusesByNameWhatIsNotComputed) {
  for (const auto& [text, name] : {std::pair{R"(,"num_local_experts":8)", "mixture of experts"},
                                   {R"(,"kv_lora_rank":512)", "MLA"},
                                   {R"(,"rope_scaling":{"mrope_section":[1,2]})", "M-RoPE"},
                                   {R"(,"attn_logit_softcapping":50.0)", "soft-capping"},
                                   {R"(,"quantization_config":{"bits":4})", "quantised"},
                                   {R"(,"hidden_act":"gelu")", "activation"}}) {
    try {
      config(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
    }
  }
  // The feature is named whatever the family, and before it.
  for (const auto& [text, name] :
       {std::pair{R"({"model_type":"phimoe","num_local_experts":16})", "its kind of experts"},
        {R"({"model_type":"llama4","num_local_experts":16})", "its kind of experts"},
        {R"({"model_type":"unheard","kv_lora_rank":512})", "MLA"},
        {R"({"model_type":"deepseek_v32","index_topk":2048})", "an indexer"},
        {R"({"model_type":"falcon_h1"})", "Mamba-2 beside attention"},
        {R"({"model_type":"gemma3n"})", "per-layer embeddings"},
        {R"({"model_type":"bert"})", "positions of its own"},
        {R"({"model_type":"unheard"})", "'unheard'"},
        {R"({"model_type":"gpt2"})", "'gpt2'"},
        {R"({"model_type":"llava","text_config":{"model_type":"gpt2"}})", "'gpt2'"}}) {
    try {
      translate_config(parse_json(text, "test"), "test");
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(translate_config(parse_json("[]", "test"), "test"), Error);
  EXPECT_THROW(config(R"(,"num_key_value_heads":"two")"), Error);
}

std::int64_t integer(const Metadata& m, const char* key) { return std::get<std::int64_t>(m.at(key)); }

TEST(Config, TakesWholeNumbersAsScriptsWriteThem) {
  const char* const yarn =
      R"(,"rope_scaling":{"type":"yarn","factor":4,"original_max_position_embeddings":%})";
  auto with = [&](const std::string& number) {
    std::string text = yarn;
    return config(text.replace(text.find('%'), 1, number));
  };
  EXPECT_EQ(integer(with("32768.0"), "llama.rope.scaling.original_context_length"), 32768);
  EXPECT_EQ(integer(with("3.2768e4"), "llama.rope.scaling.original_context_length"), 32768);
  for (const char* number : {"32768.5", "1e300", "-1e300", "true", "\"32768\""})
    EXPECT_THROW(with(number), Error) << number;
  EXPECT_EQ(std::get<bool>(config(R"(,"tie_word_embeddings":1)").at("ropewalk.tie_embeddings")), true);
  EXPECT_THROW(config(R"(,"tie_word_embeddings":2)"), Error);
}

TEST(Config, TakesTheDefaultsOfTheConfigClasses) {
  auto of = [](const std::string& family, const std::string& more) {
    std::string text = fmt::format("{{{}{}}}", kLlama, more);
    text.replace(text.find("\"llama\""), 7, "\"" + family + "\"");
    return translate_config(parse_json(text, "test"), "test");
  };
  const char* const kv = ".attention.head_count_kv";
  EXPECT_EQ(integer(of("llama", ""), "llama.attention.head_count_kv"), 4);
  EXPECT_EQ(integer(of("mistral", ""), "mistral.attention.head_count_kv"), 8);
  EXPECT_EQ(integer(of("qwen2", ""), "qwen2.attention.head_count_kv"), 32);
  for (const char* family : {"llama", "mistral", "qwen2", "qwen3"})
    EXPECT_EQ(integer(of(family, R"(,"num_key_value_heads":null)"), (family + std::string(kv)).c_str()), 4);
  EXPECT_EQ(integer(of("qwen3", ""), "qwen3.attention.key_length"), 128);
  EXPECT_EQ(integer(of("qwen2", R"(,"head_dim":null)"), "qwen2.attention.key_length"), 16);
  for (const char* family : {"llama", "mistral", "qwen2", "qwen3"}) {
    const Metadata m = of(family, R"(,"rope_scaling":null,"rope_parameters":null,"rope_theta":null)");
    EXPECT_EQ(std::get<double>(m.at(family + std::string(".rope.freq_base"))), 10000);
    EXPECT_FALSE(m.contains(family + std::string(".rope.scaling.type")));
  }
  EXPECT_EQ(integer(of("mistral", ""), "mistral.attention.sliding_window"), 4096);
  EXPECT_FALSE(of("mistral", R"(,"sliding_window":null)").contains("mistral.attention.sliding_window"));
  EXPECT_FALSE(of("llama", R"(,"sliding_window":16)").contains("llama.attention.sliding_window"));
}

TEST(Config, ReadsRopeWhereEachVersionWritesIt) {
  const char* const inside = R"("rope_theta":500.0,"rope_type":"linear","factor":2.0)";
  for (const std::string& rope :
       {fmt::format(R"("rope_parameters":{{{}}})", inside), fmt::format(R"("rope_scaling":{{{}}})", inside),
        fmt::format(R"("rope_parameters":{{{}}},"rope_scaling":{{}})", inside),
        fmt::format(R"("rope_scaling":{{{}}},"rope_parameters":{{"rope_theta":7.0}})", inside),
        fmt::format(R"("rope_parameters":{{"full_attention":{{{0}}},"sliding_attention":{{{0}}}}})", inside),
        fmt::format(R"("rope_parameters":{{"full_attention":{{{}}},"sliding_attention":null}})", inside)}) {
    const Metadata m = config("," + rope);
    EXPECT_EQ(std::get<double>(m.at("llama.rope.freq_base")), 500) << rope;
    EXPECT_EQ(std::get<std::string>(m.at("llama.rope.scaling.type")), "linear") << rope;
  }
  EXPECT_THROW(
      config(fmt::format(
          R"(,"rope_parameters":{{"full_attention":{{{}}},"sliding_attention":{{"rope_theta":7.0}}}})",
          inside)),
      Error);
  for (const char* rope : {R"({"rope_type":"default"})", R"({"type":null})", "{}"})
    EXPECT_FALSE(config(fmt::format(R"(,"rope_scaling":{})", rope)).contains("llama.rope.scaling.type"));
}

TEST(TensorNames, AreTranslated) {
  EXPECT_EQ(translate_tensor_name("model.layers.13.self_attn.q_proj.bias", "llama"), "blk.13.attn_q.bias");
  const char* const after = "model.layers.0.post_attention_layernorm.weight";
  EXPECT_EQ(translate_tensor_name(after, "llama"), "blk.0.ffn_norm.weight");
  EXPECT_EQ(translate_tensor_name(after, "olmo2"), "blk.0.post_attention_norm.weight");
  EXPECT_EQ(translate_tensor_name("lm_head.weight", "llama"), "output.weight");
  EXPECT_EQ(translate_tensor_name("model.layers.", "llama"), "model.layers.");
  for (const char* prefix : {"model.language_model.", "language_model.model.", "model."})
    EXPECT_EQ(translate_tensor_name(fmt::format("{}layers.2.mlp.up_proj.weight", prefix), "qwen3vl"),
              "blk.2.ffn_up.weight");
}

}  // namespace
}  // namespace rw
