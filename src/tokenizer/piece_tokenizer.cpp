// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/piece_tokenizer.h"

#include <algorithm>

#include "core/utf8.h"
#include "tokenizer/nfc.h"

namespace rw {
namespace {

/// Offsets inside one call are size_t; the limit bounds memory, about 100 bytes for each byte of text at
/// worst.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

/// Ends of a turn or of a text, by the spelling that models share.
constexpr std::string_view kEnds[] = {
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<|eom_id|>",
    "<|eot|>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|end_of_text|>",
    "<|return|>",
    "<|call|>",
    "[|endofturn|]",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "[e~[",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
};

/// Valid runs of `text` in NFC; other bytes as they are.
std::string compose_valid(std::string_view text) {
  std::string composed;
  for_utf8_runs(
      text, [&](std::string_view run) { composed += compose_nfc(run); },
      [&](unsigned char byte) { composed.push_back(static_cast<char>(byte)); });
  return composed;
}

[[noreturn]] void no_byte_piece() {
  throw Error("tokenizer", "a token for every byte, or an unknown token", "a byte in the text without either",
              "the vocabulary cannot spell this text");
}

}  // namespace

std::vector<Token> PieceTokenizer::encode_parts(std::span<const TextPart> parts, bool inside) const {
  std::size_t size = 0;
  for (const TextPart& part : parts) size += std::min(part.text.size(), kMaxTextBytes + 1);
  if (size > kMaxTextBytes)
    throw Error("text", "at most 1 GiB", fmt::format("{} bytes", size), "split it into several files");
  std::string joined;
  std::vector<std::size_t> ends;
  for (const TextPart& part : parts) {
    if (marks_spaces_)
      joined += mark_spaces(part.text);
    else if (parts.size() > 1)
      joined += part.text;
    ends.push_back(marks_spaces_ ? joined.size() : (ends.empty() ? 0 : ends.back()) + part.text.size());
  }
  const std::string_view text = parts.size() == 1 && !marks_spaces_ ? parts[0].text : joined;
  const auto control_end = [&](std::size_t i) {
    const auto part = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), i) - ends.begin());
    return part < parts.size() && parts[part].special ? ends[part] : 0;
  };
  std::vector<Token> ids;
  Before before = inside ? Before::kText : Before::kNothing;
  for (const TextSegment& segment : specials_.split(text, control_end)) {
    if (segment.id < 0) {
      encode_stretch(segment.text, before, ids);
      before = Before::kText;
    } else {
      ids.push_back(segment.id);
      const bool control = vocabulary_.kind(segment.id) == PieceKind::kControl;
      before = control ? Before::kControl : Before::kUserDefined;
    }
  }
  return ids;
}

std::string PieceTokenizer::decode(Token id, bool special) const {
  if (!vocabulary_.contains(id))
    throw Error("token id", fmt::format("0 to {}", n_vocab() - 1), std::to_string(id));
  switch (vocabulary_.kind(id)) {
    case PieceKind::kControl:
    case PieceKind::kUnused:
      return special ? vocabulary_.piece(id) : std::string();
    case PieceKind::kUnknown:
      return special ? vocabulary_.piece(id) : std::string(kReplacement);
    case PieceKind::kUserDefined:
      return marks_spaces_ ? unmark_spaces(vocabulary_.piece(id)) : vocabulary_.piece(id);
    default:
      return decode_piece(id);
  }
}

