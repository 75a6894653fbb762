// SPDX-License-Identifier: Apache-2.0
#include "cli/truncate.h"

#include "core/error.h"
#include "core/utf8.h"

namespace ropewalk {
namespace {

/// The bytes of `tokens`, less the pieces of characters that a cut left at the ends.
std::string whole_characters(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  const std::string bytes = tokenizer.decode(tokens);
  const auto middle_of_character = [&](std::size_t i) {
    return i < bytes.size() && (static_cast<unsigned char>(bytes[i]) & 0xc0) == 0x80;
  };
  std::size_t begin = 0, end = bytes.size();
  while (begin < 3 && middle_of_character(begin)) ++begin;
  for (std::size_t back = 1; back <= 3 && back <= end - begin; ++back) {
    const std::size_t lead = bytes.size() - back;
    if (middle_of_character(lead)) continue;
    if (utf8_length(bytes, lead) == 0 && static_cast<unsigned char>(bytes[lead]) >= 0xc0) end = lead;
    break;
  }
  return bytes.substr(begin, end - begin);
}

std::string kept_text(const Tokenizer& tokenizer, const std::vector<Token>& tokens, Index keep,
                      LeftOut left_out) {
  const Index first = left_out == LeftOut::kHead ? 0 : left_out == LeftOut::kTail ? keep : keep / 2;
  return whole_characters(tokenizer, {tokens.begin(), tokens.begin() + first}) +
         whole_characters(tokenizer, {tokens.end() - (keep - first), tokens.end()});
}

}  // namespace

Truncated truncate_text(const Tokenizer& tokenizer, const std::string& text, LeftOut left_out, Index limit,
                        const std::function<Index(const std::string&)>& count) {
  Index n = count(text);
  if (n <= limit) return {text, 0};
  const std::vector<Token> tokens = tokenizer.encode(text);
  Truncated result{text, 0};
  // Tokens at a cut may join or part, and so it takes a second try now and then.
  for (Index keep = static_cast<Index>(tokens.size()); n > limit; n = count(result.text)) {
    keep -= n - limit;
    if (keep < 1)
      throw Error("--truncate", fmt::format("a request that fits in {} tokens without the text", limit),
                  fmt::format("{} tokens", n), "give a shorter --prompt or fewer tokens to write (-n)");
    result = {kept_text(tokenizer, tokens, keep, left_out), static_cast<Index>(tokens.size()) - keep};
  }
  return result;
}

}  // namespace ropewalk
