// SPDX-License-Identifier: Apache-2.0
/// Unigram in its three containers: ids against `sentencepiece` and `tokenizers`.
#include <gtest/gtest.h>

#include "core/base64.h"
#include "families_golden.h"
#include "tokenizer/sentencepiece_model.h"

namespace rw {
namespace {

using namespace rw::testing;
using Tokens = std::vector<Token>;

const Json& golden() {
  static const Json json =
      parse_json(read_golden("tokenizer_unigram_expected.json"), "tokenizer_unigram_expected.json");
  return json;
}

const Json& document() {
  static const Json json = parse_json(read_golden("tokenizer_unigram.json"), "tokenizer_unigram.json");
  return json;
}

std::unique_ptr<Tokenizer> model_file(const char* name) {
  auto result = make_sentencepiece(read_sentencepiece_model(read_golden(name), name), {}, name);
  result->finish();
  return result;
}

/// The pieces of tokenizer_unigram.json as a GGUF has them.
FakeFile& fill_unigram(FakeFile& file) {
  std::vector<std::string> tokens;
  std::vector<double> scores;
  std::vector<std::int64_t> types, map;
  for (const Json& entry : document()["model"]["vocab"]) {
    types.push_back(tokens.empty() ? 2 : tokens.size() < 3 ? 3 : 1);
    tokens.push_back(entry[0].get<std::string>()), scores.push_back(entry[1].get<double>());
  }
  const auto blob = decode_base64(document()["normalizer"]["precompiled_charsmap"].get<std::string>());
  for (const char c : *blob) map.push_back(static_cast<unsigned char>(c));
  file.set("tokenizer.ggml.model", std::string("t5"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", types);
  file.set("tokenizer.ggml.scores", scores);
  file.set("tokenizer.ggml.precompiled_charsmap", map);
  file.set("tokenizer.ggml.add_space_prefix", true);
  file.set("tokenizer.ggml.remove_extra_whitespaces", true);
  file.set("tokenizer.ggml.eos_token_id", std::int64_t{2});
  return file;
}

void expect_odd(const Tokenizer& tokenizer, const Json& odd, const std::string& name) {
  ASSERT_EQ(odd.size(), golden()["texts"].size());
  ASSERT_GE(odd.size(), 500u);
  for (std::size_t i = 0; i < odd.size(); ++i)
    EXPECT_EQ(tokenizer.encode(golden()["texts"][i].get<std::string>()), odd[i].get<Tokens>())
        << name << ", text " << i << ": " << golden()["texts"][i];
}

/// Each line of the blocks by itself.
void expect_lines(const Tokenizer& tokenizer, const Json& lines, const std::string& name) {
  ASSERT_EQ(lines.size(), mixed_blocks().size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Tokens ids;
    for (const std::string& line : split_lines(mixed_blocks()[i]))
      for (const Token id : tokenizer.encode(line)) ids.push_back(id);
    EXPECT_EQ(summary(ids), lines[i]) << name << ", block " << i;
  }
}

TEST(Unigram, ModelFileHasTheIdsOfSentencePiece) {
  for (const auto& [name, file] : std::vector<std::pair<std::string, const char*>>{
           {"plain", "tokenizer_unigram.model"}, {"bytes", "tokenizer_unigram_bytes.model"}}) {
    const auto tokenizer = model_file(file);
    expect_lines(*tokenizer, golden()[name]["lines"], name);
    expect_odd(*tokenizer, golden()[name]["odd"], name);
  }
}

TEST(Unigram, GgufHasTheIdsOfLlamaCpp) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_unigram(file));
  expect_lines(*tokenizer, golden()["gguf"]["lines"], "gguf");
  expect_odd(*tokenizer, golden()["gguf"]["odd"], "gguf");
  EXPECT_TRUE(tokenizer->add_eos);
  EXPECT_FALSE(tokenizer->add_bos);
}

/// "SAME" stands for the map of the file itself.
Json patched(const Json& patch) {
  Json whole = document();
  std::string text = patch.dump();
  for (std::size_t at; (at = text.find("\"SAME\"")) != std::string::npos;)
    text.replace(at, 6, document()["normalizer"]["precompiled_charsmap"].dump());
  const Json real = Json::parse(text);
  for (const auto& [key, value] : real.items()) whole[key] = value;
  return whole;
}

TEST(Unigram, FolderHasTheIdsOfTokenizers) {
  ASSERT_GE(golden()["json"].size(), 7u);
  for (const auto& [name, variant] : golden()["json"].items()) {
    const auto tokenizer = parse_hf_tokenizer(patched(variant["patch"]).dump(), "", name);
    expect_ids(*tokenizer, variant, name, /*special=*/true);
    expect_odd(*tokenizer, variant["odd"], name);
    EXPECT_EQ(tokenizer->text_begin(), Tokens{1}) << name;
    EXPECT_TRUE(tokenizer->add_eos && tokenizer->eos == Token{2}) << name;
  }
}

/// Not in the goldens: there a special token in capitals becomes that token when it is made small.
TEST(Unigram, FolderMakesLettersSmall) {
  const auto ids = [](const Json& normalizer, std::string_view text) {
    return parse_hf_tokenizer(patched({{"normalizer", normalizer}}).dump(), "", "lower")->encode(text);
  };
  EXPECT_EQ(ids({{"type", "Lowercase"}}, "The ÉMMA <S>"), ids(nullptr, "the émma <s>"));
  EXPECT_NE(ids(nullptr, "The ÉMMA <S>"), ids(nullptr, "the émma <s>"));
}

TEST(Unigram, AnyBytesComeBackWhereTheyHavePieces) {
  const auto tokenizer = model_file("tokenizer_unigram_bytes.model");
  for (const std::string& text :
       {std::string("The  Emma  and <h1>\n\n\t x "), replace_marks(mixed_blocks()[2])})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), " " + text);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xff\xc3")), " a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("\xe2\x96\x81")), "  ");  // a mark is a space
}

