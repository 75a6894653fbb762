// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_vocabulary.h"

#include <algorithm>

namespace rw {
namespace {

using Document = HfJson::Document;

Index read_id(const HfJson& json, const Document& value, Index max_id) {
  if (!value.is_number_integer()) json.refuse("token ids", value.type_name());
  const auto number = value.get<std::int64_t>();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{1} << 31)
    json.refuse("token ids", "too great");
  if (number < 0 || number >= max_id)
    json.refuse(fmt::format("token ids from 0 to {}", max_id - 1), std::to_string(number));
  return number;
}

/// The table as the model has it, before the added tokens.
struct Table {
  std::vector<std::string> pieces;
  std::vector<PieceKind> kinds;
  void resize(Index n) {
    pieces.resize(static_cast<std::size_t>(n));
    kinds.resize(pieces.size(), PieceKind::kUnused);
  }
};

/// Holes are allowed (some tables are padded), but not so many that a small file asks for much memory.
Index most_ids(const HfJson& json, const Document& vocab, const Document& added) {
  if (!added.is_null() && !added.is_array()) json.refuse("an array 'added_tokens'", added.type_name());
  return static_cast<Index>(vocab.size() + added.size()) * 2 + 4096;
}

/// Puts the added tokens into the table.
SpecialSplitter add_tokens(const HfJson& json, const Document& added, Index max_id, Table& table) {
  std::vector<SpecialToken> specials;
  for (const Document& token : added) {
    const Index id = read_id(json, json.get(token, "id"), max_id);
    const auto at = static_cast<std::size_t>(id);
    if (at >= table.pieces.size()) table.resize(id + 1);
    const bool control = json.flag(token, "special", false);
    if (json.flag(token, "single_word", false))
      json.refuse("added tokens without 'single_word'", json.text(token, "content"));
    table.pieces[at] = json.text(token, "content");
    table.kinds[at] = control ? PieceKind::kControl : PieceKind::kUserDefined;
    specials.push_back({table.pieces[at], static_cast<Token>(at), control, json.flag(token, "lstrip", false),
                        json.flag(token, "rstrip", false)});
  }
  return SpecialSplitter(std::move(specials));
}

PieceKind kind_of(const std::string& piece, bool byte_fallback) {
  return byte_fallback && parse_byte_piece(piece) ? PieceKind::kByte : PieceKind::kNormal;
}

}  // namespace

HfVocabulary read_hf_vocabulary(const HfJson& json, const Document& root, bool byte_fallback) {
  const Document& vocab = json.get(json.get(root, "model"), "vocab");
  const Document& added = json.get(root, "added_tokens");
  if (!vocab.is_object() || vocab.empty())
    json.refuse("a 'vocab' object that is not empty", vocab.type_name());
  const Index max_id = most_ids(json, vocab, added);
  Index n_vocab = 0;
  for (const auto& [piece, value] : vocab.items())
    n_vocab = std::max(n_vocab, read_id(json, value, max_id) + 1);
  Table table;
  table.resize(n_vocab);
  for (const auto& [piece, value] : vocab.items()) {
    const auto at = static_cast<std::size_t>(read_id(json, value, max_id));
    if (table.kinds[at] != PieceKind::kUnused) json.refuse("each id once", fmt::format("{} twice", at));
    table.pieces[at] = piece;
    table.kinds[at] = kind_of(piece, byte_fallback);
  }
  SpecialSplitter specials = add_tokens(json, added, max_id, table);
  return {Vocabulary(std::move(table.pieces), std::move(table.kinds)), std::move(specials)};
}

HfScoredVocabulary read_hf_scored_vocabulary(const HfJson& json, const Document& root, bool byte_fallback) {
  const Document& model = json.get(root, "model");
  const Document& vocab = json.get(model, "vocab");
  const Document& added = json.get(root, "added_tokens");
  if (!vocab.is_array() || vocab.empty()) json.refuse("a 'vocab' array that is not empty", vocab.type_name());
  const Index max_id = most_ids(json, vocab, added);
  HfScoredVocabulary result;
  Table table;
  for (const Document& entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      json.refuse("pieces [\"text\", score] in 'vocab'", entry.dump().substr(0, 64));
    table.pieces.push_back(entry[0].get<std::string>());
    table.kinds.push_back(kind_of(table.pieces.back(), byte_fallback));
    result.scores.push_back(entry[1].get<double>());
  }
  if (const Document& unknown = json.get(model, "unk_id"); !unknown.is_null())
    result.unknown = static_cast<Token>(read_id(json, unknown, static_cast<Index>(vocab.size())));
  result.specials = add_tokens(json, added, max_id, table);
  if (result.unknown >= 0) table.kinds[static_cast<std::size_t>(result.unknown)] = PieceKind::kUnknown;
  result.scores.resize(table.pieces.size());
  result.vocabulary = Vocabulary(std::move(table.pieces), std::move(table.kinds));
  return result;
}

}  // namespace rw
