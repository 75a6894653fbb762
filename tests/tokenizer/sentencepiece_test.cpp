// SPDX-License-Identifier: Apache-2.0
/// SentencePiece as Gemma has it, from a tokenizer.model, a GGUF and a tokenizer.json: ids against
/// `sentencepiece` and `tokenizers` on 1 MB of mixed text; damaged models; Phi-3's control tokens.
#include <unistd.h>

#include <filesystem>

#include "families_golden.h"
#include "tokenizer/sentencepiece_model.h"

namespace rw {
namespace {

using namespace rw::testing;
using Tokens = std::vector<Token>;
namespace fs = std::filesystem;

/// A GGUF of the golden pieces and Gemma's own, spelled as llama.cpp's converter spells them.
FakeFile& fill_gemma(FakeFile& file) {
  fill_spm(file);
  std::vector<std::string> tokens = *file.strings("tokenizer.ggml.tokens");
  std::vector<double> scores = *file.numbers("tokenizer.ggml.scores");
  std::vector<std::int64_t> types = *file.integers("tokenizer.ggml.token_type");
  for (const Json& piece : families()["gemma"]["own"]) {
    tokens.push_back(replace_marks(piece));
    scores.push_back(0);
    types.push_back(4);
  }
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.scores", scores);
  file.set("tokenizer.ggml.token_type", types);
  file.set("tokenizer.ggml.add_space_prefix", false);
  return file;
}

std::unique_ptr<Tokenizer> gemma_model(const HfSettings& settings = {}) {
  const std::string message = read_golden("tokenizer_gemma.model");
  auto tokenizer =
      make_sentencepiece(read_sentencepiece_model(message, "tokenizer.model"), settings, "model");
  tokenizer->finish();
  return tokenizer;
}

void expect_gemma(const Tokenizer& tokenizer, const std::string& name) {
  const Json& golden = families()["gemma"];
  expect_ids(tokenizer, golden, name);
  const std::string text = golden["text"];
  EXPECT_EQ(tokenizer.encode(text), golden["ids"].get<Tokens>()) << name;
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), replace_marks(text)) << name;
  EXPECT_EQ(tokenizer.encode_inside(text), golden["ids"].get<Tokens>()) << name;
  const TextPart parts[] = {{std::string_view(text).substr(0, 26), false},
                            {std::string_view(text).substr(26), false}};
  EXPECT_EQ(tokenizer.encode_parts(parts), golden["ids"].get<Tokens>()) << name;
}

TEST(SentencePieceGemma, ModelAndGgufHaveTheIdsOfSentencepiece) {
  expect_gemma(*gemma_model(), "tokenizer.model");
  FakeFile file;
  expect_gemma(*Tokenizer::open(fill_gemma(file)), "gguf");
}

TEST(SentencePieceGemma, TokenizerJsonHasTheIdsOfTokenizers) {
  const Json document = parse_json(read_golden("tokenizer_hf_llama.json"), "tokenizer_hf_llama.json");
  ASSERT_EQ(families()["gemma_json"].size(), 2u);
  for (const auto& [name, golden] : families()["gemma_json"].items()) {
    Json patched = document;
    for (const auto& [key, value] : golden["patch"].items()) patched[key] = value;
    expect_ids(*parse_hf_tokenizer(patched.dump(), "", name), golden, name, /*special=*/true);
  }
}

/// The same as a GGUF of Gemma 4 has it, and by a name of a 'gpt2'; Sarvam's tokenizer.json spells the split
/// as a Regex.
TEST(SentencePieceGemma, BpeOfTextInAGguf) {
  const Json& golden = families()["gemma_json"]["gemma"];
  Json document = parse_json(read_golden("tokenizer_hf_llama.json"), "tokenizer_hf_llama.json");
  for (const auto& [key, value] : golden["patch"].items()) document[key] = value;
  document["pre_tokenizer"]["pattern"] = {{"Regex", " "}};
  expect_ids(*parse_hf_tokenizer(document.dump(), "", "regex"), golden, "regex", /*special=*/true);
  std::vector<std::string> tokens, merges;
  for (const auto& [piece, id] : document["model"]["vocab"].items()) {
    tokens.resize(std::max(tokens.size(), id.get<std::size_t>() + 1));
    tokens[id.get<std::size_t>()] = piece;
  }
  std::vector<std::int64_t> types(tokens.size(), 1);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (parse_byte_piece(tokens[i])) types[i] = 6;
  for (const Json& added : document["added_tokens"]) {
    const auto id = added["id"].get<std::size_t>();
    tokens.resize(std::max(tokens.size(), id + 1)), types.resize(tokens.size(), 1);
    tokens[id] = added["content"].get<std::string>(), types[id] = added["special"].get<bool>() ? 3 : 4;
  }
  for (const Json& rule : document["model"]["merges"])
    merges.push_back(rule.is_string() ? rule.get<std::string>()
                                      : rule[0].get<std::string>() + " " + rule[1].get<std::string>());
  FakeFile file;
  file.set("tokenizer.ggml.model", std::string("gemma4"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", types);
  file.set("tokenizer.ggml.merges", merges);
  file.set("tokenizer.ggml.unknown_token_id", std::int64_t{0});
  file.set("tokenizer.ggml.bos_token_id", std::int64_t{1});
  file.set("tokenizer.ggml.add_bos_token", false);  // a mistake that some files have
  const auto gemma = Tokenizer::open(file);
  expect_ids(*gemma, golden, "gemma4", /*special=*/true);
  EXPECT_TRUE(gemma->add_bos);
  const std::string text = "Emma  and\n\n\n\t \xf0\x9f\x98\x80 \xff\xc3";
  EXPECT_EQ(gemma->decode(gemma->encode(text)), text);
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", std::string("sarvam-moe"));
  expect_ids(*Tokenizer::open(file), golden, "sarvam-moe", /*special=*/true);
}

TEST(SentencePieceModel, AFolderWithoutTokenizerJson) {
  const fs::path folder = fs::temp_directory_path() / fmt::format("ropewalk-spm-{}", ::getpid());
  fs::create_directories(folder);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  };
  write("tokenizer.model", read_golden("tokenizer_gemma.model"));
  write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "<|im_end|>", "added_tokens_decoder": {
      "300": {"content": "<|im_start|>", "special": true}, "3000": {"content": "<|im_end|>", "special": true},
      "3001": {"content": "two words", "special": false, "rstrip": true}}})");
  FakeFile file;
  file.set_folder(folder.string());
  const auto tokenizer = Tokenizer::open(file);
  fs::remove_all(folder);
  EXPECT_EQ(tokenizer->n_vocab(), 3002);
  EXPECT_EQ(tokenizer->encode("<|im_start|><|im_end|>", true), (Tokens{300, 3000}));
  EXPECT_EQ(tokenizer->encode("two words \u3000\n"), (Tokens{3001}));
  EXPECT_EQ(tokenizer->decode(Token{3001}), "two words");
  EXPECT_EQ(tokenizer->bos, Token{1});
  EXPECT_EQ(tokenizer->unk, Token{0});
  EXPECT_EQ(tokenizer->eos, Token{3000});
  EXPECT_EQ(tokenizer->end_tokens, (Tokens{3000}));
  EXPECT_TRUE(tokenizer->add_bos);
}

