// SPDX-License-Identifier: Apache-2.0
/// Special tokens, defaults, chat formats, and every kind of damaged vocabulary.
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "golden_text.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {
namespace {

using namespace rw::testing;
using Tokens = std::vector<Token>;

/// The message of the Error that `action` throws; empty if it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

std::string open_error(const FakeFile& file) {
  return error_of([&] { Tokenizer::open(file); });
}

FakeFile& fill_tiny(FakeFile& file) {
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", std::string("gpt-2"));
  file.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "c", "ab", "abc", "bc", "<|im_end|>"});
  file.set("tokenizer.ggml.token_type", std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 3});
  file.set("tokenizer.ggml.merges", std::vector<std::string>{"b c", "a b", "a bc"});
  return file;
}

TEST(Tokenizer, MergesByRankThenLeftmost) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_tiny(file));
  EXPECT_EQ(tokenizer->encode("abc"), (Tokens{4}));  // "b c" first, then "a bc"
  EXPECT_EQ(tokenizer->encode("abab"), (Tokens{3, 3}));
  EXPECT_EQ(tokenizer->encode(""), Tokens{});
  EXPECT_EQ(tokenizer->kind(), "BPE gpt-2");
  EXPECT_EQ(tokenizer->n_vocab(), 7);
}

TEST(Tokenizer, LongAndShortPiecesMergeAlike) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_tiny(file));
  // 8 symbols and 8000 of them take different code paths; the repeated text has the repeated ids.
  const Tokens once = tokenizer->encode("cabcabba");
  std::string text;
  Tokens repeated;
  for (int i = 0; i < 1000; ++i) {
    text += "cabcabba";
    repeated.insert(repeated.end(), once.begin(), once.end());
  }
  EXPECT_EQ(once, (Tokens{2, 4, 3, 1, 0}));
  EXPECT_EQ(tokenizer->encode(text), repeated);
}

TEST(Tokenizer, SpecialTokensAndEnds) {
  FakeFile file;
  fill_bpe(file, "qwen2", {{"<|im_end|>", 3}, {"<|im", 3}, {"TOOL", 4}});
  const auto tokenizer = Tokenizer::open(file);
  const Token end = static_cast<Token>(tokenizer->n_vocab() - 3);
  EXPECT_EQ(tokenizer->encode("<|im_end|><|im", true), (Tokens{end, end + 1}));
  EXPECT_GT(tokenizer->encode("<|im_end|>", false).size(), 1u);
  EXPECT_EQ(tokenizer->encode("TOOL", false), (Tokens{end + 2}));
  EXPECT_EQ(tokenizer->decode(end), "");
  EXPECT_EQ(tokenizer->decode(end, true), "<|im_end|>");
  EXPECT_EQ(tokenizer->decode(end + 2), "TOOL");
  EXPECT_EQ(tokenizer->eot, end);
  EXPECT_EQ(tokenizer->end_tokens, (Tokens{end}));
  EXPECT_FALSE(tokenizer->bos.has_value());
  EXPECT_FALSE(tokenizer->add_bos);
}

TEST(Tokenizer, BosDefaults) {
  for (const auto& [pre, by_default] : std::vector<std::pair<std::string, bool>>{
           {"gpt-2", false}, {"qwen2", false}, {"llama3", true}, {"tekken", true}}) {
    FakeFile file;
    fill_bpe(file, pre);
    file.set("tokenizer.ggml.bos_token_id", std::int64_t{7});
    EXPECT_EQ(Tokenizer::open(file)->add_bos, by_default) << pre;
    file.set("tokenizer.ggml.add_bos_token", !by_default);
    EXPECT_EQ(Tokenizer::open(file)->add_bos, !by_default) << pre;
  }
  FakeFile file;
  const auto spm = Tokenizer::open(fill_spm(file));
  EXPECT_TRUE(spm->add_bos);
  EXPECT_EQ(spm->decode(*spm->bos, true), "<s>");
  EXPECT_EQ(spm->decode(*spm->eos, true), "</s>");
}

