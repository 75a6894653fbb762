// SPDX-License-Identifier: Apache-2.0
/// The real SmolLM2 vocabulary against `tokenizers`; registered by extra.cmake only where the file is.
#include <gtest/gtest.h>

#include "golden_text.h"

namespace rw {
namespace {

using namespace rw::testing;

TEST(SmolLM2, AgreesWithTokenizersPackage) {
  const auto file = ModelFile::open(ROPEWALK_MODEL);
  const auto tokenizer = Tokenizer::open(*file);
  const Json& golden = expected()["model"];
  ASSERT_EQ(golden["blocks"].size(), 18u);
  for (std::size_t i = 0; i < 18; ++i)
    EXPECT_EQ(summary(tokenizer->encode(mixed_blocks()[i])), golden["blocks"][i]) << i;
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(summary(tokenizer->encode(mixed_blocks()[i], true)), golden["special_blocks"][i]) << i;
  EXPECT_EQ(summary(tokenizer->encode(damaged_block())), golden["damaged"]);
  EXPECT_EQ(tokenizer->encode(golden["prompt"].get<std::string>(), true),
            golden["prompt_ids"].get<std::vector<Token>>());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(mixed_blocks()[0])), mixed_blocks()[0]);
}

TEST(SmolLM2, SpecialTokens) {
  const auto file = ModelFile::open(ROPEWALK_MODEL);
  const auto tokenizer = Tokenizer::open(*file);
  EXPECT_EQ(tokenizer->kind(), "BPE smollm");
  EXPECT_EQ(tokenizer->n_vocab(), 49152);
  EXPECT_EQ(tokenizer->bos, Token{1});
  EXPECT_EQ(tokenizer->end_tokens, (std::vector<Token>{2, 0}));  // <|im_end|>, <|endoftext|>
  EXPECT_FALSE(tokenizer->add_bos);
}

}  // namespace
}  // namespace rw
