// SPDX-License-Identifier: Apache-2.0
/// A text in parts has the ids of the whole, for every kind of tokenizer; what ends a turn is known from
/// every place that says so; the pre-tokenizer of a GGUF carries NFC.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "all_kinds.h"
#include "golden_text.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

using namespace rw::testing;
using Tokens = std::vector<Token>;
namespace fs = std::filesystem;

TEST(TokenizerParts, PiecesGiveTheIdsOfTheWhole) {
  const std::vector<std::string> lines = split_lines(mixed_blocks()[0].substr(0, 20000));
  Lcg lcg(5);
  for (const auto& [name, tokenizer] : all_kinds()) {
    for (int round = 0; round < 60; ++round) {
      std::string text = round % 3 == 0 ? "" : " \n\n";
      for (int i = 0; i < 3; ++i)
        text += lines[lcg.next() % lines.size()] + (i == 1 ? "\n\n" : "e\xcc\x81\n");
      std::vector<TextPart> parts;
      const std::string_view all = text;
      for (std::size_t at = 0; at < all.size();) {
        const std::size_t size = lcg.next() % 40;  // empty parts, and cuts inside of a character, too
        parts.push_back({all.substr(at, size), false});
        at += parts.back().text.size();
      }
      ASSERT_EQ(tokenizer->encode_parts(parts), tokenizer->encode(text)) << name << ": " << text;
    }
  }
}

TEST(TokenizerParts, TextBehindTextHasNoSpaceOfItsOwn) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode_inside("Hello you")), "Hello you") << name;
    EXPECT_EQ(tokenizer->encode_inside(""), Tokens{}) << name;
  }
}

TEST(TokenizerParts, ControlTokensAreReadWhereTheyMayBe) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    const bool qwen = name == "tokenizer_hf_qwen.json";
    const std::string mark = qwen ? "<|im_end|>" : "</s>";
    const Tokens one = tokenizer->encode(mark, true);
    ASSERT_EQ(one.size(), 1u) << name;
    const std::string user = "a " + mark + " b";
    const TextPart parts[] = {{mark, true}, {user, false}, {mark, true}};
    const Tokens ids = tokenizer->encode_parts(parts);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), one[0]), 2) << name;
    EXPECT_EQ(ids.front(), one[0]) << name;
    EXPECT_EQ(ids.back(), one[0]) << name;
    // Nor where the parts spell one together.
    const TextPart halves[] = {{std::string_view(mark).substr(0, 2), true},
                               {std::string_view(mark).substr(2), false}};
    const Tokens spelled = tokenizer->encode_parts(halves);
    EXPECT_EQ(std::count(spelled.begin(), spelled.end(), one[0]), 0) << name;
    // All special is the whole.
    const TextPart both[] = {{mark, true}, {user, true}};
    EXPECT_EQ(tokenizer->encode_parts(both), tokenizer->encode(mark + user, true)) << name;
  }
}

TEST(TokenizerParts, ThePreTokenizerOfAGgufCarriesNfc) {
  const std::string apart = "Cafe\xcc\x81 n\xcc\x83", composed = "Caf\xc3\xa9 \xc3\xb1";
  for (const char* pre : {"qwen2", "deepseek-r1-qwen", "command-r", "olmo"}) {
    FakeFile file;
    const auto tokenizer = Tokenizer::open(fill_bpe(file, pre));
    EXPECT_EQ(tokenizer->encode(apart), tokenizer->encode(composed)) << pre;
  }
  for (const char* pre : {"gpt-2", "llama3", "smollm", "tekken"}) {
    FakeFile file;
    const auto tokenizer = Tokenizer::open(fill_bpe(file, pre));
    EXPECT_NE(tokenizer->encode(apart), tokenizer->encode(composed)) << pre;
  }
}

/// A folder of small files that is removed at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("ropewalk-parts-{}", ::getpid())) {
    fs::create_directories(path_);
    write("tokenizer.json", read_golden("tokenizer_hf_qwen.json"));
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  const fs::path& path() const { return path_; }
  std::unique_ptr<Tokenizer> open() const {
    FakeFile file;
    file.set_folder(path_.string());
    return open_hf_tokenizer(file);
  }

 private:
  fs::path path_;
};

Token id_of(const Tokenizer& tokenizer, std::string_view spelling) {
  return tokenizer.encode(spelling, true).at(0);
}