void PieceTokenizer::finish() {
  const auto check = [&](const std::optional<Token>& id, std::string_view what) {
    if (id && !vocabulary_.contains(*id))
      throw Error(what, fmt::format("a token id from 0 to {}", n_vocab() - 1), std::to_string(*id));
  };
  check(bos, "bos token"), check(eos, "eos token"), check(eot, "eot token");
  const std::vector<Token> listed = std::exchange(end_tokens, {});
  const auto add_end = [&](std::optional<Token> id) {
    if (id && std::find(end_tokens.begin(), end_tokens.end(), *id) == end_tokens.end())
      end_tokens.push_back(*id);
  };
  add_end(eos), add_end(eot);
  for (const Token id : listed) check(id, "a token that ends a turn"), add_end(id);
  // In gpt-oss's format <|end|> stands between a message and the next of the same turn.
  const bool channels = vocabulary_.find("<|return|>") >= 0 && vocabulary_.find("<|channel|>") >= 0;
  for (std::string_view spelling : kEnds) {
    const Token id = vocabulary_.find(spelling);
    if (id < 0 || vocabulary_.kind(id) == PieceKind::kNormal) continue;
    if (channels && spelling == "<|end|>") continue;
    if (!eot && spelling != "<|endoftext|>") eot = id;
    add_end(id);
  }
  add_bos = add_bos && bos.has_value();
}

std::string PieceTokenizer::marked_text(std::string_view text, const SpaceMarks& marks, Before before) {
  std::string marked = mark_spaces(text);
  if (marked.empty()) return marked;
  const bool wanted = (marks.prefix == SpaceMarks::Prefix::kAlways && before != Before::kText) ||
                      (marks.prefix == SpaceMarks::Prefix::kFirst && before == Before::kNothing);
  if (wanted && !(marks.unless_marked && std::string_view(marked).starts_with(kSpaceMark)))
    marked.insert(0, kSpaceMark);
  return marked;
}

ByteBpeTokenizer::ByteBpeTokenizer(Vocabulary vocab, SpecialSplitter specials, Merges merges,
                                   Pretokenizer pretokenizer, Token unknown)
    : PieceTokenizer(std::move(vocab), std::move(specials), "BPE " + pretokenizer.name, unknown),
      merges_(std::move(merges)),
      pretokenizer_(std::move(pretokenizer)) {
  for (int byte = 0; byte < 256; ++byte)
    byte_ids_[static_cast<std::size_t>(byte)] =
        vocabulary().find(ByteAlphabet::get().spelling(static_cast<unsigned char>(byte)));
  replacement_ = {byte_ids_[0xef], byte_ids_[0xbf], byte_ids_[0xbd]};
  if (std::count(replacement_.begin(), replacement_.end(), Token{-1}) == 0)
    merges_.apply(replacement_);
  else if (unknown >= 0)
    replacement_ = {unknown};
  else
    replacement_.clear();
}

void ByteBpeTokenizer::append_symbol(Token symbol, std::vector<Token>& ids) const {
  if (symbol >= 0) return ids.push_back(symbol);
  if (replacement_.empty()) no_byte_piece();
  ids.insert(ids.end(), replacement_.begin(), replacement_.end());
}

void ByteBpeTokenizer::encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const {
  std::string prefixed;
  if (add_prefix_space && before != Before::kText && !text.empty() && text[0] != ' ')
    text = prefixed = " " + std::string(text);
  for_utf8_runs(
      text,
      [&](std::string_view run) {
        if (nfc)
          encode_run(compose_nfc(run), ids);
        else
          encode_run(run, ids);
      },
      [&](unsigned char byte) { append_symbol(byte_ids_[byte], ids); });
}

void ByteBpeTokenizer::encode_run(std::string_view run, std::vector<Token>& ids) const {
  std::vector<std::string_view> words;
  std::vector<Token> symbols;
  pretokenizer_.split(run, words);
  for (std::string_view word : words) {
    if (pretokenizer_.whole_words) {
      const Token id = vocabulary().find(ByteAlphabet::get().spell(word));
      if (id >= 0 && vocabulary().kind(id) == PieceKind::kNormal) {
        ids.push_back(id);
        continue;
      }
    }
    symbols.clear();
    for (char c : word) symbols.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    merges_.apply(symbols);
    for (Token symbol : symbols) append_symbol(symbol, ids);
  }
}

std::string ByteBpeTokenizer::decode_piece(Token id) const {
  const std::string& piece = vocabulary().piece(id);
  return ByteAlphabet::get().bytes(piece).value_or(piece);
}

