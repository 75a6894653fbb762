// SPDX-License-Identifier: Apache-2.0
#include "cli/truncate.h"

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"

namespace rw {
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

std::string kept_text(const Tokenizer& tokenizer, const TextEnds& ends, Index keep, LeftOut left_out) {
  const Index first = left_out == LeftOut::kHead ? 0 : left_out == LeftOut::kTail ? keep : keep / 2;
  return whole_characters(tokenizer, ends.first(first)) +
         whole_characters(tokenizer, ends.last(keep - first));
}

}  // namespace

void TextEnds::add(std::span<const Token> ids) {
  n_ += static_cast<Index>(ids.size());
  const auto some = ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), most_ - first_.size()));
  first_.insert(first_.end(), ids.begin(), some);
  if (ids.size() > most_) ids = ids.last(most_);
  last_.insert(last_.end(), ids.begin(), ids.end());
  if (last_.size() > 2 * most_) last_.erase(last_.begin(), last_.end() - static_cast<std::ptrdiff_t>(most_));
}

std::vector<Token> TextEnds::first(Index n) const { return {first_.begin(), first_.begin() + n}; }
std::vector<Token> TextEnds::last(Index n) const { return {last_.end() - n, last_.end()}; }

Truncated truncate_text(const Tokenizer& tokenizer, const TextEnds& ends, LeftOut left_out, Index limit,
                        const std::function<Index(const std::string&)>& count) {
  // Tokens at a cut may join or part, and so it takes another try now and then.
  for (Index keep = std::min(ends.n(), limit);;) {
    const std::string text = kept_text(tokenizer, ends, keep, left_out);
    const Index n = count(text);
    if (n <= limit) return {text, ends.n() - keep};
    keep -= n - limit;
    if (keep < 1)
      throw Error("--truncate", fmt::format("a request that fits in {} tokens without the text", limit),
                  fmt::format("{} tokens", n), "give a shorter --prompt or fewer tokens to write (-n)");
  }
}

}  // namespace rw
