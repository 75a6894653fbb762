// SPDX-License-Identifier: Apache-2.0
/// Bytes -> a small vocabulary and a text: opening ends in a tokenizer or an Error, encoding and decoding
/// never crash, and where the vocabulary covers every byte the text comes back.
///
/// Input: byte 0 the kind (0 byte-level BPE, 1 SentencePiece, 2 tokenizer.json, 3 WordPiece, 4
/// tokenizer.model, 5 BPE of text, 6 Unigram, 7 tekken.json), then for all but 2: byte 1 a pre-tokenizer or
/// flags, byte 2 the number of extra tokens, each a length byte (low 4 bits; bit 4: leave the kind odd), the
/// bytes; the rest is text. For 2: tokenizer.json, a zero byte, text. For 4: two bytes, the size of the
/// message; it; text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/hf_tekken.h"
#include "tokenizer/piece_tokenizer.h"
#include "tokenizer/sentencepiece_model.h"

namespace {

using namespace rw;

class MemoryFile : public ModelFile {
 public:
  void set(const std::string& key, MetaValue value) { metadata_[key] = std::move(value); }
};

struct Input {
  std::string_view rest;
  std::uint8_t byte() {
    if (rest.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest[0]);
    rest.remove_prefix(1);
    return value;
  }
  std::string bytes(std::size_t n) {
    const std::string_view taken = rest.substr(0, n);
    rest.remove_prefix(taken.size());
    return std::string(taken);
  }
};

void require(bool condition) {
  if (!condition) std::abort();  // what libFuzzer and the corpus test see as a finding
}

/// Encodes, whole and in parts, and decodes; `prefix`: what decoding puts before the text.
void exercise(Tokenizer& tokenizer, std::string_view text, bool round_trip, std::string_view prefix) {
  for (bool special : {false, true}) {
    const std::vector<Token> ids = tokenizer.encode(text, special);
    for (Token id : ids) require(id >= 0 && id < tokenizer.n_vocab());
    const std::string back = tokenizer.decode(ids, special);
    if (round_trip) require(back == (text.empty() ? "" : std::string(prefix) + std::string(text)));
  }
  const std::size_t half = text.size() / 2;
  const TextPart parts[] = {{text.substr(0, half), false}, {text.substr(half), false}};
  require(tokenizer.encode_parts(parts) == tokenizer.encode(text));
}

/// Appends the extra tokens; true when all of them are ordinary.
bool add_tokens(Input& input, bool spell, std::vector<std::string>& tokens, std::vector<std::int64_t>& kinds,
                std::vector<std::string>& rules) {
  bool ordinary = true;
  const std::size_t count = input.byte();
  for (std::size_t i = 0; i < count && !input.rest.empty(); ++i) {
    const std::uint8_t head = input.byte();
    std::string bytes = input.bytes(head & 15u);
    const bool odd = (head & 16u) != 0;
    ordinary = ordinary && !odd;
    kinds.push_back(odd ? 1 + head / 32 : 1);
    if (spell && !odd && bytes.size() > 1) {
      const ByteAlphabet& alphabet = ByteAlphabet::get();
      const std::size_t cut = 1 + (head >> 5) % (bytes.size() - 1);
      const std::string left = alphabet.spell(bytes.substr(0, cut)),
                        right = alphabet.spell(bytes.substr(cut));
      const bool known = std::find(tokens.begin(), tokens.end(), left) != tokens.end() &&
                         std::find(tokens.begin(), tokens.end(), right) != tokens.end();
      if (known) rules.push_back(left + " " + right);
    }
    tokens.push_back(spell && !odd ? ByteAlphabet::get().spell(bytes) : std::move(bytes));
  }
  return ordinary;
}

void byte_bpe(Input input) {
  constexpr std::string_view kNames[] = {
      "gpt-2",      "smollm",     "llama-bpe",      "qwen2",       "deepseek-llm", "tekken",
      "none",       "falcon",     "gpt-4o",         "qwen35",      "minicpm5",     "dbrx",
      "seed-coder", "bailingmoe", "deepseek-coder", "deepseek-v3", "kimi-k2",      "youtu",
      "exaone-moe", "spark2_5",   "jais-2",         "bloom",       "viking",       "laguna",
      "tiny_aya",   "afmoe",      "superbpe",       "chameleon",   "default"};
  const std::uint8_t flags = input.byte();
  const std::string_view name = kNames[flags % std::size(kNames)];
  MemoryFile file;
  std::vector<std::string> tokens, rules;
  std::vector<std::int64_t> kinds;
  const bool covered = (flags & 128u) == 0;
  for (int byte = 0; byte < (covered ? 256 : 128); ++byte) {
    tokens.push_back(ByteAlphabet::get().spelling(static_cast<unsigned char>(byte)));
    kinds.push_back(1);
  }
  const bool ordinary = add_tokens(input, true, tokens, kinds, rules);
  file.set("tokenizer.ggml.model", std::string("gpt2"));
  file.set("tokenizer.ggml.pre", std::string(name));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.merges", rules);
  file.set("tokenizer.ggml.eos_token_id", std::int64_t{flags} * 2);
  const bool composes = name == "qwen2" || name == "qwen35";  // NFC: decomposed text does not come back
  exercise(*Tokenizer::open(file), input.rest, covered && ordinary && !composes, "");
}

void sentencepiece(Input input) {
  const std::uint8_t flags = input.byte();
  MemoryFile file;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", std::string(kSpaceMark)}, rules;
  std::vector<std::int64_t> kinds = {2, 3, 3, 1};
  const bool covered = (flags & 128u) == 0;
  for (int byte = 0; byte < (covered ? 256 : 17); ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    kinds.push_back(6);
  }
  const bool ordinary = add_tokens(input, false, tokens, kinds, rules);
  std::vector<double> scores;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    scores.push_back(-static_cast<double>(i % (1u + flags % 64u)));
  file.set("tokenizer.ggml.model", std::string("llama"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.scores", scores);
  // A text that spells a mark or a control token does not come back, by design.
  const bool plain =
      input.rest.find(kSpaceMark) == std::string_view::npos && input.rest.find('<') == std::string_view::npos;
  exercise(*Tokenizer::open(file), input.rest, covered && ordinary && plain, " ");
}

void text_bpe(Input input) {
  const std::uint8_t flags = input.byte();
  MemoryFile file;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", std::string(kSpaceMark)}, rules;
  std::vector<std::int64_t> kinds = {2, 3, 3, 1};
  const bool covered = (flags & 128u) == 0;
  for (int byte = 0; byte < (covered ? 256 : 17); ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    kinds.push_back(6);
  }
  add_tokens(input, false, tokens, kinds, rules);
  const auto known = [&](std::string_view piece) {
    return std::find(tokens.begin(), tokens.end(), piece) != tokens.end();
  };
  for (const std::string& token : tokens)
    for (std::size_t cut = 1; cut < token.size(); ++cut)
      if (token.find(' ') == std::string::npos && known(token.substr(0, cut)) && known(token.substr(cut)))
        rules.push_back(token.substr(0, cut) + " " + token.substr(cut));
  file.set("tokenizer.ggml.model", std::string((flags & 1u) != 0 ? "gpt2" : "gemma4"));
  file.set("tokenizer.ggml.pre", std::string("sarvam-moe"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.merges", rules);
  exercise(*Tokenizer::open(file), input.rest, false, "");
}

void unigram(Input input) {
  const std::uint8_t flags = input.byte();
  MemoryFile file;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", std::string(kSpaceMark), "a", "b"}, rules;
  std::vector<std::int64_t> kinds = {2, 3, 3, 1, 1, 1}, map;
  for (const char c : input.bytes(4u * input.byte())) map.push_back(c);
  add_tokens(input, false, tokens, kinds, rules);
  std::vector<double> scores;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    scores.push_back(-static_cast<double>(i % (1u + flags % 64u)) * ((flags & 64u) != 0 ? -1 : 1));
  file.set("tokenizer.ggml.model", std::string("t5"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.scores", scores);
  file.set("tokenizer.ggml.add_space_prefix", (flags & 1u) != 0);
  file.set("tokenizer.ggml.remove_extra_whitespaces", (flags & 2u) != 0);
  if (!map.empty()) file.set("tokenizer.ggml.precompiled_charsmap", map);
  const auto tokenizer = Tokenizer::open(file);
  exercise(*tokenizer, input.rest, false, "");
}

void wordpiece(Input input) {
  const std::uint8_t flags = input.byte();
  MemoryFile file;
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, rules;
  std::vector<std::int64_t> kinds = {3, (flags & 1u) == 0 ? 2 : 3, 3, 3, 3};
  for (char c = 'a'; c <= 'z'; ++c) {
    tokens.push_back(std::string(kSpaceMark) + c);
    tokens.emplace_back(1, c);
    kinds.insert(kinds.end(), 2, 1);
  }
  add_tokens(input, false, tokens, kinds, rules);
  file.set("tokenizer.ggml.model", std::string("bert"));
  file.set("tokenizer.ggml.tokens", tokens);
  file.set("tokenizer.ggml.token_type", kinds);
  file.set("tokenizer.ggml.normalizer.lowercase", (flags & 2u) == 0);
  file.set("tokenizer.ggml.normalizer.strip_accents", (flags & 4u) == 0);
  exercise(*Tokenizer::open(file), input.rest, false, "");
}

void sentencepiece_model(Input input) {
  const std::size_t low = input.byte(), size = low + 256u * input.byte();
  const std::string message = input.bytes(size);
  HfSettings settings;
  settings.added_tokens.push_back({7, "<x>", true, false, true});
  auto tokenizer = make_sentencepiece(read_sentencepiece_model(message, "model"), settings, "model");
  tokenizer->finish();
  exercise(*tokenizer, input.rest, false, "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  Input input{{reinterpret_cast<const char*>(data), size}};
  try {
    switch (input.byte() % 8) {
      case 0:
        byte_bpe(input);
        break;
      case 1:
        sentencepiece(input);
        break;
      case 3:
        wordpiece(input);
        break;
      case 4:
        sentencepiece_model(input);
        break;
      case 5:
        text_bpe(input);
        break;
      case 6:
        unigram(input);
        break;
      case 7: {
        const std::size_t end = std::min(input.rest.find('\0'), input.rest.size());
        const auto tokenizer = read_tekken(input.rest.substr(0, end), "tekken.json");
        tokenizer->finish();
        exercise(*tokenizer, input.rest.substr(std::min(end + 1, input.rest.size())), false, "");
        break;
      }
      default: {
        const std::size_t end = std::min(input.rest.find('\0'), input.rest.size());
        const auto tokenizer = parse_hf_tokenizer(input.rest.substr(0, end), "", "tokenizer.json");
        exercise(*tokenizer, input.rest.substr(std::min(end + 1, input.rest.size())), false, "");
      }
    }
  } catch (const Error&) {  // the answer to bad input; everything else is a finding
  }
  return 0;
}
