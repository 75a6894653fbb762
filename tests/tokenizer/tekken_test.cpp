// SPDX-License-Identifier: Apache-2.0
/// tekken.json: ids against `mistral_common` on 1 MB of mixed text.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base64.h"
#include "families_golden.h"
#include "tokenizer/hf_tekken.h"

namespace rw {
namespace {

using namespace rw::testing;
using namespace std::string_literals;

const Json& golden() {
  static const Json json = parse_json(read_golden("tokenizer_tekken.json"), "tokenizer_tekken.json");
  return json;
}

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= n ? kDigits[bits >> (18 - 6 * k) & 63u] : '=';
  }
  return text;
}

/// The file of the goldens.
Json tekken_json() {
  std::vector<std::string> tokens;
  std::set<std::string> seen;
  const auto add = [&](const std::string& token) {
    if (seen.insert(token).second) tokens.push_back(token);
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  std::vector<std::string> merges = split_lines(read_golden("tokenizer_merges.txt"));
  merges.pop_back();
  for (const std::string& rule : merges) {
    const std::size_t space = rule.find(' ');
    add(*ByteAlphabet::get().bytes(rule.substr(0, space) + rule.substr(space + 1)));
  }
  Json vocab = Json::array();
  for (const std::string& token : tokens)
    vocab.push_back({{"rank", vocab.size()}, {"token_bytes", base64_of(token)}, {"token_str", nullptr}});
  return {{"config",
           {{"pattern", golden()["pattern"]},
            {"default_vocab_size", tokens.size() + 30},
            {"default_num_special_tokens", 30},
            {"version", "v3"}}},
          {"vocab", vocab}};
}

std::unique_ptr<Tokenizer> open(const Json& document) {
  auto tokenizer = read_tekken(document.dump(), "tekken.json");
  tokenizer->finish();
  return tokenizer;
}

TEST(Base64, OfRfc4648) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"Zg==", "f"},
                                                        {"Zm8=", "fo"},
                                                        {"Zm9v", "foo"},
                                                        {"Zm9vYg==", "foob"},
                                                        {"/+8A", "\xff\xef\0"s}}) {
    EXPECT_EQ(decode_base64(text), bytes);
    EXPECT_EQ(base64_of(bytes), text);
  }
  for (const char* wrong : {"Z", "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9_", "Zm 9"})
    EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

TEST(Tekken, IdsOfMistralCommon) {
  ASSERT_EQ(tekken_json()["vocab"].size(), golden()["n"].get<std::size_t>());
  const auto tokenizer = open(tekken_json());
  expect_ids(*tokenizer, golden(), "tekken");
  EXPECT_EQ(tokenizer->bos, golden()["bos"].get<Token>());
  EXPECT_EQ(tokenizer->eos, golden()["eos"].get<Token>());
  EXPECT_TRUE(tokenizer->add_bos);
  for (Token id = 0; id < 30; ++id)
    EXPECT_EQ(tokenizer->decode(id, true), golden()["special"][static_cast<std::size_t>(id)]);
  for (const std::string& text : {mixed_blocks()[3], damaged_block()})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}

TEST(Tekken, SpecialTokensAreReadWhereTheyAreWanted) {
  Json document = tekken_json();
  document["special_tokens"] = {{{"rank", 1}, {"token_str", "<s>"}, {"is_control", true}},
                                {{"rank", 7}, {"token_str", "[INST]"}, {"is_control", true}}};
  const auto tokenizer = open(document);
  EXPECT_EQ(tokenizer->encode("<s>[INST]", true), (std::vector<Token>{1, 7}));
  EXPECT_GT(tokenizer->encode("<s>[INST]").size(), 2u);
  EXPECT_EQ(tokenizer->decode(Token{2}, true), "<SPECIAL_2>");
  EXPECT_EQ(tokenizer->eos, std::nullopt);
}

TEST(Tekken, TheLowestRankFirst) {
  // "ab" twice first, for its rank is lower; then the one pair that joins to "aba".
  Json document = tekken_json();
  document["vocab"].erase(document["vocab"].begin() + 256, document["vocab"].end());
  for (const char* token : {"ab", "aba"})
    document["vocab"].push_back({{"rank", document["vocab"].size()}, {"token_bytes", base64_of(token)}});
  document["config"]["default_vocab_size"] = 258 + 30;
  const auto tokenizer = open(document);
  EXPECT_EQ(tokenizer->encode("ababa"), (std::vector<Token>{30 + 256, 30 + 257}));
}

TEST(Tekken, AFolderWithoutTokenizerJson) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("ropewalk-tekken-{}", ::getpid());
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "tekken.json") << tekken_json().dump();
  EXPECT_EQ(open_hf_tokenizer(folder.string())->encode("a"), (std::vector<Token>{30 + 'a'}));
  std::ofstream(folder / "tekken.json") << "{}";
  EXPECT_THROW(open_hf_tokenizer(folder.string()), Error);
  std::filesystem::remove_all(folder);
}

TEST(Tekken, DamageIsAnError) {
  const auto error_of = [](const char* key, const Json& value) -> std::string {
    Json document = tekken_json();
    document["config"][key] = value;
    try {
      read_tekken(document.dump(), "tekken.json");
    } catch (const Error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(error_of("version", "v3"), "none");
  for (const Json& wrong : {Json(-1), Json(1e30), Json("30"), Json(nullptr), Json(2000000)}) {
    EXPECT_NE(error_of("default_num_special_tokens", wrong).find("default_num_special_tokens"),
              std::string::npos);
    EXPECT_NE(error_of("default_vocab_size", wrong).find("default_vocab_size"), std::string::npos);
  }
  EXPECT_NE(error_of("default_vocab_size", 30).find("above"), std::string::npos);
  EXPECT_NE(error_of("pattern", "(").find("regular expression"), std::string::npos);
  Json document = tekken_json();
  document["vocab"][300]["token_bytes"] = "?";
  EXPECT_THROW(read_tekken(document.dump(), "t"), Error);
  document = tekken_json(), document["vocab"][300]["rank"] = 7;
  EXPECT_THROW(read_tekken(document.dump(), "t"), Error);
  document = tekken_json(), document["special_tokens"] = {{{"rank", 30}, {"token_str", "x"}}};
  EXPECT_THROW(read_tekken(document.dump(), "t"), Error);
}

}  // namespace
}  // namespace rw
