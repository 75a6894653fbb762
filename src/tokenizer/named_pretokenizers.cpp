// SPDX-License-Identifier: Apache-2.0
/// The pre-tokenizers that a GGUF calls by name (tokenizer.ggml.pre), as the tokenizer.json of the models has
/// them. Names: llama.cpp's converter, which tells them apart by the ids of a test text.
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <tuple>

#include "core/error.h"
#include "tokenizer/pretokenize.h"

namespace rw {

const std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string_view kNumberPattern = R"(\p{N})";
const std::string_view kPunctuationPattern = R"([\p{P}$+<=>^`|~])";

namespace {

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
/// Marks belong to the letters.
constexpr std::string_view kQwen35Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kMinicpm5Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kSeedCoderPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBailingPattern =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*)"
    R"(|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4oPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
/// tiktoken's of Kimi K2: o200k's, in which Chinese characters are apart from the letters.
constexpr std::string_view kKimiPattern =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kYoutuScripts =
    R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+)"
    R"(|[\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B}\x{FF0C})"
    R"(\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+)"
    R"(|[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kYoutuPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kExaoneMoePattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kUfakzekaPattern =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kJais2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S))"
    R"(|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
/// The authors' class has a bracket in it: [^(\s|[.,!?...])].
constexpr std::string_view kBloomPattern =
    R"( ?[^(\s|[.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C}])]+)";
constexpr std::string_view kLagunaLines = R"((?:\r?\n)+(?!\r?\n))";

// Numbers in groups of three, counted from their end. The authors' patterns look ahead to the end of the
// number at each of its digits; these find the first group so, and each other one right behind the one before
// (\G): linear in a long number.
/// Of \d{1,3}(?=(?:\d{3})*\b).
constexpr std::string_view kAyaDigits =
    R"((?<!\d)\d{1,3}(?=(?:\d{3})*+(?![\p{L}\p{M}\p{N}\p{Pc}]))|\G(?<=\d)\d{3})";
constexpr std::string_view kAfmoeDigits =
    R"((?<!\p{N})\p{N}{1,3}(?=(?:\p{N}{3})*+(?!\p{N}))|\G(?<=\p{N})\p{N}{3})";
/// Of (?=(\d{3})+(?!\d)), which is empty and cuts before each group: each begins a piece (Cut::kWithNext).
constexpr std::string_view kSuperbpeDigits =
    R"((?:(?<!\d)(?:\d{0,2}(?=(?:\d{3})++(?!\d)))\K|\G(?<=\d))\d{3})";
constexpr std::string_view kAfmoeScripts =
    R"([\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{F900}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF})"
    R"(\x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-\x{17FF})"
    R"(\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}]+)";

constexpr std::string_view kDeepseek3Pattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kSparkPattern =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+)"
    R"(|[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepseek3East = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kDeepseekEast = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
/// Letters with case, as the authors list them, not \p{LC}: later Unicode versions would change it.
constexpr std::string_view kDeepseekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A})"
    R"(\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
    R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
    R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D})"
    R"(\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC})"
    R"(\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128})"
    R"(\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183})"
    R"(\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943})"
    R"(]+)";

struct Cutting {
  Cutting(std::string_view of) : pattern(of) {}  // NOLINT: a pattern alone cuts so
  Cutting(const char* of) : pattern(of) {}       // NOLINT
  Cutting(std::string_view of, Cut how) : pattern(of), cut(how) {}
  std::string_view pattern;
  Cut cut = Cut::kIsolate;
};

struct Named {
  std::string_view name;
  std::string_view aliases;  ///< separated by spaces
  std::vector<Cutting> patterns;
  std::vector<std::string_view> behind_bytes = {};  ///< patterns of the steps after ByteLevel
  bool whole_words = false, add_bos = false, nfc = false;
};

