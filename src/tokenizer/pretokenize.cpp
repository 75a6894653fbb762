// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pretokenize.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace ropewalk {

const std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
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

struct Named {
  std::string_view name;
  std::string_view aliases;  ///< separated by spaces
  std::vector<std::string_view> patterns;
  bool whole_words = false, add_bos = false, nfc = false;
};

const std::vector<Named>& named_list() {
  static const std::vector<Named> list = {
      {"gpt-2",
       "gpt2 phi-2 jais jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert "
       "exaone4 "
       "trillion granite-docling",
       {kGpt2Pattern}},
      {"olmo", "mpt", {kGpt2Pattern}, false, false, true},  // GPT-NeoX
      {"smollm", "starcoder refact codeshell exaone minerva-7b", {R"(\p{N})", kGpt2Pattern}},
      {"command-r", "", {R"(\p{N})", kGpt2Pattern}, false, false, true},
      {"llama-bpe", "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", {kLlama3Pattern}, true, true},
      {"qwen2", "qwen25 deepseek-r1-qwen", {kQwen2Pattern}, false, false, true},
      {"stablelm2", "kormo f2llmv2 megrez hunyuan", {kQwen2Pattern}},  // nothing known of NFC
      {"deepseek-llm",
       "",
       {R"([\r\n])", kDeepseekLetters,
        R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
        // The authors' \s+$; the look-behind keeps a long run of spaces from being tried at each of its
        // places.
        R"((?<!\s)\s++\z)", R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)", R"(\p{N})"}},
      {"tekken", "", {kTekkenPattern}, true, true},
  };
  return list;
}

/// Whether `word` is one of the space-separated `words`.
bool listed(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  return fmt::format(" {} ", words).find(fmt::format(" {} ", word)) != std::string::npos;
}

/// PCRE2's \s also holds U+180E; the models' own engines follow Unicode's White_Space, which does not.
std::string with_exact_spaces(std::string_view pattern) {
  constexpr std::string_view kSpaces =
      R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
  std::string result;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\' || i + 1 == pattern.size()) {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      result.push_back(c);
      continue;
    }
    const char kind = pattern[++i];
    if (kind == 's')
      result += in_class ? std::string(kSpaces) : fmt::format("[{}]", kSpaces);
    else if (kind == 'S' && !in_class)
      result += fmt::format("[^{}]", kSpaces);
    else
      result.append({c, kind});
  }
  return result;
}

}  // namespace

struct Regex::State {
  struct Delete {
    void operator()(pcre2_code* p) const { pcre2_code_free(p); }
    void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
    void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  };
  std::unique_ptr<pcre2_code, Delete> code;
  std::unique_ptr<pcre2_match_context, Delete> limits;
  std::string place;

  /// Match from `start` on; false when there is none. The caller has checked the UTF-8.
  bool find(std::string_view text, std::size_t start, pcre2_match_data* data) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int rc = pcre2_match(code.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK, data, limits.get());
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)  // the interpreter works on the heap
      rc = pcre2_match(code.get(), subject, text.size(), start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
                       limits.get());
    if (rc == PCRE2_ERROR_NOMATCH) return false;
    if (rc < 0)
      throw Error(place, "a text that the pattern cuts within its limits", fmt::format("PCRE2 error {}", rc),
                  "the pattern backtracks too much on this text");
    return true;
  }
};

Regex::Regex(std::string_view pattern, std::string_view place) : state_(std::make_unique<State>()) {
  if (pattern.size() > 16384)
    throw Error(place, "a pattern of at most 16384 bytes", std::to_string(pattern.size()));
  if (pattern.find("&&") != std::string_view::npos || pattern.find("(*") != std::string_view::npos)
    throw Error(place, "a pattern without class intersections or verbs", std::string(pattern));
  const std::string exact = with_exact_spaces(pattern);
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::uint32_t flags = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  state_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(exact.data()), exact.size(), flags, &error,
                                   &offset, nullptr));
  if (!state_->code) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(error, message.data(), message.size());
    throw Error(place, "a regular expression that PCRE2 reads",
                fmt::format("{} ({})", pattern, reinterpret_cast<const char*>(message.data())));
  }
  pcre2_jit_compile(state_->code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter serves
  state_->limits.reset(pcre2_match_context_create(nullptr));
  RW_CHECK(state_->limits != nullptr);
  pcre2_set_heap_limit(state_->limits.get(), 256 * 1024);  // KiB
  state_->place = place;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

void Regex::split(std::string_view text, bool drop_gaps, std::vector<std::string_view>& pieces) const {
  const std::unique_ptr<pcre2_match_data, State::Delete> data(
      pcre2_match_data_create_from_pattern(state_->code.get(), nullptr));
  RW_CHECK(data != nullptr);
  const PCRE2_SIZE* span = pcre2_get_ovector_pointer(data.get());
  std::size_t done = 0, from = 0;
  while (from < text.size() && state_->find(text, from, data.get())) {
    const std::size_t begin = std::max(span[0], done), end = span[1];
    if (end <= begin) {  // an empty match cuts nothing: look on behind the next character
      from = std::max(from, end) + 1;
      while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0u) == 0x80u) ++from;
      continue;
    }
    if (begin > done && !drop_gaps) pieces.push_back(text.substr(done, begin - done));
    pieces.push_back(text.substr(begin, end - begin));
    done = from = end;
  }
  if (done < text.size() && !drop_gaps) pieces.push_back(text.substr(done));
}

Pretokenizer Pretokenizer::named(std::string_view name) {
  for (const Named& entry : named_list()) {
    if (entry.name != name && !listed(entry.aliases, name)) continue;
    Pretokenizer result;
    result.name = entry.name;
    result.whole_words = entry.whole_words;
    result.add_bos = entry.add_bos;
    result.nfc = entry.nfc;
    for (std::string_view pattern : entry.patterns)
      result.add(Regex(pattern, fmt::format("pre-tokenizer {}", entry.name)));
    return result;
  }
  throw Error("tokenizer.ggml.pre", fmt::format("one of {}", known()), fmt::format("'{}'", name),
              "this pre-tokenizer is not implemented; guessing one would give wrong token ids");
}

std::string Pretokenizer::known() {
  std::string list;
  for (const Named& entry : named_list()) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", entry.name);
    std::string aliases(entry.aliases);
    for (std::size_t at = 0; (at = aliases.find(' ', at)) != std::string::npos; at += 2)
      aliases.replace(at, 1, ", ");
    if (!aliases.empty()) list += ", " + aliases;
  }
  return list;
}

void Pretokenizer::split(std::string_view text, std::vector<std::string_view>& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  pieces.push_back(text);
  std::vector<std::string_view> next;
  for (const Step& step : steps_) {
    next.clear();
    for (std::string_view piece : pieces) step.regex.split(piece, step.drop_gaps, next);
    pieces.swap(next);
  }
}

}  // namespace ropewalk
