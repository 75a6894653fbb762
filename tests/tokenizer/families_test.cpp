// SPDX-License-Identifier: Apache-2.0
/// The tokenizers of model families, from a GGUF and from a folder: ids against `tokenizers` and
/// `sentencepiece` on 1 MB of mixed text.
#include <fmt/ranges.h>

#include "families_golden.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

using namespace rw::testing;

/// A tokenizer.json with the golden byte-level vocabulary and the family's steps.
Json folder_of(const Json& golden) {
  FakeFile file;
  fill_bpe(file, "gpt-2");
  Json vocab = Json::object();
  std::map<std::string, int> ids;
  int next = 0;
  for (const std::string& piece : *file.strings("tokenizer.ggml.tokens")) ids.emplace(piece, next++);
  for (const auto& [piece, id] : ids) vocab[piece] = id;
  return Json{{"normalizer", golden["normalizer"]},
              {"pre_tokenizer", golden["pre_tokenizer"]},
              {"model",
               {{"type", "BPE"},
                {"vocab", std::move(vocab)},
                {"merges", *file.strings("tokenizer.ggml.merges")},
                {"ignore_merges", golden["ignore_merges"]}}}};
}

class ByteLevelFamily : public ::testing::TestWithParam<std::string> {};

TEST_P(ByteLevelFamily, GgufHasTheIdsOfTokenizers) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_bpe(file, GetParam()));
  expect_ids(*tokenizer, families()["byte_level"][GetParam()], GetParam());
}

TEST_P(ByteLevelFamily, FolderHasTheIdsOfTokenizers) {
  const Json& golden = families()["byte_level"][GetParam()];
  expect_ids(*parse_hf_tokenizer(folder_of(golden).dump(), "", GetParam()), golden, GetParam());
}

std::vector<std::string> byte_level_names() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : families()["byte_level"].items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, ByteLevelFamily, ::testing::ValuesIn(byte_level_names()),
                         [](const auto& param) {
                           std::string name;
                           for (char c : param.param) name += c == '-' ? '_' : c;
                           return name;
                         });

TEST(TokenizerFolder, EveryBehaviourOfACut) {
  ASSERT_GE(families()["splits"].size(), 10u);
  for (const auto& [name, golden] : families()["splits"].items())
    expect_ids(*parse_hf_tokenizer(folder_of(golden).dump(), "", name), golden, name);
}

TEST(TokenizerFolder, ByteLevelsSpaceStandsBeforeEveryStretch) {
  Json document = parse_json(read_golden("tokenizer_hf_qwen.json"), "tokenizer_hf_qwen.json");
  document["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", true}};
  const Json& golden = families()["prefix"];
  EXPECT_EQ(
      parse_hf_tokenizer(document.dump(), "", "prefix")->encode(golden["text"].get<std::string>(), true),
      golden["ids"].get<std::vector<Token>>());
}

/// Classes as Oniguruma and Rust's regex have them, which PCRE2 would read otherwise without a word.
TEST(TokenizerFolder, ClassesInClasses) {
  const auto pieces = [](const char* pattern, std::string_view text) {
    std::vector<std::string_view> parts;
    Regex::Scratch scratch;
    Regex(pattern, "test").split(text, Cut::kIsolate, scratch, parts);
    return fmt::format("{}", fmt::join(parts, "|"));
  };
  EXPECT_EQ(pieces("[a[bc]]+", "xabcx[]"), "x|abc|x[]");
  EXPECT_EQ(pieces("[^a[bc]]+", "xabcx]"), "x|abc|x]");
  EXPECT_EQ(pieces(R"([\p{L}&&[^\p{Han}]]+)", "ab\u6f22\u5b57cd"), "ab|\u6f22\u5b57|cd");
  EXPECT_EQ(pieces(R"([\p{L}&&[a-c]]+)", "abcdabc"), "abc|d|abc");
  EXPECT_EQ(pieces(R"([[:alpha:]\]]+)", "ab]1"), "ab]|1");
  EXPECT_EQ(pieces("(?=b)", "abab"), "a|ba|b");
  for (const char* pattern : {"[a[^b]]", "[^a&&[b]]", "[a&&b]", "[a&&[b]&&[c]]", "[a", "(*COMMIT)a"})
    EXPECT_THROW(Regex(pattern, "test"), Error) << pattern;
}

TEST(TokenizerFamilies, EveryNamedPretokenizerHasAGolden) {
  const std::string known = Pretokenizer::known() + ", ";
  for (std::size_t at = 0, next; (next = known.find(", ", at)) != std::string::npos; at = next + 2) {
    const std::string name = Pretokenizer::named(known.substr(at, next - at)).name;
    EXPECT_TRUE(families()["byte_level"].contains(name)) << name;
  }
}

/// But for those that differ in spelling only, where a token has no merges that lead to it, or behind an
/// apostrophe that the text has not.
TEST(TokenizerFamilies, NoTwoHaveTheSameIds) {
  std::map<std::string, std::string> seen;
  std::set<std::pair<std::string, std::string>> alike;
  for (const auto& [name, golden] : families()["byte_level"].items()) {
    const auto [at, fresh] = seen.emplace(golden["blocks"].dump(), name);
    if (!fresh) alike.insert({std::min(at->second, name), std::max(at->second, name)});
  }
  EXPECT_EQ(alike, (std::set<std::pair<std::string, std::string>>{{"bailingmoe", "hunyuan"},
                                                                  {"bailingmoe", "ufakzeka"},
                                                                  {"dbrx", "glm4"},
                                                                  {"dbrx", "llama-bpe"},
                                                                  {"gpt-4o", "granite-embed-multi-97m"}}));
}

TEST(TokenizerFamilies, AWholeWordNeedsNoMergesWhereTheyAreIgnored) {
  for (const auto& [pre, whole] : std::vector<std::pair<std::string, bool>>{{"llama-bpe", true},
                                                                            {"tekken", true},
                                                                            {"minicpm5", true},
                                                                            {"dbrx", false},
                                                                            {"smaug-bpe", false},
                                                                            {"glm4", true},
                                                                            {"chatglm-bpe", false},
                                                                            {"youtu", true},
                                                                            {"gpt-4o", false},
                                                                            {"qwen2", false}}) {
    FakeFile file;
    file.set("tokenizer.ggml.model", std::string("gpt2"));
    file.set("tokenizer.ggml.pre", pre);
    file.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "c", "abc"});
    file.set("tokenizer.ggml.merges", std::vector<std::string>{});
    const auto ids = Tokenizer::open(file)->encode("abc");
    EXPECT_EQ(ids, whole ? (std::vector<Token>{3}) : (std::vector<Token>{0, 1, 2})) << pre;
  }
}

}  // namespace
}  // namespace rw
