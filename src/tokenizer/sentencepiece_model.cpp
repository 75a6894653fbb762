// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/sentencepiece_model.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace rw {
namespace {

/// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0, value = 0;
  std::string_view bytes;
};

/// Reads the fields of a protobuf message, one after the other.
class Fields {
 public:
  Fields(std::string_view message, std::string_view place) : rest_(message), place_(place) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    field = {tag >> 3, 0, {}};
    switch (tag & 7) {
      case 0:
        field.value = varint();
        return true;
      case 1:
        field.bytes = take(8);
        return true;
      case 2:
        field.bytes = take(varint());
        return true;
      case 5:
        field.bytes = take(4);
        return true;
      default:
        damaged("a field of an unknown kind");
    }
  }

 private:
  [[noreturn]] void damaged(std::string_view found) const {
    throw Error(place_, "a SentencePiece model", found, "the file is damaged, or something else");
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    damaged("a number of more than 64 bits");
  }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) damaged("a message that ends too early");
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_, place_;
};

float read_float(std::string_view bytes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4 && bytes.size() == 4; ++i)
    bits |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return std::bit_cast<float>(bits);
}

void read_piece(std::string_view message, std::string_view place, SentencePieceModel& model) {
  std::uint64_t kind = 1;
  std::string piece;
  float score = 0;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number == 1) piece = field.bytes;
    if (field.number == 2) score = read_float(field.bytes);
    if (field.number == 3) kind = field.value;
  }
  if (kind < 1 || kind > 6)
    throw Error(place, "kinds of pieces from 1 to 6",
                fmt::format("{} for piece {}", kind, model.pieces.size()));
  model.pieces.push_back(std::move(piece));
  model.scores.push_back(score);
  model.kinds.push_back(static_cast<PieceKind>(kind));
}

void read_trainer(std::string_view message, std::string_view place, SentencePieceModel& model) {
  std::uint64_t kind = 1, suffix = 0, fallback = 0;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number == 3) kind = field.value;
    if (field.number == 24) suffix = field.value;
    if (field.number == 35) fallback = field.value;
  }
  if (kind != 1 && kind != 2)
    throw Error(place, "a SentencePiece model of kind BPE or Unigram", fmt::format("kind {}", kind),
                "this kind of tokenizer is not implemented");
  if (suffix != 0) throw Error(place, "white space before words", "behind them (treat_whitespace_as_suffix)");
  model.unigram = kind == 1;
  model.byte_fallback = fallback != 0;
}

void read_normalizer(std::string_view message, std::string_view place, SentencePieceModel& model) {
  std::uint64_t prefix = 1, drops = 1, escapes = 1;
  std::string name = "without a name";
  std::string_view rules;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number == 1) name = field.bytes.substr(0, 64);
    if (field.number == 2) rules = field.bytes;
    if (field.number == 3) prefix = field.value;
    if (field.number == 4) drops = field.value;
    if (field.number == 5) escapes = field.value;
  }
  if (!rules.empty() && !model.unigram)
    throw Error(place, "a SentencePiece BPE without a normalization of its own", name,
                "such rules are implemented for Unigram only");
  if (escapes == 0) throw Error(place, "spaces as U+2581", "spaces that are not escaped");
  if (drops != 0 && !model.unigram)
    throw Error(place, "every space kept, as U+2581", "remove_extra_whitespaces");
  if (!rules.empty()) model.text.charsmap = std::make_shared<const Charsmap>(rules, place);
  model.text.add_prefix = prefix != 0;
  model.text.drop_spaces = drops != 0;
}

}  // namespace

SentencePieceModel read_sentencepiece_model(std::string_view message, std::string_view place) {
  SentencePieceModel model;
  std::string_view trainer, normalizer;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number == 1) read_piece(field.bytes, place, model);
    if (field.number == 2) trainer = field.bytes;
    if (field.number == 3) normalizer = field.bytes;
  }
  if (trainer.data() == nullptr || normalizer.data() == nullptr)
    throw Error(place, "a SentencePiece model", "a message that ends too early",
                "the file is damaged, or something else");
  read_trainer(trainer, place, model);
  read_normalizer(normalizer, place, model);
  model.unknown = -1;
  for (std::size_t i = model.kinds.size(); i-- > 0;)
    if (model.kinds[i] == PieceKind::kUnknown) model.unknown = static_cast<Token>(i);
  return model;
}

namespace {

std::unique_ptr<PieceTokenizer> make_unigram(Vocabulary vocabulary, SpecialSplitter specials,
                                             const SentencePieceModel& model, SpecialSplitter kept) {
  UnigramText text;
  text.by_sentencepiece = true;
  text.rules = model.text;
  text.rules.kept = std::move(kept);
  return std::make_unique<UnigramTokenizer>(
      std::move(vocabulary), std::move(specials),
      std::vector<double>(model.scores.begin(), model.scores.end()),
      UnigramOptions{model.unknown, model.byte_fallback, /*single_precision=*/true}, std::move(text));
}

}  // namespace

std::unique_ptr<PieceTokenizer> make_sentencepiece(SentencePieceModel model, const HfSettings& settings,
                                                   std::string_view place) {
  const std::size_t most = 2 * model.pieces.size() + 4096;
  for (const HfAddedToken& token : settings.added_tokens) {
    const auto at = static_cast<std::size_t>(token.id);
    if (at >= most)
      throw Error(place, fmt::format("added tokens with ids below {}", most), std::to_string(at));
    if (at >= model.pieces.size()) {
      model.pieces.resize(at + 1);
      model.scores.resize(at + 1);
      model.kinds.resize(at + 1, PieceKind::kUnused);
    }
    model.pieces[at] = token.text;
    if (model.kinds[at] != PieceKind::kUnknown)
      model.kinds[at] = token.special ? PieceKind::kControl : PieceKind::kUserDefined;
  }
  for (std::size_t i = 0; i < model.pieces.size(); ++i)
    if (model.kinds[i] == PieceKind::kControl || model.kinds[i] == PieceKind::kUserDefined)
      if (!model.unigram) model.pieces[i] = mark_spaces(model.pieces[i]);
  Vocabulary vocabulary(std::move(model.pieces), std::move(model.kinds));
  std::vector<SpecialToken> specials = SpecialSplitter::tokens_of(vocabulary);
  for (SpecialToken& token : specials)
    for (const HfAddedToken& added : settings.added_tokens)
      if (added.id == token.id) token.strip_left = added.lstrip, token.strip_right = added.rstrip;
  const auto spelled = [&](const char* piece) {
    const Token id = vocabulary.find(piece);
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  const auto bos = spelled("<s>"), eos = spelled("</s>");
  std::unique_ptr<PieceTokenizer> result;
  if (model.unigram) {
    std::vector<Token> added;
    for (const HfAddedToken& token : settings.added_tokens) added.push_back(token.id);
    SpecialSplitter kept = user_defined(vocabulary, added);
    std::erase_if(specials, [&](const SpecialToken& token) {
      return !token.control && std::find(added.begin(), added.end(), token.id) == added.end();
    });
    result =
        make_unigram(std::move(vocabulary), SpecialSplitter(std::move(specials)), model, std::move(kept));
  } else {
    result = std::make_unique<SpmTokenizer>(std::move(vocabulary), SpecialSplitter(std::move(specials)),
                                            std::move(model.scores), model.unknown, model.text.add_prefix);
  }
  result->bos = bos;
  result->eos = eos;
  // T5's puts an end behind a text and nothing before it.
  result->add_bos = !settings.tokenizer_class.starts_with("T5");
  return result;
}

}  // namespace rw
