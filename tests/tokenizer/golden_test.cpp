// SPDX-License-Identifier: Apache-2.0
/// Ids against the `tokenizers` and `sentencepiece` packages on 1 MB of mixed text.
#include <gtest/gtest.h>

#include "golden_text.h"
#include "tokenizer/nfc.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

using namespace rw::testing;

void expect_blocks(const Tokenizer& tokenizer, const Json& blocks, const std::string& name,
                   bool special = false) {
  ASSERT_GE(blocks.size(), 4u);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    EXPECT_EQ(summary(tokenizer.encode(mixed_blocks()[i], special)), blocks[i]) << name << ", block " << i;
}

TEST(TokenizerGolden, TextIsTheOneOfTheGoldens) {
  std::size_t bytes = 0;
  for (const std::string& block : mixed_blocks()) bytes += block.size();
  EXPECT_EQ(bytes, expected()["bytes"].get<std::size_t>());
  EXPECT_GT(bytes, 1000000u);
}

class NamedPretokenizer : public ::testing::TestWithParam<std::string> {};

TEST_P(NamedPretokenizer, AgreesWithTokenizersPackage) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_bpe(file, GetParam()));
  const Json& golden = expected()["named"][GetParam()];
  ASSERT_EQ(golden["blocks"].size(), 18u);
  expect_blocks(*tokenizer, golden["blocks"], GetParam());
  EXPECT_EQ(summary(tokenizer->encode(damaged_block())), golden["damaged"]);
  if (GetParam() == "qwen2") return;  // NFC: what was decomposed comes back composed
  for (const std::string& text : {mixed_blocks()[3], damaged_block()})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}

INSTANTIATE_TEST_SUITE_P(All, NamedPretokenizer,
                         ::testing::Values("gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-llm", "tekken"),
                         [](const auto& param) {
                           std::string name;
                           for (char c : param.param) name += c == '-' ? '_' : c;
                           return name;
                         });

TEST(TokenizerGolden, PretokenizersDiffer) {
  std::set<std::string> hashes;
  for (const auto& [name, golden] : expected()["named"].items()) hashes.insert(golden["blocks"][0].dump());
  EXPECT_EQ(hashes.size(), expected()["named"].size());
}

TEST(TokenizerGolden, SentencePiece) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_spm(file));
  ASSERT_EQ(expected()["spm"]["blocks"].size(), 18u);
  expect_blocks(*tokenizer, expected()["spm"]["blocks"], "spm");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(damaged_block())), " " + replace_marks(damaged_block()));
}

TEST(TokenizerGolden, TokenizerJson) {
  ASSERT_EQ(expected()["hf"].size(), 6u);
  for (const auto& [name, golden] : expected()["hf"].items()) {
    const std::string file = "tokenizer_hf_" + name.substr(0, name.find('/')) + ".json";
    Json document = parse_json(read_golden(file), file);
    for (const auto& [key, value] : golden["patch"].items()) document[key] = value;
    const auto tokenizer = parse_hf_tokenizer(document.dump(), "", name);
    expect_blocks(*tokenizer, golden["blocks"], name, /*special=*/true);
  }
}

TEST(TokenizerGolden, Nfc) {
  ASSERT_GE(expected()["nfc"].size(), 400u);
  for (const Json& pair : expected()["nfc"])
    EXPECT_EQ(compose_nfc(pair[0].get<std::string>()), pair[1].get<std::string>()) << pair[0];
}

}  // namespace
}  // namespace rw
