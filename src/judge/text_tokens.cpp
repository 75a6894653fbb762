// SPDX-License-Identifier: Apache-2.0
#include "judge/text_tokens.h"

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"

namespace rw {

bool is_unknown(const Tokenizer& tokenizer, Token token) {
  return token == tokenizer.unk || tokenizer.decode(token).find(kReplacement) != std::string::npos;
}

bool stands_for_text(const Tokenizer& tokenizer, Token token) {
  return !tokenizer.decode(token).empty() && !is_unknown(tokenizer, token);
}

Token some_text_token(const Tokenizer& tokenizer) {
  for (Token token = 0; token < tokenizer.n_vocab(); ++token)
    if (stands_for_text(tokenizer, token)) return token;
  throw Error("tokenizer", "a token that stands for text", "none");
}

std::vector<Token> unknown_among(const Tokenizer& tokenizer, std::span<const Token> tokens) {
  std::vector<Token> unknown(tokens.begin(), tokens.end());
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  std::erase_if(unknown, [&](Token token) { return !is_unknown(tokenizer, token); });
  return unknown;
}

double share_unknown(std::span<const Token> tokens, std::span<const Token> unknown) {
  const auto n = std::count_if(tokens.begin(), tokens.end(), [&](Token token) {
    return std::binary_search(unknown.begin(), unknown.end(), token);
  });
  return tokens.empty() ? 0 : static_cast<double>(n) / static_cast<double>(tokens.size());
}

}  // namespace rw