TEST(Tokenizer, UnknownPretokenizerListsTheKnown) {
  FakeFile file;
  fill_bpe(file, "no-such");
  const std::string message = open_error(file);
  for (const char* part : {"'no-such'", "gpt-2", "smollm", "llama-bpe", "llama3", "qwen2", "deepseek-r1-qwen",
                           "deepseek-llm", "tekken", "mpt"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(Tokenizer, EveryAliasOpens) {
  const std::string known = Pretokenizer::known() + ", ";
  int names = 0;
  for (std::size_t at = 0, next; (next = known.find(", ", at)) != std::string::npos; at = next + 2, ++names)
    EXPECT_FALSE(Pretokenizer::named(known.substr(at, next - at)).name.empty());
  EXPECT_GT(names, 20);
}

TEST(Tokenizer, EveryShortByteSequenceRoundTrips) {
  FakeFile bpe_file, spm_file;
  const auto bpe = Tokenizer::open(fill_bpe(bpe_file, "llama-bpe"));
  const auto spm = Tokenizer::open(fill_spm(spm_file));
  const auto check = [&](const std::string& text) {
    ASSERT_EQ(bpe->decode(bpe->encode(text)), text);
    ASSERT_EQ(spm->decode(spm->encode(text)), " " + text);
  };
  for (int pair = 0; pair < 65536; ++pair) check({static_cast<char>(pair >> 8), static_cast<char>(pair)});
  Lcg lcg(3);
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (int k = 0; k < 4; ++k)
      text.push_back(static_cast<char>(lcg.next() % 2 ? 0xc0 + lcg.next() % 64 : 0x80 + lcg.next() % 64));
    check(replace_marks(text));
  }
}

TEST(Tokenizer, LongRunsTakeTimeInProportion) {
  for (const char* pre :
       {"gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-llm", "tekken", "falcon", "gpt-4o", "qwen35",
        "minicpm5", "seed-coder", "bailingmoe", "deepseek-coder", "deepseek-v3"}) {
    FakeFile file;
    const auto tokenizer = Tokenizer::open(fill_bpe(file, pre));
    const auto start = std::chrono::steady_clock::now();
    for (const char* unit : {"a", " ", "\n", "!", "7", " \n", "\xe4\xb8\xad", "aA", "\xff"}) {
      std::string text;
      while (text.size() < 300000) text += unit;
      text += "\xe4\xb8\xad";
      ASSERT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << pre << " " << unit;
    }
    // A quadratic merge or pattern would need minutes for the 2.7 MB.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << pre;
  }
}

/// A vocabulary of today: each pair of bytes is a token with a rule of its own, and single bytes stand behind
/// them, where 16 bits hold no id.
TEST(Tokenizer, MoreIdsThan16BitsHold) {
  const std::vector<std::string> bytes = gpt2_alphabet();
  std::vector<std::string> tokens, merges;
  for (const std::string& a : bytes)
    for (const std::string& b : bytes) tokens.push_back(a + b), merges.push_back(a + " " + b);
  tokens.insert(tokens.end(), bytes.begin(), bytes.end());
  FakeFile file;
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", std::string("gpt-2"));
  file.set("tokenizer.ggml.token_type", std::vector<std::int64_t>(tokens.size(), 1));
  file.set("tokenizer.ggml.tokens", std::move(tokens));
  file.set("tokenizer.ggml.merges", std::move(merges));
  const auto start = std::chrono::steady_clock::now();
  const auto tokenizer = Tokenizer::open(file);
  ASSERT_EQ(tokenizer->n_vocab(), 65536 + 256);
  EXPECT_EQ(tokenizer->encode("zyx"), (Tokens{65536 + 'z', 256 * 'y' + 'x'}));  // "y x" comes first
  EXPECT_EQ(tokenizer->encode("\xff"), (Tokens{65536 + 0xff}));
  std::string text;
  Lcg lcg(5);
  for (int i = 0; i < 100000; ++i) text.push_back(static_cast<char>(lcg.next()));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Tokenizer, MissingByteTokens) {
  FakeFile file;
  fill_tiny(file);
  EXPECT_NE(error_of([&] { Tokenizer::open(file)->encode("abcd"); }).find("a token for every byte"),
            std::string::npos);
  file.set("tokenizer.ggml.unknown_token_id", std::int64_t{5});
  EXPECT_EQ(Tokenizer::open(file)->encode("abcd"), (Tokens{4, 5}));
}

/// Not by its spelling: what a file names, and nothing where it names none.
TEST(Tokenizer, UnkIsTheTokenThatTheFileNames) {
  FakeFile file;
  fill_tiny(file);
  EXPECT_EQ(Tokenizer::open(file)->unk, std::nullopt);
  file.set("tokenizer.ggml.unknown_token_id", std::int64_t{5});
  EXPECT_EQ(Tokenizer::open(file)->unk, Token{5});
  FakeFile scored;
  EXPECT_EQ(Tokenizer::open(fill_spm(scored))->unk, Token{0});
  Json document = Json::parse(read_golden("tokenizer_hf_llama.json"));
  const auto named = [&](const Json& name) {
    document["model"]["unk_token"] = name;
    return parse_hf_tokenizer(document.dump(), "", "tokenizer.json")->unk;
  };
  EXPECT_EQ(named("<unk>"), Token{0});
  EXPECT_EQ(named("</s>"), Token{2});
  EXPECT_EQ(named(nullptr), std::nullopt);
}

TEST(Tokenizer, ByteFromStrictSpellingOnly) {
  const std::string alphabet = "<0x-19afAFgGzZ> +";
  int accepted = 0;
  for (char a : alphabet)
    for (char b : alphabet) {
      const bool hex =
          std::isxdigit(static_cast<unsigned char>(a)) && std::isxdigit(static_cast<unsigned char>(b));
      const auto byte = parse_byte_piece(std::string("<0x") + a + b + ">");
      EXPECT_EQ(byte.has_value(), hex) << a << b;
      accepted += byte.has_value();
    }
  EXPECT_GT(accepted, 0);
  EXPECT_EQ(parse_byte_piece("<0x7F>"), std::optional<unsigned char>(0x7f));
  for (const char* wrong : {"", "<0x>", "<0x1>", "<0x111>", "<0X11>", "[0x11>", "<0x-1>", "<0x11 ", "0x11"})
    EXPECT_FALSE(parse_byte_piece(wrong).has_value()) << wrong;
}

TEST(Tokenizer, SpmTextNeverBecomesControlOrBytePieces) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_spm(file));
  for (const char* text : {"<s>", "</s>", "<unk>", "<0x41>"}) {
    const Tokens ids = tokenizer->encode(text);
    EXPECT_GT(ids.size(), 1u) << text;
    EXPECT_EQ(tokenizer->decode(ids), " " + std::string(text));
  }
  EXPECT_EQ(tokenizer->encode("<s>", true), (Tokens{*tokenizer->bos}));
}

