// SPDX-License-Identifier: Apache-2.0
/// Folders of GPTQ, AWQ, compressed-tensors and FP8: every weight is to the bit what its package makes of it
/// (by the hash, recorded), and the model computes what transformers computes with these weights.
#include <algorithm>
#include <filesystem>

#include "core/hash.h"
#include "model_test_util.h"

namespace rw {
namespace {

const char* kFolders[] = {"gptq",          "gptq_v2",         "awq", "pack_quantized",
                          "int_quantized", "float_quantized", "fp8", "fp8_odd_blocks",
                          "nvfp4",         "plain_f8"};

class Packed : public testing::TestWithParam<const char*> {
 protected:
  const std::string folder_ = golden(fmt::format("packed/{}", GetParam()));
};

/// "model.layers.0.self_attn.q_proj" as GGUF's name of its weight.
std::string weight_of(const std::string& module) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"q_proj", "attn_q"},      {"k_proj", "attn_k"},  {"v_proj", "attn_v"},     {"o_proj", "attn_output"},
      {"gate_proj", "ffn_gate"}, {"up_proj", "ffn_up"}, {"down_proj", "ffn_down"}};
  for (const auto& [from, to] : kNames)
    if (module.ends_with(from)) return fmt::format("blk.{}.{}.weight", module.substr(13, 1), to);
  return module;
}

TEST_P(Packed, HoldsTheWeightsThatItsPackageMakes) {
  const auto file = ModelFile::open(folder_);
  const JsonInput expected = read_json(folder_ + "/expected.json");
  ASSERT_EQ(expected["sha256"].size(), 14u);
  for (const auto& [module, hash] : expected["sha256"].items()) {
    const std::vector<float> w = ModelFile::dequantize(file->tensor(weight_of(module)));
    Sha256 found;
    found.add(std::as_bytes(std::span(w)));
    EXPECT_EQ(found.text(), hash.get<std::string>()) << module << " " << file->tensor(weight_of(module)).type;
  }
}

TEST_P(Packed, ComputesWhatTransformersDoesWithTheseWeights) {
  expect_recorded_logits(TestModel(folder_, make_cpu_backend(Precision::kF32)).model, folder_);
  expect_recorded_logits(TestModel(folder_, make_reference_backend()).model, folder_);
}

/// Written tokens, of which products read weights where they lie, and x in 8 bits.
TEST_P(Packed, WritesNearlyWhatItReads) {
  const TestModel exact(folder_, make_cpu_backend(Precision::kF32)),
      rounded(folder_, make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(40, 128);
  const auto whole = all_logits(exact.model, "none", tokens, {.n = 40});
  std::vector<float> written;
  Session session(rounded.model, MethodSpec::parse("none"), {.n = 40});
  for (const Token token : tokens)
    session.write(token, [&](Index, Index n, const float* logits) {
      written.insert(written.end(), logits, logits + n * 128);
    });
  EXPECT_LT(relative_error(written, whole), 0.05);  // larger weights than those of tiny/, where it is 0.025
}

INSTANTIATE_TEST_SUITE_P(Golden, Packed, testing::ValuesIn(kFolders),
                         [](const auto& test) { return std::string(test.param); });

TEST(PackedFolders, AreAllTested) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden("packed"))) n += entry.is_directory();
  EXPECT_EQ(n, std::size(kFolders));
}

TEST(PackedFolders, SayWhatRowsLieInMemory) {
  const auto gptq = ModelFile::open(golden("packed/gptq"));
  const auto expect = [](const ModelFile& file, const char* name, const char* type, const char* format,
                         std::size_t n_bytes) {
    const TensorInfo& tensor = file.tensor(name);
    EXPECT_EQ(tensor.type, type) << name;
    EXPECT_EQ(tensor.format->name, format) << name;
    EXPECT_EQ(tensor.n_bytes(), n_bytes) << name;
  };
  expect(*gptq, "blk.0.attn_q.weight", "GPTQ 4-bit", "INT4_G32", 64 * 64 / 32 * 21);
  expect(*gptq, "blk.0.attn_k.weight", "GPTQ 4-bit as F16", "F16", 32 * 64 * 2);  // act-order
  expect(*gptq, "blk.0.attn_v.weight", "GPTQ 3-bit", "INT4_G32", 32 * 64 / 32 * 21);
  expect(*gptq, "blk.1.attn_q.weight", "GPTQ 8-bit", "INT8_G32", 64 * 64 / 32 * 36);
  expect(*gptq, "blk.1.attn_k.weight", "GPTQ 8-bit as F16", "F16", 32 * 64 * 2);  // zeros of any size
  const auto fp8 = ModelFile::open(golden("packed/fp8"));
  expect(*fp8, "blk.0.attn_q.weight", "F8_E4M3 with scales", "F8_E4M3_G32", 64 * 64 / 32 * 36);
  expect(*fp8, "blk.1.attn_output.weight", "F8_E5M2 with scales as F32", "F32", 64 * 64 * 4);
  const auto plain = ModelFile::open(golden("packed/plain_f8"));
  expect(*plain, "blk.0.ffn_up.weight", "F8_E5M2", "F8_E5M2", 96 * 64);
  EXPECT_TRUE(gptq->has_packed());
  EXPECT_FALSE(plain->has_packed());
  const auto floats = ModelFile::open(golden("packed/float_quantized"));
  const auto left_out = floats->left_out();
  EXPECT_TRUE(std::find(left_out.begin(), left_out.end(), "blk.1.attn_q.input_scale") != left_out.end());
}

}  // namespace
}  // namespace rw
