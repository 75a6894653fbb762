// SPDX-License-Identifier: Apache-2.0
/// Which tokens stand for text, and which for text that the vocabulary lacks.
#pragma once
#include <span>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace rw {

/// Whether a token stands for text that the vocabulary lacks: the tokenizer's unk, or U+FFFD.
bool is_unknown(const Tokenizer& tokenizer, Token token);
/// Special tokens are no text, nor is what stands for text that the vocabulary lacks.
bool stands_for_text(const Tokenizer& tokenizer, Token token);
/// The first token of the vocabulary that stands for text. Errors: Error where none does.
Token some_text_token(const Tokenizer& tokenizer);

/// The different unknown tokens among these, ascending: few, whatever the text.
std::vector<Token> unknown_among(const Tokenizer& tokenizer, std::span<const Token> tokens);
/// The share of `tokens` that are among `unknown`, which ascends; 0 of none.
double share_unknown(std::span<const Token> tokens, std::span<const Token> unknown);

}  // namespace rw
