// SPDX-License-Identifier: Apache-2.0
/// WordPiece from tokenizer.json, vocab.txt and a GGUF: ids against BertWordPieceTokenizer of `tokenizers` on
/// 1 MB of mixed text, and every character against its normalizer.
#include "tokenizer/wordpiece.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "core/hash.h"
#include "core/utf8.h"
#include "families_golden.h"

namespace rw {
namespace {

using namespace rw::testing;
using Tokens = std::vector<Token>;
namespace fs = std::filesystem;

std::vector<std::string> bert_pieces() {
  std::vector<std::string> pieces = split_lines(read_golden("tokenizer_bert_vocab.txt"));
  pieces.pop_back();  // what follows the last newline
  return pieces;
}

Json bert_document(const Json& golden) {
  Json vocab = Json::object();
  std::map<std::string, int> sorted;
  int next = 0;
  for (const std::string& piece : bert_pieces()) sorted.emplace(piece, next++);
  for (const auto& [piece, id] : sorted) vocab[piece] = id;
  return Json{{"normalizer", golden["normalizer"]},
              {"pre_tokenizer", golden["pre_tokenizer"]},
              {"post_processor", golden["post_processor"]},
              {"added_tokens", golden["added_tokens"]},
              {"model",
               {{"type", "WordPiece"},
                {"unk_token", "[UNK]"},
                {"continuing_subword_prefix", "##"},
                {"max_input_chars_per_word", 100},
                {"vocab", std::move(vocab)}}}};
}

/// A GGUF's metadata, spelled as llama.cpp's converter spells it.
FakeFile& fill_bert(FakeFile& file) {
  std::vector<std::string> tokens = bert_pieces();
  std::vector<std::int64_t> types(tokens.size(), 1);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i < 5)
      types[i] = i == 1 ? 2 : 3;  // [UNK]; [PAD], [CLS], [SEP], [MASK]
    else if (tokens[i].starts_with("##"))
      tokens[i].erase(0, 2);
    else
      tokens[i].insert(0, "\xe2\x96\x81");
  }
  file.set("tokenizer.ggml.model", std::string("bert"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", types);
  return file;
}

/// A folder of small files that is removed at the end.
class BertFolder {
 public:
  BertFolder() : path_(fs::temp_directory_path() / fmt::format("ropewalk-bert-{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~BertFolder() { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  std::unique_ptr<Tokenizer> open() const {
    FakeFile file;
    file.set_folder(path_.string());
    return Tokenizer::open(file);
  }

 private:
  fs::path path_;
};

TEST(WordPiece, TokenizerJsonHasTheIdsOfTokenizers) {
  for (const char* name : {"uncased", "cased", "accents", "no-accents", "chinese-words", "raw"}) {
    const Json& golden = families()["bert"][name];
    const auto tokenizer = parse_hf_tokenizer(bert_document(golden).dump(), "", name);
    ASSERT_EQ(golden["blocks"].size(), mixed_blocks().size());
    expect_ids(*tokenizer, golden, name, /*special=*/true);
    const Tokens ids = tokenizer->encode(mixed_blocks()[3], true);
    EXPECT_EQ(sha256(tokenizer->decode(ids, true).substr(1)), golden["decoded"]) << name;
  }
}

TEST(WordPiece, GgufAndVocabTxtHaveThemToo) {
  FakeFile file;
  const Json& golden = families()["bert"]["uncased"];
  expect_ids(*Tokenizer::open(fill_bert(file)), golden, "gguf", true);
  file.set("tokenizer.ggml.normalizer.lowercase", false);
  expect_ids(*Tokenizer::open(file), families()["bert"]["cased"], "gguf, cased", true);
  const BertFolder folder;
  folder.write("vocab.txt", read_golden("tokenizer_bert_vocab.txt"));
  expect_ids(*folder.open(), golden, "vocab.txt", true);
  folder.write("tokenizer_config.json", R"({"do_lower_case": false})");
  expect_ids(*folder.open(), families()["bert"]["cased"], "vocab.txt, cased", true);
  folder.write("tokenizer_config.json", R"({"tokenize_chinese_chars": false})");
  expect_ids(*folder.open(), families()["bert"]["chinese-words"], "vocab.txt, chinese", true);
}

TEST(WordPiece, SpecialTokensOfEveryContainer) {
  const Json& golden = families()["bert"];
  const std::string text = golden["sentence"]["text"];
  FakeFile file;
  const BertFolder folder;
  folder.write("vocab.txt", read_golden("tokenizer_bert_vocab.txt"));
  std::vector<std::unique_ptr<Tokenizer>> all;
  all.push_back(Tokenizer::open(fill_bert(file)));
  all.push_back(folder.open());
  all.push_back(parse_hf_tokenizer(bert_document(golden["uncased"]).dump(), "", "tokenizer.json"));
  for (const auto& tokenizer : all) {
    EXPECT_EQ(tokenizer->encode(text, true), golden["sentence"]["ids"].get<Tokens>());
    EXPECT_EQ(tokenizer->kind(), "WordPiece");
    EXPECT_EQ(tokenizer->bos, Token{2});
    EXPECT_EQ(tokenizer->eos, Token{3});
    EXPECT_EQ(tokenizer->mask, Token{4});
    EXPECT_EQ(tokenizer->unk, Token{1});
    EXPECT_TRUE(tokenizer->add_bos);
    EXPECT_TRUE(tokenizer->add_eos);
    EXPECT_EQ(tokenizer->decode(Token{4}, true), " [MASK]");
    EXPECT_EQ(tokenizer->decode(Token{4}), "");
    const Tokens plain = tokenizer->encode(text);  // without them the marks are text
    EXPECT_EQ(std::count(plain.begin(), plain.end(), Token{4}), 0);
  }
}

TEST(WordPiece, TheUnknownTokenMayHaveANameOfItsOwn) {
  const BertFolder folder;
  folder.write("vocab.txt", "the\n<what>\ncat\n");
  folder.write("tokenizer_config.json", R"({"unk_token": "<what>"})");
  const auto tokenizer = folder.open();
  EXPECT_EQ(tokenizer->unk, Token{1});
  EXPECT_EQ(tokenizer->encode("the dog"), (Tokens{0, 1}));
}

/// Each character between two letters: what is dropped, what parts words, what has an accent or another case.
TEST(WordPiece, EveryCharacterIsNormalizedAsInTokenizers) {
  std::string text;
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if ((code >= 0xd800 && code < 0xe000) || code == 0x11938) continue;
    std::string one = "a";
    utf8_append(one, code);
    const std::string normalized = normalize_bert(one + "b", {});
    bool first = true;
    for (std::string_view word : split_bert_words(normalized)) {
      if (!std::exchange(first, false)) text.push_back(' ');
      text += word;
    }
    text.push_back('\n');
  }
  EXPECT_EQ(sha256(text), families()["bert_characters"]);
}

TEST(WordPiece, PartsAndChineseOfRoformer) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_bert(file));
  const std::string text = "Paris is the [MASK] of France.";
  const TextPart parts[] = {{"Paris is the ", false}, {"[MASK]", true}, {" of France.", false}};
  EXPECT_EQ(tokenizer->encode_parts(parts), tokenizer->encode(text, true));
  Json document = bert_document(families()["bert"]["chinese-words"]);
  const char* chinese = "\u5b66\u800c\u65f6\u4e60\u4e4b";
  EXPECT_EQ(parse_hf_tokenizer(document.dump(), "", "bert")->encode(chinese).size(), 1u);  // one unknown word
  const auto roformer =
      parse_hf_tokenizer(document.dump(), R"({"tokenizer_class": "RoFormerTokenizer"})", "roformer");
  EXPECT_EQ(roformer->encode(chinese), tokenizer->encode(chinese));
  EXPECT_EQ(roformer->encode(chinese).size(), 5u);
}

