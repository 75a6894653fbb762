// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_tekken.h"

#include <unordered_map>

#include "core/base64.h"
#include "tokenizer/hf_json.h"

namespace rw {
namespace {

using Document = HfJson::Document;

/// Of files up to version 7, which do not list them.
constexpr std::string_view kFirstSpecials[] = {"<unk>",
                                               "<s>",
                                               "</s>",
                                               "[INST]",
                                               "[/INST]",
                                               "[AVAILABLE_TOOLS]",
                                               "[/AVAILABLE_TOOLS]",
                                               "[TOOL_RESULTS]",
                                               "[/TOOL_RESULTS]",
                                               "[TOOL_CALLS]",
                                               "[IMG]",
                                               "<pad>",
                                               "[IMG_BREAK]",
                                               "[IMG_END]",
                                               "[PREFIX]",
                                               "[MIDDLE]",
                                               "[SUFFIX]",
                                               "[SYSTEM_PROMPT]",
                                               "[/SYSTEM_PROMPT]",
                                               "[TOOL_CONTENT]"};

std::size_t number(const HfJson& json, const Document& object, const char* key, std::size_t most) {
  const Document& value = json.get(object, key);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
    json.refuse(fmt::format("a number '{}' from 0 to {}", key, most), value.dump().substr(0, 40));
  return value.get<std::size_t>();
}

std::vector<std::string> read_specials(const HfJson& json, const Document& root, std::size_t n) {
  std::vector<std::string> specials;
  for (std::size_t id = 0; id < n; ++id) specials.push_back(fmt::format("<SPECIAL_{}>", id));
  const Document& listed = json.get(root, "special_tokens");
  if (listed.is_null())
    for (std::size_t id = 0; id < std::min(n, std::size(kFirstSpecials)); ++id)
      specials[id] = kFirstSpecials[id];
  if (!listed.is_null() && !listed.is_array()) json.refuse("an array 'special_tokens'", listed.type_name());
  for (const Document& token : listed) {
    if (n == 0) json.refuse("special tokens for 'default_num_special_tokens'", "one more");
    specials[number(json, token, "rank", n - 1)] = json.text(token, "token_str");
  }
  return specials;
}

/// Bytes of the first n tokens, by rank.
std::vector<std::string> read_tokens(const HfJson& json, const Document& vocab, std::size_t n) {
  std::vector<std::string> tokens;
  for (std::size_t rank = 0; rank < n; ++rank) {
    if (number(json, vocab[rank], "rank", vocab.size()) != rank)
      json.refuse("tokens in the order of their ranks", fmt::format("another at {}", rank));
    std::optional<std::string> bytes = decode_base64(json.text(vocab[rank], "token_bytes"));
    if (!bytes || bytes->empty())
      json.refuse("base64 in 'token_bytes'", fmt::format("none for rank {}", rank));
    tokens.push_back(std::move(*bytes));
  }
  return tokens;
}

/// For each token every pair that joins to it.
Merges ranked_merges(const std::vector<std::string>& tokens, std::size_t first_id) {
  std::unordered_map<std::string_view, Token> ids;
  for (std::size_t rank = 0; rank < tokens.size(); ++rank)
    ids.emplace(tokens[rank], static_cast<Token>(first_id + rank));
  const auto find = [&](std::string_view bytes) {
    const auto at = ids.find(bytes);
    return at == ids.end() ? Token{-1} : at->second;
  };
  Merges merges;
  std::vector<std::pair<Token, Token>> pairs;
  for (std::size_t rank = 0; rank < tokens.size(); ++rank) {
    const std::string_view token = tokens[rank];
    pairs.clear();
    for (std::size_t cut = 1; cut < token.size(); ++cut)
      if (const Token left = find(token.substr(0, cut)); left >= 0)
        if (const Token right = find(token.substr(cut)); right >= 0) pairs.emplace_back(left, right);
    merges.add(pairs, static_cast<Token>(first_id + rank));
  }
  return merges;
}

}  // namespace

std::unique_ptr<PieceTokenizer> read_tekken(std::string_view tekken_json, std::string_view place) {
  constexpr std::size_t kMostSpecials = 1 << 20;
  const HfJson json(place);
  const Document root = HfJson::parse(tekken_json, place);
  const Document& config = json.get(root, "config");
  const Document& vocab = json.get(root, "vocab");
  if (!vocab.is_array()) json.refuse("an array 'vocab'", vocab.type_name());
  const std::size_t n_special = number(json, config, "default_num_special_tokens", kMostSpecials);
  const std::size_t n = number(json, config, "default_vocab_size", vocab.size() + n_special);
  if (n <= n_special)
    json.refuse("a 'default_vocab_size' above that of the special tokens", std::to_string(n));
  std::vector<std::string> pieces = read_specials(json, root, n_special);
  std::vector<PieceKind> kinds(n_special, PieceKind::kControl);
  kinds.resize(n, PieceKind::kNormal);
  const std::vector<std::string> tokens = read_tokens(json, vocab, n - n_special);
  for (const std::string& token : tokens) pieces.push_back(ByteAlphabet::get().spell(token));
  Merges merges = ranked_merges(tokens, n_special);
  Pretokenizer pretokenizer;
  pretokenizer.name = "tekken.json";
  pretokenizer.whole_words = true;
  pretokenizer.add(Regex(json.text(config, "pattern"), place));
  Vocabulary vocabulary(std::move(pieces), std::move(kinds));
  const auto spelled = [&](const char* piece) -> std::optional<Token> {
    const Token id = vocabulary.find(piece);
    return id < 0 ? std::nullopt : std::optional<Token>(id);
  };
  const auto bos = spelled("<s>"), eos = spelled("</s>");
  SpecialSplitter specials = SpecialSplitter::of(vocabulary);
  auto result = std::make_unique<ByteBpeTokenizer>(
      std::move(vocabulary), std::move(specials), std::move(merges), std::move(pretokenizer), /*unknown=*/-1);
  result->bos = bos, result->eos = eos;
  result->add_bos = true;
  return result;
}

}  // namespace rw