TEST(Tokenizer, DecodeOutsideVocabulary) {
  FakeFile file;
  const auto tokenizer = Tokenizer::open(fill_tiny(file));
  EXPECT_THROW(tokenizer->decode(7), Error);
  EXPECT_THROW(tokenizer->decode(-1), Error);
}

TEST(Tokenizer, DamagedMetadata) {
  using Strings = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  using Doubles = std::vector<double>;
  const auto bpe_error = [](const std::string& key, MetaValue value) {
    FakeFile file;
    fill_tiny(file).set(key, std::move(value));
    return open_error(file);
  };
  const auto spm_error = [](const std::string& key, MetaValue value) {
    FakeFile file;
    fill_spm(file).set(key, std::move(value));
    return open_error(file);
  };
  const std::string prefix = "tokenizer.ggml.";
  FakeFile good;
  EXPECT_EQ(open_error(fill_tiny(good)), "");
  EXPECT_NE(open_error(FakeFile()), "");
  EXPECT_NE(bpe_error(prefix + "model", std::string("bert")), "");
  EXPECT_NE(bpe_error(prefix + "model", std::int64_t{1}), "");
  EXPECT_NE(bpe_error(prefix + "tokens", Strings{}), "");
  EXPECT_NE(bpe_error(prefix + "tokens", Integers{1}), "");
  EXPECT_NE(bpe_error(prefix + "tokens", Strings(7, std::string(kMaxPieceBytes + 1, 'x'))), "");
  for (std::int64_t type : {-1, 7, 257, 1 << 30})
    EXPECT_NE(bpe_error(prefix + "token_type", Integers(7, type)), "");
  EXPECT_NE(bpe_error(prefix + "token_type", Integers(6, 1)), "");
  EXPECT_NE(bpe_error(prefix + "token_type", Doubles(7, 1)), "");
  EXPECT_NE(bpe_error(prefix + "merges", Strings{"a"}), "");
  EXPECT_NE(bpe_error(prefix + "merges", Strings{"a x"}), "");
  EXPECT_NE(bpe_error(prefix + "merges", Strings{"a c"}), "");
  EXPECT_NE(bpe_error(prefix + "merges", Strings{""}), "");
  for (const char* key : {"bos_token_id", "eos_token_id", "eot_token_id", "unknown_token_id"}) {
    for (std::int64_t id : {std::int64_t{7}, std::int64_t{-2}, std::numeric_limits<std::int64_t>::max()})
      EXPECT_NE(bpe_error(prefix + key, id), "") << key << " " << id;
    EXPECT_EQ(bpe_error(prefix + key, std::int64_t{-1}), "");  // how some writers say "none"
  }
  EXPECT_NE(spm_error(prefix + "scores", Doubles(3, 0.0)), "");
  EXPECT_NE(spm_error(prefix + "scores", Integers(3, 0)), "");
  EXPECT_NE(spm_error(prefix + "scores", Doubles(2000, std::numeric_limits<double>::quiet_NaN())), "");
}

