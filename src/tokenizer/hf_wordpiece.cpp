// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_wordpiece.h"

#include <unordered_map>

#include "core/error.h"
#include "tokenizer/hf_vocabulary.h"

namespace rw {
namespace {

using Document = HfJson::Document;

BertText read_bert_text(const HfJson& json, const Document& root) {
  const auto normalizers = json.components(json.get(root, "normalizer"), "normalizers");
  if (normalizers.empty()) return {false, false, false, false};
  for (const Document* part : normalizers)
    if (normalizers.size() > 1 || json.text(*part, "type") != "BertNormalizer")
      json.refuse("BertNormalizer alone before WordPiece", json.text(*normalizers.back(), "type"));
  const Document& part = *normalizers[0];
  BertText text;
  text.clean = json.flag(part, "clean_text", true);
  text.chinese_apart = json.flag(part, "handle_chinese_chars", true);
  text.lowercase = json.flag(part, "lowercase", true);
  text.strip_accents = json.flag(part, "strip_accents", text.lowercase);
  return text;
}

bool is_roformer(const HfSettings& settings) { return settings.tokenizer_class.starts_with("RoFormer"); }

}  // namespace

bool is_wordpiece(const Document& root) {
  const auto model = root.find("model");
  return model != root.end() && model->is_object() && model->contains("type") &&
         (*model)["type"] == "WordPiece";
}

std::unique_ptr<PieceTokenizer> read_hf_wordpiece(const HfJson& json, const Document& root,
                                                  const HfSettings& settings) {
  const Document& model = json.get(root, "model");
  BertText text = read_bert_text(json, root);
  if (is_roformer(settings)) text.chinese_apart = true;
  for (const Document* part : json.components(json.get(root, "pre_tokenizer"), "pretokenizers"))
    if (json.text(*part, "type") != "BertPreTokenizer")
      json.refuse("BertPreTokenizer before WordPiece", json.text(*part, "type"));
  if (json.get(root, "pre_tokenizer").is_null()) json.refuse("BertPreTokenizer before WordPiece", "nothing");
  HfVocabulary read = read_hf_vocabulary(json, root, false);
  WordPieces pieces;
  pieces.inner_prefix = json.text(model, "continuing_subword_prefix");
  pieces.unknown = read.vocabulary.find(json.text(model, "unk_token"));
  if (const Document& most = json.get(model, "max_input_chars_per_word"); !most.is_null()) {
    if (!most.is_number_unsigned()) json.refuse("a number 'max_input_chars_per_word'", most.type_name());
    pieces.max_characters = most.get<std::uint64_t>();
  }
  return std::make_unique<WordPieceTokenizer>(std::move(read.vocabulary), std::move(read.specials),
                                              std::move(pieces), text);
}

std::unique_ptr<PieceTokenizer> read_wordpiece_lines(std::string_view lines, const HfSettings& settings) {
  std::vector<std::string> pieces;
  std::unordered_map<std::string, std::size_t> ids;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    std::string piece(lines.substr(0, end));
    if (piece.ends_with('\r')) piece.pop_back();
    // Where a piece comes twice the later id counts, as in BertTokenizer.
    if (const auto [at, fresh] = ids.emplace(piece, pieces.size()); !fresh)
      pieces[std::exchange(at->second, pieces.size())].clear();
    pieces.push_back(std::move(piece));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  std::vector<PieceKind> kinds(pieces.size(), PieceKind::kNormal);
  const auto spelled = [&](const char* name, const char* usual) {
    const std::string* own = settings.special_text(name);
    const auto at = ids.find(own ? *own : usual);
    if (at == ids.end()) return Token{-1};
    kinds[at->second] = PieceKind::kControl;
    return static_cast<Token>(at->second);
  };
  WordPieces spelling;
  spelling.unknown = spelled("unk_token", "[UNK]");
  spelled("sep_token", "[SEP]"), spelled("pad_token", "[PAD]"), spelled("cls_token", "[CLS]");
  spelled("mask_token", "[MASK]");
  BertText text;
  text.lowercase = settings.do_lower_case.value_or(true);
  text.strip_accents = settings.strip_accents.value_or(text.lowercase);
  text.chinese_apart = is_roformer(settings) || settings.tokenize_chinese_chars.value_or(true);
  Vocabulary vocabulary(std::move(pieces), std::move(kinds));
  SpecialSplitter specials = SpecialSplitter::of(vocabulary);
  return std::make_unique<WordPieceTokenizer>(std::move(vocabulary), std::move(specials), std::move(spelling),
                                              text);
}

void set_bert_tokens(PieceTokenizer& tokenizer, const HfSettings& settings) {
  const auto spelled = [&](const char* name, const char* usual) -> std::optional<Token> {
    const std::string* own = settings.special_text(name);
    const Token id = tokenizer.vocabulary().find(own ? *own : usual);
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  tokenizer.bos = spelled("cls_token", "[CLS]");
  tokenizer.eos = spelled("sep_token", "[SEP]");
  tokenizer.mask = spelled("mask_token", "[MASK]");
  tokenizer.add_bos = tokenizer.bos.has_value();
  tokenizer.add_eos = tokenizer.eos.has_value();
}

}  // namespace rw
