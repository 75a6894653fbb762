// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pretokenize.h"

#include <algorithm>

#include "tokenizer/vocabulary.h"

namespace rw {
namespace {

/// Cuts the spelling of `piece` and appends the bytes that each part of it spells.
void split_spelling(std::string_view piece, const Regex& regex, Cut cut, Regex::Scratch& scratch,
                    std::vector<std::string_view>& pieces) {
  const std::string spelling = ByteAlphabet::get().spell(piece);
  std::vector<std::string_view> parts;
  regex.split(spelling, cut, scratch, parts);
  const auto characters = [](std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  };
  std::size_t at = 0, byte = 0;  // the same place in the spelling and in `piece`
  for (std::string_view part : parts) {
    const auto begin = static_cast<std::size_t>(part.data() - spelling.data());
    byte += characters(std::string_view(spelling).substr(at, begin - at));
    const std::size_t size = characters(part);
    pieces.push_back(piece.substr(byte, size));
    byte += size;
    at = begin + part.size();
  }
}

}  // namespace

void Pretokenizer::split(std::string_view text, std::vector<std::string_view>& pieces) const {
  pieces.clear();
  if (text.empty()) return;
  pieces.push_back(text);
  Regex::Scratch scratch;
  std::vector<std::string_view> next;
  for (const Step& step : steps_) {
    next.clear();
    for (std::string_view piece : pieces) {
      if (step.behind_bytes)
        split_spelling(piece, step.regex, step.cut, scratch, next);
      else
        step.regex.split(piece, step.cut, scratch, next);
    }
    pieces.swap(next);
  }
}

}  // namespace rw
