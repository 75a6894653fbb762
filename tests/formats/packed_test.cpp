// SPDX-License-Identifier: Apache-2.0
/// Packed matrices of Hugging Face folders whose tensors disagree, are missing or lie, and ways of quantising
/// that are not read: each has an Error that names it. What they hold is tested by
/// tests/model/packed_test.cpp.
#include <gtest/gtest.h>

#include <cstring>

#include "core/json.h"
#include "formats/hf_folder.h"

namespace rw {
namespace {

struct Stored {
  std::string dtype;
  std::vector<Index> shape;
  std::vector<std::int64_t> numbers = {};  ///< the first ones; zeros follow
};
using Module = std::map<std::string, Stored>;

std::size_t size_of(const std::string& dtype) {
  if (dtype == "I64") return 8;
  if (dtype == "I16") return 2;
  if (dtype == "I32" || dtype == "F32") return 4;
  return dtype == "F16" || dtype == "BF16" ? 2 : 1;
}

/// Adds the module's tensors to a file's header and data.
void append(const Module& module, const std::string& name, Json& header, std::string& data) {
  for (const auto& [part, stored] : module) {
    std::size_t n = 1;
    for (const Index extent : stored.shape) n *= static_cast<std::size_t>(extent);
    const std::size_t begin = data.size(), each = size_of(stored.dtype);
    data.resize(begin + n * each);
    for (std::size_t i = 0; i < stored.numbers.size(); ++i)
      std::memcpy(data.data() + begin + i * each, &stored.numbers[i], each);
    header[fmt::format("{}.{}", name, part)] = {
        {"dtype", stored.dtype}, {"shape", stored.shape}, {"data_offsets", {begin, data.size()}}};
  }
}

std::string with_header(const Json& header, const std::string& data) {
  const std::string text = dump_json(header);
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text + data;
}

std::string safetensors(const Module& module, const std::string& name = "model.layers.0.self_attn.q_proj") {
  Json header = Json::object();
  std::string data;
  append(module, name, header, data);
  return with_header(header, data);
}

/// The weights of the module, as floats.
std::vector<float> weights(const std::string& quantisation, const Module& module) {
  const std::string config =
      fmt::format(R"({{"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":1,)"
                  R"("intermediate_size":96,"max_position_embeddings":128,"quantization_config":{}}})",
                  quantisation);
  const std::string bytes = safetensors(module);
  const auto file = parse_hf_model(config, "", std::as_bytes(std::span(bytes)), "m");
  if (file->unsupported()) throw Error(*file->unsupported());
  return ModelFile::dequantize(file->tensor("blk.0.attn_q.weight"));
}

void refuse(const std::string& quantisation, const Module& module, const char* part) {
  try {
    weights(quantisation, module);
    ADD_FAILURE() << "read, where '" << part << "' was expected";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

const char* kGptq = R"({"quant_method":"gptq","bits":4,"group_size":32})";
const char* kAwq = R"({"quant_method":"awq","bits":4,"group_size":32,"version":"GEMM","zero_point":true})";
const char* kCompressed = R"({"quant_method":"compressed-tensors","format":"pack-quantized"})";
const char* kNvfp4 = R"({"quant_method":"compressed-tensors","format":"nvfp4-pack-quantized"})";
const char* kFp8 = R"({"quant_method":"fp8","weight_block_size":[128,128]})";

/// Of 16 outputs and 64 inputs.
Module gptq() {
  return {{"qweight", {"I32", {8, 16}}}, {"qzeros", {"I32", {2, 2}}}, {"scales", {"F16", {2, 16}}}};
}
Module awq() {
  return {{"qweight", {"I32", {64, 2}}}, {"qzeros", {"I32", {2, 2}}}, {"scales", {"F16", {2, 16}}}};
}
Module pack_quantized() {
  return {{"weight_packed", {"I32", {16, 8}}},
          {"weight_scale", {"BF16", {16, 2}}},
          {"weight_shape", {"I64", {2}, {16, 64}}}};
}
Module nvfp4() {
  return {{"weight_packed", {"U8", {16, 32}}},
          {"weight_scale", {"F8_E4M3", {16, 4}}},
          {"weight_global_scale", {"F32", {1}, {0x3f800000}}}};
}
Module fp8() { return {{"weight", {"F8_E4M3", {16, 64}}}, {"weight_scale_inv", {"F32", {1, 1}}}}; }

Module with(Module module, const std::string& part, Stored stored) {
  module[part] = std::move(stored);
  return module;
}

TEST(PackedModules, AreReadWhereTheirTensorsAgree) {
  EXPECT_EQ(weights(kGptq, gptq()).size(), 16u * 64);
  EXPECT_EQ(weights(kAwq, awq()).size(), 16u * 64);
  EXPECT_EQ(weights(kCompressed, pack_quantized()).size(), 16u * 64);
  EXPECT_EQ(weights(kNvfp4, nvfp4()).size(), 16u * 64);
  EXPECT_EQ(weights(kFp8, fp8()).size(), 16u * 64);
}

/// Zeros 0, 5, 7, 8, 0, 0, 9, 15 and their 16, each less one: GPTQModel takes 0x11111111 from the word,
/// AutoGPTQ one from each; both are read as they were written.
TEST(PackedModules, OfGptqHoldTheZerosThatTheirWriterTookOnesFrom) {
  const std::uint32_t word = 0xf9008750u, ones = 0x11111111u;
  std::uint32_t each = 0;
  for (int at = 0; at < 32; at += 4) each |= (((word >> at) - 1) & 15) << at;
  ASSERT_NE(word - ones, each);
  const auto of = [&](const std::string& more, std::uint32_t stored) {
    Module module = with(gptq(), "qzeros", {"I32", {2, 2}, {stored, stored, stored, stored}});
    module["scales"].numbers.assign(32, 0x3c00);
    return weights(R"({"quant_method":"gptq","bits":4,"group_size":32)" + more + "}", module);
  };
  const std::vector<float> right = of(R"(,"checkpoint_format":"gptq_v2")", word);
  EXPECT_EQ(right[0], 0);
  EXPECT_EQ(right[64], -5);
  EXPECT_EQ(of("", each), right);
  EXPECT_EQ(of(R"(,"meta":{"quantizer":["gptqmodel:1.9.0"]})", word - ones), right);
  EXPECT_EQ(of(R"(,"meta":{"quantizer":"gptqmodel:1.9.0"})", word - ones), right);
  EXPECT_NE(of(R"(,"meta":{"quantizer":["autogptq"]})", word - ones), right);
}

TEST(PackedModules, LackNoTensor) {
  for (const auto& [quantisation, module] : {std::pair{kGptq, gptq()},
                                             {kAwq, awq()},
                                             {kCompressed, pack_quantized()},
                                             {kNvfp4, nvfp4()},
                                             {kFp8, fp8()}})
    for (const auto& [part, stored] : module) {
      Module without = module;
      without.erase(part);
      EXPECT_THROW(weights(quantisation, without), Error) << part;
      EXPECT_THROW(weights(quantisation, with(module, part, {"I16", stored.shape})), Error) << part;
    }
  Module module = gptq();
  module.erase("scales");
  refuse(kGptq, module, "blk.0.attn_q.scales: expected a tensor");
}

TEST(PackedModules, HaveTensorsOfOneSize) {
  refuse(kGptq, with(gptq(), "qzeros", {"I32", {2, 5}}), "2, 3, 4 or 8 bits");
  refuse(kGptq, with(gptq(), "scales", {"F16", {2, 15}}), "shape (2, 16)");
  refuse(kGptq, with(gptq(), "scales", {"F16", {32}}), "shape (2, 16)");
  refuse(kGptq, with(gptq(), "g_idx", {"I32", {63}}), "shape (64)");
  refuse(R"({"quant_method":"gptq","bits":4,"group_size":16})", gptq(), "shape (4, 16)");
  refuse(kAwq, with(awq(), "qzeros", {"I32", {3, 2}}), "shape (2, 2)");
  refuse(kAwq, with(awq(), "scales", {"F16", {2, 15}}), "shape (2, 16)");
  refuse(kCompressed, with(pack_quantized(), "weight_shape", {"I64", {2}, {15, 64}}), "shape (15, 8)");
  refuse(kCompressed, with(pack_quantized(), "weight_shape", {"I64", {2}, {16, 65}}), "2, 4 or 8 bits");
  refuse(kCompressed, with(pack_quantized(), "weight_shape", {"I64", {2}, {16, 0}}), "from 1 to");
  refuse(kCompressed, with(pack_quantized(), "weight_shape", {"I64", {2}, {16, -1}}), "a number up to 2^62");
  refuse(kCompressed, with(pack_quantized(), "weight_shape", {"I64", {3}, {16, 64, 1}}), "shape (2)");
  refuse(kCompressed, with(pack_quantized(), "weight_scale", {"BF16", {16, 3}}), "a multiple of 3");
  refuse(kCompressed, with(pack_quantized(), "weight_scale", {"BF16", {15, 2}}), "shape (16, 2)");
  refuse(kCompressed, with(pack_quantized(), "weight_zero_point", {"I32", {3, 2}}), "shape (2, 2)");
  refuse(kNvfp4, with(nvfp4(), "weight_scale", {"F8_E4M3", {16, 2}}), "shape (16, 4)");
  for (const std::int64_t bad :
       {std::int64_t{0}, std::int64_t{0x7f800000}, std::int64_t{0x7fc00000}, std::int64_t{0xbf800000}})
    refuse(kNvfp4, with(nvfp4(), "weight_global_scale", {"F32", {1}, {bad}}), "a finite number above 0");
  refuse(kFp8, with(fp8(), "weight_scale_inv", {"F32", {2, 2}}), "shape (16, 2)");
  refuse(kFp8, with(fp8(), "weight_scale_inv", {"F32", {16, 3}}), "a multiple of 3");
  refuse(kFp8, with(fp8(), "weight", {"F8_E4M3", {16, 8, 8}}), "in 2 dimensions");
}

TEST(PackedModules, NameGroupsThatAreThere) {
  for (const std::int64_t group : {2, -1, 1 << 30}) {
    refuse(kGptq, with(gptq(), "g_idx", {"I32", {64}, {0, 1, group}}), "groups from 0 to 1");
    if (group != -1)
      refuse(kCompressed, with(pack_quantized(), "weight_g_idx", {"I32", {64}, {0, 1, group}}),
             "groups from 0 to 1");
  }
  // compressed-tensors writes -1 where there is no act-order.
  EXPECT_NO_THROW(weights(kCompressed, with(pack_quantized(), "weight_g_idx", {"I32", {64}, {-1}})));
}

TEST(PackedModules, HaveFiniteWeightsWhereTheyAreExpanded) {
  const std::vector<std::int64_t> mixed = {1, 0, 1};
  const Module act_order = with(gptq(), "g_idx", {"I32", {64}, mixed});
  EXPECT_NO_THROW(weights(kGptq, act_order));
  refuse(kGptq, with(act_order, "scales", {"F16", {2, 16}, {0x7e00}}), "finite weights");
}

TEST(PackedModules, AreSplitWhereTheyAreFused) {
  Module module = {
      {"qweight", {"I32", {8, 128}}}, {"qzeros", {"I32", {2, 16}}}, {"scales", {"F16", {2, 128}}}};
  for (std::int64_t i = 0; i < 8 * 128; ++i) module["qweight"].numbers.push_back(i * 2654435761);
  for (std::int64_t i = 0; i < 2 * 128; ++i) module["scales"].numbers.push_back(0x3000 + i);
  const std::vector<float> whole = weights(kGptq, module);
  const std::string bytes = safetensors(module, "model.layers.0.self_attn.qkv_proj");
  const auto file = parse_hf_model(
      R"({"model_type":"phi3","hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":1,)"
      R"("intermediate_size":96,"max_position_embeddings":128,"quantization_config":{"quant_method":"gptq","group_size":32}})",
      "", std::as_bytes(std::span(bytes)), "m");
  ASSERT_FALSE(file->unsupported());
  const auto expect_rows = [&](const char* part, std::ptrdiff_t begin, std::ptrdiff_t end) {
    EXPECT_EQ(ModelFile::dequantize(file->tensor(part)),
              std::vector<float>(whole.begin() + begin * 64, whole.begin() + end * 64))
        << part;
  };
  expect_rows("blk.0.attn_v.weight", 96, 128);
  expect_rows("blk.0.attn_q.weight", 0, 64);
  expect_rows("blk.0.attn_k.weight", 64, 96);
  EXPECT_EQ(file->tensor("blk.0.attn_k.weight").format->name, "INT4_G32");
}

TEST(PackedModules, OfGptqHaveBiasesWhereTheyAreNotZero) {
  for (const std::int64_t bias : {0, 0x3c00}) {
    const std::string bytes =
        safetensors(with(gptq(), "bias", {"F16", {16}, {0, bias}}), "model.layers.0.self_attn.q_proj");
    const auto file = parse_hf_model(
        R"({"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":96,)"
        R"("max_position_embeddings":128,"quantization_config":{"quant_method":"gptq","group_size":32}})",
        "", std::as_bytes(std::span(bytes)), "m");
    EXPECT_EQ(file->find_tensor("blk.0.attn_q.bias") != nullptr, bias != 0);
    EXPECT_EQ(file->left_out().size(), bias == 0 ? 1u : 0u);
  }
}

TEST(PackedModules, OfExpertsAreStacked) {
  Json header = Json::object();
  std::string data;
  std::vector<std::vector<float>> each;
  for (const int expert : {0, 1, 2}) {
    Module module = gptq();
    for (std::int64_t i = 0; i < 8 * 16; ++i) module["qweight"].numbers.push_back((i + expert) * 2654435761);
    for (std::int64_t i = 0; i < 2 * 16; ++i) module["scales"].numbers.push_back(0x3000 + i);
    each.push_back(weights(kGptq, module));
    append(module, fmt::format("model.layers.0.mlp.experts.{}.up_proj", expert), header, data);
  }
  const std::string bytes = with_header(header, data);
  const auto file = parse_hf_model(
      R"({"model_type":"qwen3_moe","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":96,)"
      R"("num_key_value_heads":4,"head_dim":16,"num_experts":3,"num_experts_per_tok":2,"moe_intermediate_size":16,)"
      R"("max_position_embeddings":128,"quantization_config":{"quant_method":"gptq","group_size":32}})",
      "", std::as_bytes(std::span(bytes)), "m");
  const TensorInfo& stack = file->tensor("blk.0.ffn_up_exps.weight");
  EXPECT_EQ(stack.shape, (std::vector<Index>{3, 16, 64}));
  std::vector<float> last(16 * 64);  // before the others are made
  stack.format->dequantize(stack.row(2), last.data(), 16 * 64);
  EXPECT_EQ(last, each[2]);
  std::vector<float> all;
  for (const auto& w : each) all.insert(all.end(), w.begin(), w.end());
  EXPECT_EQ(ModelFile::dequantize(stack), all);
}

TEST(PackedModules, OfATiedHeadAreLeftOut) {
  const std::string bytes = safetensors(gptq(), "lm_head");
  for (const bool tied : {true, false}) {
    const auto file = parse_hf_model(
        fmt::format(
            R"({{"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":96,)"
            R"("max_position_embeddings":128,"tie_word_embeddings":{},"quantization_config":{{"quant_method":"gptq","group_size":32}}}})",
            tied),
        "", std::as_bytes(std::span(bytes)), "m");
    EXPECT_EQ(file->find_tensor("output.weight") == nullptr, tied);
  }
}

TEST(PackedModules, LeaveOtherTensorsOfTheirsToBeRefused) {
  const std::string bytes = safetensors(with(gptq(), "adapter", {"F32", {1}}));
  const auto file = parse_hf_model(
      R"({"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_hidden_layers":1,"intermediate_size":96,)"
      R"("max_position_embeddings":128,"quantization_config":{"quant_method":"gptq","group_size":32}})",
      "", std::as_bytes(std::span(bytes)), "m");
  EXPECT_EQ(file->tensors().size(), 2u);
  EXPECT_NE(file->find_tensor("blk.0.attn_q.adapter"), nullptr);
}

TEST(Quantisation, OfOtherKindsIsRefusedByName) {
  for (const auto& [text, name] :
       {std::pair{R"({"bits":4})", "quantised by"},
        {R"({"load_in_4bit":true})", "bitsandbytes"},
        {R"({"quant_method":"bitsandbytes"})", "bitsandbytes"},
        {R"({"quant_method":"hqq"})", "hqq"},
        {R"({"quant_method":"mxfp4"})", "mxfp4"},
        {R"({"quant_method":"gptq","checkpoint_format":"marlin"})", "GPTQ in the format marlin"},
        {R"({"quant_method":"gptq","is_marlin_format":true})", "marlin"},
        {R"({"quant_method":"gptq","pack_dtype":"int16"})", "another type than int32"},
        {R"({"quant_method":"awq","version":"gemv"})", "AWQ in the version gemv"},
        {R"({"quant_method":"awq","bits":3})", "AWQ with 3 bits"},
        {R"({"quant_method":"compressed-tensors","format":"marlin-24"})", "marlin-24"},
        {R"({"quant_method":"compressed-tensors","format":"mxfp4-pack-quantized"})", "mxfp4"},
        {R"({"quant_method":"compressed-tensors","config_groups":{"a":{"format":"mxfp4-pack-quantized"}}})",
         "mxfp4"},
        {R"({"quant_method":"compressed-tensors","sparsity_config":{"format":"sparse-24-bitmask"}})",
         "sparse-24"},
        {R"({"quant_method":"compressed-tensors","transform_config":{"config_groups":{"u":{}}}})",
         "transforms"},
        {R"({"quant_method":"gptq","group_size":0})", "group_size"},
        {R"({"quant_method":"gptq","group_size":-2})", "group_size"},
        {R"({"quant_method":"gptq","group_size":33})", "multiple of 8"},
        {R"({"quant_method":"gptq","group_size":4194305})", "group_size"},
        {R"({"quant_method":"awq","group_size":"a"})", "group_size"},
        {R"({"quant_method":"fp8","weight_block_size":[0,128]})", "weight_block_size"},
        {R"({"quant_method":"fp8","weight_block_size":128})", "weight_block_size"},
        {R"([])", "quantization_config"},
        {R"({"quant_method":4})", "quant_method"}})
    refuse(text, gptq(), name);
}

}  // namespace
}  // namespace rw
