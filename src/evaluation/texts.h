// SPDX-License-Identifier: Apache-2.0
/// Documents, cut from the texts that somebody gave.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/says.h"
#include "judge/task.h"

namespace rw {

/// `name`: a path, or any name. Documents are called by its last part where these differ.
struct NamedText {
  std::string name, text;
};

/// Texts as tokens.
struct TokenTexts {
  std::vector<std::string> names;  ///< that documents are paired by
  std::vector<std::vector<Token>> tokens;
  std::vector<Token> bos;  ///< what stands first in each document
  std::vector<Token> unknown =
      {};  ///< ascending: those of their tokens that stand for what the vocabulary lacks
};
/// Texts of which the vocabulary knows less than half of the tokens are left out, which is said. Errors:
/// UsageError for a text given twice, which would count as two independent documents; Error where the
/// vocabulary knows none of the texts. `special`: whether the spelling of a control token becomes that token.
/// `check_words` false: nobody asks what the vocabulary knows, which takes the text of each token.
TokenTexts tokenize_texts(const Tokenizer& tokenizer, std::span<const NamedText> texts, bool special,
                          const Says& say, bool check_words = true);

/// Disjoint stretches of more than `least` tokens that one text holds, `most` at most.
int stretches_of(const std::vector<Token>& tokens, Index least, int most);
/// Disjoint stretches of more than `least` tokens that the texts hold, `most` of each at most.
int count_stretches(const TokenTexts& texts, Index least, int most);
/// Those stretches, n of each text; a text that holds fewer gives what it holds, which is said. In turns: the
/// first of every text, then the second. REQUIRES: a text. Errors: Error where there is no stretch at all;
/// UsageError for texts that are copies of one another but for a little (judge/near_copies.h): the whole,
/// what is read, or their last `tail` tokens.
std::vector<Document> cut_stretches(const TokenTexts& texts, Index least, int n, Index tail, const Says& say);

/// For Store::require_texts.
std::map<std::string, std::string> texts_by_name(const std::vector<Document>& documents);

}  // namespace rw