CharacterBpeTokenizer::CharacterBpeTokenizer(Vocabulary vocab, SpecialSplitter specials, Merges merges,
                                             Pretokenizer pretokenizer, SpaceMarks marks, Token unknown,
                                             bool byte_fallback, bool fuse_unknown)
    : PieceTokenizer(std::move(vocab), std::move(specials), "BPE with byte fallback", unknown),
      merges_(std::move(merges)),
      pretokenizer_(std::move(pretokenizer)),
      marks_(marks),
      unknown_(unknown),
      byte_fallback_(byte_fallback),
      fuse_unknown_(fuse_unknown),
      byte_ids_(byte_pieces(vocabulary())) {}

void CharacterBpeTokenizer::encode_stretch(std::string_view text, Before before,
                                           std::vector<Token>& ids) const {
  const std::string marked =
      nfc ? marked_text(compose_valid(text), marks_, before) : marked_text(text, marks_, before);
  const auto encode = [&](std::string_view word) { encode_word(word, ids); };
  if (pretokenizer_.steps() == 0) return for_marked_words(marked, marks_, encode);
  std::vector<std::string_view> words;
  for_utf8_runs(
      marked,
      [&](std::string_view run) {
        pretokenizer_.split(run, words);
        for (std::string_view word : words) for_marked_words(word, marks_, encode);
      },
      [&](unsigned char byte) { encode_word(std::string(1, static_cast<char>(byte)), ids); });
}

void CharacterBpeTokenizer::encode_word(std::string_view word, std::vector<Token>& ids) const {
  if (pretokenizer_.whole_words) {
    const Token id = vocabulary().find(word);
    if (id >= 0 && vocabulary().kind(id) == PieceKind::kNormal) return ids.push_back(id);
  }
  constexpr Token kUnknown = -1;
  std::vector<Token> symbols;
  for (std::size_t i = 0; i < word.size();) {
    const std::size_t size = std::max<std::size_t>(1, utf8_length(word, i));
    const std::string_view character = word.substr(i, size);
    const Token id = vocabulary().find(character);
    bool bytes = id < 0 && byte_fallback_;
    for (char c : character) bytes = bytes && byte_ids_[static_cast<unsigned char>(c)] >= 0;
    if (id >= 0) {
      symbols.push_back(id);
    } else if (bytes) {
      for (char c : character) symbols.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    } else {
      if (unknown_ < 0) no_byte_piece();
      if (!fuse_unknown_ || symbols.empty() || symbols.back() != kUnknown) symbols.push_back(kUnknown);
    }
    i += size;
  }
  merges_.apply(symbols);
  for (Token symbol : symbols) ids.push_back(symbol < 0 ? unknown_ : symbol);
}

std::string CharacterBpeTokenizer::decode_piece(Token id) const {
  const std::string& piece = vocabulary().piece(id);
  if (vocabulary().kind(id) == PieceKind::kByte)
    if (const auto byte = parse_byte_piece(piece)) return std::string(1, static_cast<char>(*byte));
  return unmark_spaces(piece);
}

SpmTokenizer::SpmTokenizer(Vocabulary vocab, SpecialSplitter specials, std::vector<float> scores,
                           Token unknown, bool add_space_prefix)
    : PieceTokenizer(std::move(vocab), std::move(specials), "SentencePiece BPE", unknown,
                     /*marks_spaces=*/true),
      merger_(vocabulary(), std::move(scores), unknown),
      add_space_prefix_(add_space_prefix) {}

void SpmTokenizer::encode_stretch(std::string_view text, Before before, std::vector<Token>& ids) const {
  const bool prefix = add_space_prefix_ && (before == Before::kNothing || before == Before::kControl);
  if (!prefix) return merger_.encode(vocabulary(), text, ids);
  merger_.encode(vocabulary(), std::string(kSpaceMark).append(text), ids);
}

std::string SpmTokenizer::decode_piece(Token id) const {
  const std::string& piece = vocabulary().piece(id);
  if (vocabulary().kind(id) == PieceKind::kByte)
    if (const auto byte = parse_byte_piece(piece)) return std::string(1, static_cast<char>(*byte));
  return unmark_spaces(piece);
}

}  // namespace rw