TEST(WordPiece, LongRunsTakeTimeInProportion) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_bert(file));
  const auto start = std::chrono::steady_clock::now();
  for (const char* unit : {"a", "a ", "!", "\xe4\xb8\xad", "e\xcc\x81", "\xff", "[MASK]"}) {
    std::string text;
    while (text.size() < 300000) text += unit;
    EXPECT_GT(tokenizer->encode(text + " end", true).size(), 0u);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(WordPiece, WhatIsMissingIsNamed) {
  const auto message = [](auto action) -> std::string {
    try {
      action();
    } catch (const Error& e) {
      return e.what();
    }
    return {};
  };
  const auto json_error = [&](const char* pointer, const Json& value) {
    Json document = bert_document(families()["bert"]["uncased"]);
    document[Json::json_pointer(pointer)] = value;
    return message([&] { parse_hf_tokenizer(document.dump(), "", "tokenizer.json"); });
  };
  EXPECT_NE(json_error("/normalizer", Json{{"type", "NFKC"}}).find("NFKC"), std::string::npos);
  EXPECT_NE(json_error("/pre_tokenizer", Json{{"type", "Whitespace"}}).find("Whitespace"), std::string::npos);
  EXPECT_NE(json_error("/pre_tokenizer", nullptr).find("BertPreTokenizer"), std::string::npos);
  EXPECT_NE(json_error("/model/unk_token", "[NONE]").find("[UNK]"), std::string::npos);
  EXPECT_NE(json_error("/model/unk_token", nullptr), "");
  EXPECT_NE(json_error("/model/continuing_subword_prefix", 2), "");
  EXPECT_NE(json_error("/model/max_input_chars_per_word", -1), "");
  EXPECT_NE(json_error("/model/vocab", Json::array()), "");
  const BertFolder folder;
  folder.write("vocab.txt", "a\nb\n");
  EXPECT_NE(message([&] { folder.open(); }).find("[UNK]"), std::string::npos);
  folder.write("vocab.txt", "a\n[UNK]\nb\r\na\n");  // the later of two alike, as in BertTokenizer
  EXPECT_EQ(folder.open()->encode("a b c"), (Tokens{3, 2, 1}));
}

}  // namespace
}  // namespace rw