std::string model_error(const std::string& message) {
  try {
    make_sentencepiece(read_sentencepiece_model(message, "tokenizer.model"), {}, "tokenizer.model");
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

/// A message of one piece, and the trainer's and the normalizer's fields.
std::string small_model(const std::string& trainer, const std::string& normalizer) {
  const auto field = [](char number, const std::string& bytes) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
  };
  return field(1, field(1, "a")) + field(2, trainer) + field(3, normalizer);
}

TEST(SentencePieceModel, WhatIsNotImplementedIsNamed) {
  const std::string bpe = "\x18\x02", keeps = std::string("\x20\0", 2);
  EXPECT_EQ(model_error(small_model(bpe, keeps)), "");
  EXPECT_EQ(model_error(small_model("", keeps)), "");  // Unigram
  EXPECT_NE(model_error(small_model("\x18\x03", keeps)).find("kind 3"), std::string::npos);
  EXPECT_NE(model_error(small_model(bpe, "")).find("remove_extra_whitespaces"), std::string::npos);
  EXPECT_NE(model_error(small_model(bpe, "\x0a\x08nmt_nfkc\x12\x02xx" + keeps)).find("nmt_nfkc"),
            std::string::npos);
  EXPECT_NE(model_error(small_model(bpe + "\xc0\x01\x01", keeps)).find("suffix"), std::string::npos);
  FakeFile file;
  fill_gemma(file).set("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_THROW(Tokenizer::open(file), Error);
}

TEST(SentencePieceModel, DamageIsAnError) {
  const std::string good = read_golden("tokenizer_gemma.model");
  EXPECT_EQ(model_error(good), "");
  for (std::size_t size = 0; size < good.size(); size += 101)
    EXPECT_NE(model_error(good.substr(0, size)), "") << size;
  EXPECT_NE(model_error("\x0b"), "");                   // a kind of field that there is not
  EXPECT_NE(model_error(std::string(11, '\xff')), "");  // a number that does not end
  EXPECT_NE(model_error("\x0a\xff\xff\xff\xff\x0f"
                        "a"),
            "");  // more bytes than there are
  EXPECT_NE(model_error("\x0a\x05\x0a\x01"
                        "a\x18\x09"),
            "");  // a piece of kind 9
  HfSettings far;
  far.added_tokens.push_back({1 << 30, "x", true, false, false});
  EXPECT_THROW(gemma_model(far), Error);
}

TEST(SentencePiecePhi3, ControlTokensSwallowTheSpaceBehindThem) {
  FakeFile file;
  fill_spm(file);
  std::vector<std::string> tokens = *file.strings("tokenizer.ggml.tokens");
  std::vector<std::int64_t> types = *file.integers("tokenizer.ggml.token_type");
  std::vector<double> scores = *file.numbers("tokenizer.ggml.scores");
  for (const char* piece : {"<|user|>", "<|endoftext|>"})
    tokens.push_back(piece), types.push_back(3), scores.push_back(0);
  const Token user = static_cast<Token>(tokens.size()) - 2;
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", types);
  file.set("tokenizer.ggml.scores", scores);
  file.set("general.architecture", std::string("llama"));
  EXPECT_GT(Tokenizer::open(file)->encode("<|user|>\n <|user|>", true).size(), 2u);
  file.set("general.architecture", std::string("phi3"));
  const auto phi = Tokenizer::open(file);
  EXPECT_EQ(phi->encode("<|user|>\n \u3000<|user|>", true), (Tokens{user, user}));
  EXPECT_GT(phi->encode("<|endoftext|>\n<|user|>", true).size(), 2u);
  EXPECT_GT(phi->encode("<s>\n<|user|>", true).size(), 2u);
}

}  // namespace
}  // namespace rw