const std::vector<Named>& named_list() {
  static const std::vector<Named> list = {
      {"gpt-2",
       "gpt2 phi-2 jais jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert "
       "exaone4 trillion granite-docling",
       {kGpt2Pattern}},
      {.name = "olmo", .aliases = "mpt", .patterns = {kGpt2Pattern}, .nfc = true},  // GPT-NeoX
      {"smollm", "starcoder refact codeshell exaone minerva-7b mellum2", {kNumberPattern, kGpt2Pattern}},
      {.name = "command-r", .aliases = "", .patterns = {kNumberPattern, kGpt2Pattern}, .nfc = true},
      // Numbers and their groups of three are found behind ByteLevel; "\xb2" is a number there, and cuts.
      {"falcon", "", {R"([\p{P}$+<=>^`|~]+)", kGpt2Pattern}, {R"(\p{N}+)", R"([0-9][0-9][0-9])"}},
      {.name = "llama-bpe",
       .aliases = "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
       .patterns = {kLlama3Pattern},
       .whole_words = true,
       .add_bos = true},
      {"dbrx", "smaug-bpe chatglm-bpe", {kLlama3Pattern}},
      {.name = "glm4", .aliases = "glm5", .patterns = {kLlama3Pattern}, .whole_words = true},
      {.name = "minicpm5",
       .aliases = "",
       .patterns = {R"(\p{N}{1,3})", kMinicpm5Pattern},
       .whole_words = true},
      {.name = "qwen2",
       .aliases = "qwen25 deepseek-r1-qwen stablelm2",
       .patterns = {kQwen2Pattern},
       .nfc = true},
      {"hunyuan", "kormo f2llmv2 megrez solar-open grok-2", {kQwen2Pattern}},  // nothing known of NFC
      {.name = "qwen35", .aliases = "", .patterns = {kQwen35Pattern}, .nfc = true},
      {"seed-coder", "", {kSeedCoderPattern}},
      {"bailingmoe", "bailingmoe2 llada-moe", {kBailingPattern}},
      {"deepseek-llm",
       "",
       {R"([\r\n])", kDeepseekLetters,
        R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
        // The authors' \s+$; the look-behind keeps a long run of spaces from being tried at each of its
        // places.
        R"((?<!\s)\s++\z)", kDeepseekEast, kNumberPattern}},
      {"deepseek-coder", "", {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekEast, kNumberPattern}},
      {"deepseek-v3", "hunyuan-dense joyai-llm hy_v4", {R"(\p{N}{1,3})", kDeepseek3East, kDeepseek3Pattern}},
      {"spark2_5", "", {R"(\p{N}{1,3})", kDeepseek3East, kSparkPattern, kNumberPattern}},
      {.name = "tekken", .aliases = "", .patterns = {kTekkenPattern}, .whole_words = true, .add_bos = true},
      {"gpt-4o", "llama4 kanana2 talkie minimax-m2", {kGpt4oPattern}},
      {.name = "granite-embed-multi-97m", .aliases = "", .patterns = {kGpt4oPattern}, .whole_words = true},
      {"kimi-k2", "", {kKimiPattern}},
      {.name = "youtu", .aliases = "", .patterns = {kYoutuScripts, kYoutuPattern}, .whole_words = true},
      {"exaone-moe", "", {kExaoneMoePattern}},
      {"ufakzeka", "", {kUfakzekaPattern}},
      {"jais-2", "", {kJais2Pattern}},
      {"bloom", "poro-chat gpt3-finnish", {kBloomPattern}},
      {"viking", "", {kBloomPattern, kNumberPattern}},
      {"laguna", "", {{kLagunaLines, Cut::kWithNext}, kQwen2Pattern}},
      {"tiny_aya", "cohere2moe", {kAyaDigits, kGpt4oPattern}},
      {"afmoe", "", {kAfmoeDigits, kAfmoeScripts, kDeepseek3Pattern}},
      {"superbpe", "", {R"(\p{N}+)", {kSuperbpeDigits, Cut::kWithNext}}},
      {.name = "chameleon",
       .aliases = "",
       .patterns = {"<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", R"([\t\n]|    |  )", kNumberPattern,
                    R"([\p{P}!-/:-@\[-`{-~])", kGpt2Pattern},
       .add_bos = true},
  };
  return list;
}

/// Whether `word` is one of the space-separated `words`.
bool listed(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  return fmt::format(" {} ", words).find(fmt::format(" {} ", word)) != std::string::npos;
}

}  // namespace

Pretokenizer Pretokenizer::named(std::string_view name) {
  for (const Named& entry : named_list()) {
    if (entry.name != name && !listed(entry.aliases, name)) continue;
    Pretokenizer result;
    result.name = entry.name;
    result.whole_words = entry.whole_words;
    result.add_bos = entry.add_bos;
    result.nfc = entry.nfc;
    const std::string place = fmt::format("pre-tokenizer {}", entry.name);
    for (const Cutting& step : entry.patterns) result.add(Regex(step.pattern, place), step.cut);
    for (std::string_view pattern : entry.behind_bytes) result.add_behind_bytes(Regex(pattern, place));
    return result;
  }
  throw Error("tokenizer.ggml.pre", fmt::format("one of {}", known()), fmt::format("'{}'", name),
              "this pre-tokenizer is not implemented; guessing one would give wrong token ids");
}

std::string Pretokenizer::known_as() const {
  using Steps = std::vector<std::tuple<std::string, Cut, bool>>;
  Steps own;
  for_each_step(
      [&](const std::string& pattern, Cut cut, bool behind) { own.emplace_back(pattern, cut, behind); });
  for (const Named& entry : named_list()) {
    if (entry.whole_words != whole_words || entry.nfc != nfc) continue;
    Steps named;
    for (const Cutting& step : entry.patterns) named.emplace_back(step.pattern, step.cut, false);
    for (const std::string_view pattern : entry.behind_bytes)
      named.emplace_back(pattern, Cut::kIsolate, true);
    if (named == own) return std::string(entry.name);
  }
  return "";
}

std::vector<std::string> Pretokenizer::names() {
  std::vector<std::string> all;
  for (const Named& entry : named_list()) {
    all.emplace_back(entry.name);
    std::istringstream aliases{std::string(entry.aliases)};
    for (std::string alias; aliases >> alias;) all.push_back(alias);
  }
  return all;
}

std::string Pretokenizer::known() { return fmt::format("{}", fmt::join(names(), ", ")); }

}  // namespace rw
