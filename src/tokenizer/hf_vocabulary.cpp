// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_vocabulary.h"

#include <algorithm>

namespace ropewalk {
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

}  // namespace

HfVocabulary read_hf_vocabulary(const HfJson& json, const Document& root, bool byte_fallback) {
  const Document& model = json.get(root, "model");
  const Document& vocab = json.get(model, "vocab");
  const Document& added = json.get(root, "added_tokens");
  if (!vocab.is_object() || vocab.empty())
    json.refuse("a 'vocab' object that is not empty", vocab.type_name());
  if (!added.is_null() && !added.is_array()) json.refuse("an array 'added_tokens'", added.type_name());
  // Holes are allowed (some tables are padded), but not so many that a small file asks for much memory.
  const Index max_id = static_cast<Index>(vocab.size() + added.size()) * 2 + 4096;
  const auto id = [&](const Document& value) { return read_id(json, value, max_id); };
  Index n_vocab = 0;
  for (const auto& [piece, value] : vocab.items()) n_vocab = std::max(n_vocab, id(value) + 1);
  for (const Document& token : added) n_vocab = std::max(n_vocab, id(json.get(token, "id")) + 1);
  std::vector<std::string> pieces(static_cast<std::size_t>(n_vocab));
  std::vector<PieceKind> kinds(pieces.size(), PieceKind::kUnused);
  for (const auto& [piece, value] : vocab.items()) {
    const auto at = static_cast<std::size_t>(id(value));
    if (kinds[at] != PieceKind::kUnused) json.refuse("each id once", fmt::format("{} twice", at));
    pieces[at] = piece;
    kinds[at] = byte_fallback && parse_byte_piece(piece) ? PieceKind::kByte : PieceKind::kNormal;
  }
  std::vector<SpecialToken> specials;
  for (const Document& token : added) {
    const auto at = static_cast<std::size_t>(id(json.get(token, "id")));
    const bool control = json.flag(token, "special", false);
    if (json.flag(token, "single_word", false))
      json.refuse("added tokens without 'single_word'", json.text(token, "content"));
    pieces[at] = json.text(token, "content");
    kinds[at] = control ? PieceKind::kControl : PieceKind::kUserDefined;
    specials.push_back({pieces[at], static_cast<Token>(at), control, json.flag(token, "lstrip", false),
                        json.flag(token, "rstrip", false)});
  }
  return {Vocabulary(std::move(pieces), std::move(kinds)), SpecialSplitter(std::move(specials))};
}

}  // namespace ropewalk