/// Whatever is missing or broken, the message begins with its path.
TEST(TokenizerFolder, TheFileThatIsMissingOrBrokenIsNamed) {
  const Folder folder;
  const auto message = [&]() -> std::string {
    try {
      folder.open();
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  const auto begins = [&](const std::string& name) {
    const std::string said = message();
    return said.starts_with((folder.path() / name).string()) ? "" : said;
  };
  folder.write("tokenizer.json", "{");
  EXPECT_EQ(begins("tokenizer.json: expected JSON; found parse error"), "");
  folder.write("tokenizer.json", R"({"model": {"type": "WordPiece"}})");
  EXPECT_EQ(begins("tokenizer.json: "), "");
  fs::remove(folder.path() / "tokenizer.json");
  EXPECT_NE(message().find("tokenizer.json, tekken.json, tokenizer.model, spiece.model"), std::string::npos)
      << message();
  folder.write("vocab.txt", "the\ncat\n");  // no [UNK]
  EXPECT_EQ(begins("vocab.txt: tokenizer: expected an unknown token"), "");
  folder.write("vocab.txt", "");
  EXPECT_EQ(begins("vocab.txt: "), "");
  folder.write("tokenizer.model", "x");
  EXPECT_EQ(begins("tokenizer.model: "), "");
}

TEST(TokenizerEnds, EveryFileThatNamesAnEndIsRead) {
  Folder folder;
  folder.write("tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})");
  const auto ends = [&] {
    Tokens ids = folder.open()->end_tokens;
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  const Token text = id_of(*folder.open(), "<|endoftext|>"), turn = id_of(*folder.open(), "<|im_end|>");
  const Tokens spelled = {std::min(text, turn), std::max(text, turn)};  // both are known by their spelling
  EXPECT_EQ(ends(), spelled);
  folder.write("config.json", R"({"eos_token_id": [3, 5]})");
  EXPECT_EQ(ends().size(), spelled.size() + 2);
  folder.write("generation_config.json", R"({"eos_token_id": 7})");
  EXPECT_EQ(ends().size(), spelled.size() + 3);
  folder.write("config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(ends().size(), spelled.size() + 1);
  for (const char* other : {R"({"eos_token_id": -1})", R"({"eos_token_id": [99999999, 1e3, "x"]})", "{}"}) {
    folder.write("generation_config.json", other);
    EXPECT_EQ(ends(), spelled) << other;
  }
  folder.write("generation_config.json", "[");
  EXPECT_THROW(folder.open(), Error);
}

TEST(TokenizerEnds, GgufIdsAndSpellings) {
  FakeFile file;
  fill_bpe(file, "qwen2", {{"<|endoftext|>", 3}, {"<|im_end|>", 3}, {"<|x|>", 3}, {"<|eom|>", 3}});
  const auto plain = Tokenizer::open(file);
  const Token first = static_cast<Token>(plain->n_vocab()) - 4;
  EXPECT_EQ(plain->end_tokens.size(), 2u);
  file.set("tokenizer.ggml.eot_token_id", std::int64_t{first + 2});
  file.set("tokenizer.ggml.eom_token_id", std::int64_t{first + 3});
  EXPECT_EQ(Tokenizer::open(file)->end_tokens.size(), 4u);
}

TEST(TokenizerEnds, ChannelsOfOneTurnAreNotItsEnd) {
  FakeFile file;
  fill_bpe(file, "gpt-2", {{"<|end|>", 3}, {"<|return|>", 3}, {"<|channel|>", 3}, {"<|call|>", 3}});
  const auto tokenizer = Tokenizer::open(file);
  const Token first = static_cast<Token>(tokenizer->n_vocab()) - 4;
  EXPECT_EQ(tokenizer->end_tokens, (Tokens{first + 1, first + 3}));
}

TEST(TokenizerTemplate, AFileWinsAndAListHasADefault) {
  Folder folder;
  folder.write("tokenizer_config.json", R"({"chat_template": "from the config"})");
  EXPECT_EQ(folder.open()->chat_template, "from the config");
  folder.write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]})");
  EXPECT_EQ(folder.open()->chat_template, "d");
  EXPECT_EQ(folder.open()->chat_template_place, "tokenizer_config.json, the template 'default'");
  folder.write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "r"}]})");
  EXPECT_EQ(folder.open()->chat_template, "");
  EXPECT_EQ(folder.open()->chat_template_problem, "templates for other uses: rag");
  folder.write("chat_template.jinja", "from the file");
  EXPECT_EQ(folder.open()->chat_template, "from the file");
  EXPECT_EQ(folder.open()->chat_template_problem, "");
}

TEST(TokenizerTemplate, SpecialTextsAreThoseOfTheFiles) {
  Folder folder;
  folder.write("tokenizer_config.json", R"({"bos_token": null, "eos_token": {"content": "<|im_end|>"}})");
  using Texts = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(folder.open()->special_texts, (Texts{{"eos_token", "<|im_end|>"}}));
  // As transformers: the map counts where the configuration lists no added tokens.
  folder.write("special_tokens_map.json", R"({"bos_token": "<b>", "eos_token": "<e>"})");
  EXPECT_EQ(folder.open()->special_texts, (Texts{{"bos_token", "<b>"}, {"eos_token", "<e>"}}));
  folder.write("tokenizer_config.json", R"({"eos_token": "<|im_end|>", "added_tokens_decoder": {}})");
  EXPECT_EQ(folder.open()->special_texts, (Texts{{"eos_token", "<|im_end|>"}}));
}

}  // namespace
}  // namespace rw
