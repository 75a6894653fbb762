// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unigram_tokenizer.h"

#include "core/utf8.h"

namespace rw {
namespace {

/// Appends the parts of a text, each what some of its characters became.
class Normalized {
 public:
  Normalized(const SentencePieceText& rules, bool first, std::string& result)
      : rules_(rules),
        result_(result),
        behind_space_(rules.drop_spaces && first),
        wants_prefix_(rules.add_prefix && first) {
    if (wants_prefix_ && !rules.drop_spaces) result_ += kSpaceMark, wants_prefix_ = false;
  }
  void add(std::string_view part) {
    if (behind_space_) part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    if (part.empty()) return;
    if (std::exchange(wants_prefix_, false)) result_ += kSpaceMark;
    for (const char c : part) {
      if (c == ' ')
        result_ += kSpaceMark;
      else
        result_.push_back(c);
    }
    behind_space_ = rules_.drop_spaces && part.back() == ' ';
  }

 private:
  const SentencePieceText& rules_;
  std::string& result_;
  bool behind_space_, wants_prefix_;
};

}  // namespace

SpecialSplitter user_defined(const Vocabulary& vocabulary, const std::vector<Token>& except) {
  std::vector<SpecialToken> tokens = SpecialSplitter::tokens_of(vocabulary);
  std::erase_if(tokens, [&](const SpecialToken& token) {
    return token.control || std::find(except.begin(), except.end(), token.id) != except.end();
  });
  return SpecialSplitter(std::move(tokens));
}

std::string normalize_sentencepiece(std::string_view text, const SentencePieceText& rules, bool first) {
  std::string result;
  if (text.empty()) return result;
  result.reserve(text.size() + text.size() / 2);
  Normalized normalized(rules, first, result);
  for (const TextSegment& segment : rules.kept.split(text, false)) {
    const std::string_view stretch = segment.text;
    if (segment.id >= 0) normalized.add(stretch);
    for (std::size_t i = 0; segment.id < 0 && i < stretch.size();) {
      std::size_t size = utf8_length(stretch, i);
      std::string_view part = size > 0 ? stretch.substr(i, size) : kReplacement;
      if (rules.charsmap != nullptr)
        if (const auto match = rules.charsmap->longest(stretch.substr(i))) {
          part = match->replacement;
          size = match->size;
        }
      normalized.add(part);
      i += std::max<std::size_t>(1, size);
    }
  }
  while (rules.drop_spaces && result.ends_with(kSpaceMark)) result.resize(result.size() - kSpaceMark.size());
  return result;
}

UnigramTokenizer::UnigramTokenizer(Vocabulary vocab, SpecialSplitter specials, std::vector<double> scores,
                                   UnigramOptions options, UnigramText text)
    : PieceTokenizer(std::move(vocab), std::move(specials), "Unigram", options.unknown),
      model_(vocabulary(), std::move(scores), options),
      text_(std::move(text)) {}

void UnigramTokenizer::encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const {
  if (text_.by_sentencepiece) {
    const bool first = before == Before::kNothing || before == Before::kControl;
    return model_.encode(normalize_sentencepiece(text, text_.rules, first), ids);
  }
  std::string normalized = with_valid_utf8(text);
  for (const auto& step : text_.steps) normalized = step(normalized);
  encode_words(normalized, before, ids);
}

void UnigramTokenizer::encode_words(std::string_view text, Before before, std::vector<Token>& ids) const {
  const auto encode = [&](std::string_view word) { model_.encode(word, ids); };
  if (!text_.split_at_spaces)
    return for_marked_words(marked_text(text, text_.marks, before), text_.marks, encode);
  std::size_t start = 0, at = 0;
  const auto end_word = [&](std::size_t end) {
    if (end == start) return;
    // Behind white space it is a word of its own, but not the first of the text.
    const Before here = start > 0 ? Before::kControl : before;
    for_marked_words(marked_text(text.substr(start, end - start), text_.marks, here), text_.marks, encode);
  };
  for (std::size_t size; at < text.size(); at += size) {
    size = utf8_length(text, at);
    if (!is_white_space(utf8_decode(text, at, size))) continue;
    end_word(at);
    start = at + size;
  }
  end_word(text.size());
}

std::string UnigramTokenizer::decode(Token id, bool special) const {
  const std::string text = PieceTokenizer::decode(id, special);
  return vocabulary().kind(id) == PieceKind::kUserDefined ? unmark_spaces(text) : text;
}

std::string UnigramTokenizer::decode_piece(Token id) const {
  const std::string& piece = vocabulary().piece(id);
  if (vocabulary().kind(id) == PieceKind::kByte)
    if (const auto byte = parse_byte_piece(piece)) return std::string(1, static_cast<char>(*byte));
  return unmark_spaces(piece);
}

}  // namespace rw