TEST(Tokenizer, DamagedTokenizerJson) {
  const Json good = parse_json(read_golden("tokenizer_hf_qwen.json"), "tokenizer_hf_qwen.json");
  const auto error = [&](const char* pointer, const Json& value) {
    Json document = good;
    document[Json::json_pointer(pointer)] = value;
    return error_of([&] { parse_hf_tokenizer(document.dump(), "", "tokenizer.json"); });
  };
  EXPECT_EQ(error_of([&] { parse_hf_tokenizer(good.dump(), "", "tokenizer.json"); }), "");
  EXPECT_NE(error("/model/type", "WordLevel").find("BPE"), std::string::npos);
  EXPECT_NE(error("/model/vocab", Json::object()), "");
  EXPECT_NE(error("/model/vocab", 3), "");
  for (const Json& id : {Json(-1), Json(1 << 30), Json(~std::uint64_t{0}), Json(0.5), Json("0"), Json(1)})
    EXPECT_NE(error("/model/vocab/!", id), "") << id;
  for (const Json& rule :
       {Json(7), Json("a"), Json::array({"a"}), Json::array({"a", 1}), Json::array({"a", "qqqq"})})
    EXPECT_NE(error("/model/merges/0", rule), "") << rule;
  EXPECT_NE(error("/model/continuing_subword_prefix", "##"), "");
  EXPECT_NE(error("/normalizer", Json{{"type", "NFKC"}}).find("NFKC"), std::string::npos);
  EXPECT_NE(error("/pre_tokenizer", Json{{"type", "Whitespace"}}).find("Whitespace"), std::string::npos);
  EXPECT_NE(error("/pre_tokenizer", nullptr), "");
  const Json split = {
      {"type", "Split"}, {"behavior", "Isolated"}, {"invert", false}, {"pattern", {{"Regex", "a(b"}}}};
  EXPECT_NE(error("/pre_tokenizer", split).find("a(b"), std::string::npos);
  const Json merged = {
      {"type", "Split"}, {"behavior", "MergedWithNext"}, {"invert", true}, {"pattern", {{"String", ""}}}};
  EXPECT_NE(error("/pre_tokenizer", merged).find("MergedWithNext"), std::string::npos);
  const Json empty = {{"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"String", ""}}}};
  EXPECT_NE(error("/pre_tokenizer", empty).find("not empty"), std::string::npos);
  const Json punctuation = {{"type", "Punctuation"}, {"behavior", "Sideways"}};
  EXPECT_NE(error("/pre_tokenizer", punctuation).find("Sideways"), std::string::npos);
  EXPECT_NE(error("/added_tokens/0/id", -5), "");
  EXPECT_NE(error("/added_tokens/0/single_word", true), "");
  const std::string text = good.dump();
  for (std::size_t size = 0; size < text.size(); size += 97)
    EXPECT_NE(error_of([&] { parse_hf_tokenizer(text.substr(0, size), "", "tokenizer.json"); }), "") << size;
  const std::string broken = error_of([&] { parse_hf_tokenizer("{", "", "tokenizer.json"); });
  EXPECT_EQ(broken.find("json.exception"), std::string::npos) << broken;
  EXPECT_NE(broken.find("found parse error"), std::string::npos) << broken;
  EXPECT_NE(error_of([&] { parse_hf_tokenizer(std::string(100000, '['), "", "tokenizer.json"); }), "");
}

/// The ids are those of tokenizers 0.23.3: encode("the cat") of the same tokenizer.json.
TEST(Tokenizer, EveryTokenOfATemplateStandsBeforeTheText) {
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const auto token = [](const char* name) { return Json{{"SpecialToken", {{"id", name}, {"type_id", 0}}}}; };
  const Json special_tokens = {{"<|endoftext|>", {{"ids", {900}}}},
                               {"<|im_start|>", {{"ids", {901}}}},
                               {"both", {{"ids", {901, 900}}}},
                               {"outside", {{"ids", {99999}}}}};
  const Json byte_level = {{"type", "ByteLevel"}};
  const auto parse = [&](const Json& processor, const char* config = "") {
    Json document = parse_json(read_golden("tokenizer_hf_qwen.json"), "tokenizer_hf_qwen.json");
    document["post_processor"] = {{"type", "Sequence"}, {"processors", {byte_level, processor}}};
    return parse_hf_tokenizer(document.dump(), config, "tokenizer.json");
  };
  const auto of = [&](const Json& single) {
    return Json{{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", special_tokens}};
  };
  const auto ids = [&](const Json& single, const char* config = "") {
    const auto tokenizer = parse(of(single), config);
    Tokens all = tokenizer->text_begin();
    const Tokens words = tokenizer->encode("the cat");
    all.insert(all.end(), words.begin(), words.end());
    return all;
  };
  const Json glm = {token("<|endoftext|>"), token("<|im_start|>"), text};  // as GLM-4's [gMASK] <sop> $A
  EXPECT_EQ(ids(glm), (Tokens{900, 901, 434, 283, 290}));
  EXPECT_EQ(ids({token("both"), text}), (Tokens{901, 900, 434, 283, 290}));
  EXPECT_EQ(ids({token("<|im_start|>"), text}), (Tokens{901, 434, 283, 290}));
  EXPECT_EQ(ids(Json::array({text})), (Tokens{434, 283, 290}));
  EXPECT_EQ(ids(glm, R"({"bos_token": "<|im_end|>"})"), (Tokens{900, 901, 434, 283, 290}));
  EXPECT_EQ(ids(glm, R"({"add_bos_token": false})"), (Tokens{434, 283, 290}));
  EXPECT_EQ(parse(of(glm))->bos, Token{900});
  // What reads on cannot keep what stands behind a text: it is named, never dropped.
  const auto error = [&](const Json& processor) { return error_of([&] { parse(processor); }); };
  EXPECT_NE(error(of({text, token("<|endoftext|>")})).find("<|endoftext|>"), std::string::npos);
  EXPECT_NE(error(of({token("<|im_start|>"), text, token("<|endoftext|>")})).find("nothing behind"),
            std::string::npos);
  EXPECT_NE(error(of({text, text})), "");
  EXPECT_NE(error(of({token("outside"), text})).find("outside"), std::string::npos);
  EXPECT_NE(error(of({token("nowhere"), text})).find("nowhere"), std::string::npos);
  EXPECT_NE(error(of(3)), "");
  EXPECT_NE(error({{"type", "RobertaProcessing"}}).find("RobertaProcessing"), std::string::npos);
}

TEST(Tokenizer, TokenizerJsonFolderAndConfig) {
  FakeFile file;
  file.set_folder("/no/such/folder");
  EXPECT_NE(open_error(file).find("tokenizer.json"), std::string::npos);
  const std::string config =
      R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "chat_template": "[INST] x"})";
  const auto tokenizer = parse_hf_tokenizer(read_golden("tokenizer_hf_llama.json"), config, "tokenizer.json");
  EXPECT_EQ(tokenizer->bos, Token{1});
  EXPECT_EQ(tokenizer->eos, Token{2});
  EXPECT_TRUE(tokenizer->add_bos);  // the template of the post-processor begins with <s>
  EXPECT_EQ(tokenizer->chat_template, "[INST] x");
  const std::string text = "ab \xf0\x9f\x98\x80 \xff";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), " " + text);
}

}  // namespace
}  // namespace rw