TEST(Unigram, TheMostProbableCutCounts) {
  const auto ids = [](std::vector<std::string> pieces, std::vector<double> scores, std::string_view text,
                      UnigramOptions options = {.unknown = 0}) {
    std::vector<PieceKind> kinds(pieces.size(), PieceKind::kNormal);
    kinds[0] = PieceKind::kUnknown;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (parse_byte_piece(pieces[i])) kinds[i] = PieceKind::kByte;
    Tokens found;
    UnigramModel(Vocabulary(std::move(pieces), std::move(kinds)), std::move(scores), options)
        .encode(text, found);
    return found;
  };
  EXPECT_EQ(ids({"<unk>", "a", "b", "ab", "abc"}, {0, -1, -1, -3, -9}, "ab"), (Tokens{1, 2}));
  EXPECT_EQ(ids({"<unk>", "a", "b", "ab", "abc"}, {0, -2, -2, -3, -9}, "abab"), (Tokens{3, 3}));
  EXPECT_EQ(ids({"<unk>", "a", "b", "ab", "abc"}, {0, -2, -2, -3, -9}, "abc"), (Tokens{4}));
  EXPECT_EQ(ids({"<unk>", "a"}, {0, -2}, "xya\u00e9z"), (Tokens{0, 1, 0}));  // unknown ones in a row are one
  const std::vector<std::string> bytes = {"<unk>", "a", "<0x78>"};
  EXPECT_EQ(ids(bytes, {0, -2, 0}, "xxa", {.unknown = 0, .byte_fallback = true}), (Tokens{2, 2, 1}));
  EXPECT_EQ(ids(bytes, {0, -2, 0}, "xya", {.unknown = 0, .byte_fallback = true}), (Tokens{0, 1}));
  EXPECT_EQ(ids(bytes, {0, -2, 0}, "<0x78>", {.unknown = 0}), (Tokens{0}));  // six characters, no byte
  EXPECT_THROW(ids({"<unk>", "a"}, {0, -2}, "b", {}), Error);
  EXPECT_THROW(ids({"<unk>", "a"}, {0}, "a"), Error);
  EXPECT_THROW(ids({"<unk>", "a"}, {0, std::nan("")}, "a"), Error);
}

TEST(Unigram, WhatIsNotImplementedIsRefusedByName) {
  const auto error_of = [](const Json& patch) -> std::string {
    try {
      parse_hf_tokenizer(patched(patch).dump(), "", "t.json");
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(error_of(Json::object()), "none");
  EXPECT_NE(error_of({{"normalizer", {{"type", "NFKC"}}}}).find("found NFKC"), std::string::npos)
      << error_of({{"normalizer", {{"type", "NFKC"}}}});
  EXPECT_NE(error_of({{"pre_tokenizer", {{"type", "Digits"}}}}).find("Digits"), std::string::npos);
  EXPECT_NE(error_of({{"pre_tokenizer", nullptr}}).find("Metaspace"), std::string::npos);
  const auto map = [](const char* text) -> Json {
    return {{"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", text}}}};
  };
  EXPECT_NE(error_of(map("AAA")).find("base64"), std::string::npos);
  EXPECT_NE(error_of(map("/////w==")).find("precompiled_charsmap"), std::string::npos);
  Json model = document()["model"];
  model["unk_id"] = 100000;
  EXPECT_NE(error_of({{"model", model}}).find("token ids from 0"), std::string::npos);
  model["vocab"][5] = "x";
  EXPECT_NE(error_of({{"model", model}}).find("score"), std::string::npos);
}

/// A damaged map is refused, or read as one that has less; never past its end.
TEST(Unigram, ADamagedMapIsNoWayOut) {
  std::string blob = *decode_base64(document()["normalizer"]["precompiled_charsmap"].get<std::string>());
  Lcg lcg(9);
  for (int round = 0; round < 50; ++round) {
    std::string damaged = blob;
    for (int i = 0; i < 2000; ++i)
      damaged[4 + lcg.next() % (damaged.size() - 4)] = static_cast<char>(lcg.next());
    const Charsmap map(damaged, "map");
    for (const Json& text : golden()["texts"]) map.longest(text.get<std::string>());
  }
  EXPECT_THROW(Charsmap(blob.substr(0, 3), "map"), Error);
  EXPECT_THROW(Charsmap(blob.substr(0, 1000), "map"), Error);
}

}  // namespace
}  // namespace rw
