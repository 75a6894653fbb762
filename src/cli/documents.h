// SPDX-License-Identifier: Apache-2.0
/// What eval and tune share: documents from the user's text files, and what is said of a run over them.
#pragma once
#include <map>

#include "cli/command.h"
#include "judge/runner.h"

namespace rw {

/// Files as they are, folders as the .txt and .md files in them. Errors: Error for a folder without any.
std::vector<std::string> expand_texts(const std::vector<std::string>& paths);

/// Bytes of a text that so many documents of this length take, and never less than 64 MB: more is not read.
std::size_t bytes_of_documents(int n, Index length);

/// The user's texts as tokens.
struct TokenTexts {
  std::vector<std::string> names;  ///< that documents are paired by
  std::vector<std::vector<Token>> tokens;
  std::vector<Token> bos;  ///< what stands first in each document
  std::vector<Token> unknown =
      {};  ///< ascending: those of their tokens that stand for what the vocabulary lacks
};
/// Texts of which the vocabulary knows less than half of the tokens are left out, which is said on stderr.
/// Errors: UsageError for a text given twice, which would count as two independent documents; Error where the
/// vocabulary knows none of the texts. `special`: whether the spelling of a control token becomes that token.
TokenTexts tokenize_texts(const Tokenizer& tokenizer, const std::vector<std::string>& paths,
                          const std::vector<std::string>& texts, bool special);

/// Disjoint stretches of more than `least` tokens that one text holds, `most` at most.
int stretches_of(const std::vector<Token>& tokens, Index least, int most);
/// Disjoint stretches of more than `least` tokens that the texts hold, `most` of each at most.
int count_stretches(const TokenTexts& texts, Index least, int most);
/// Those stretches, n of each text; a text that holds fewer gives what it holds, which is said on stderr. In
/// turns: the first of every text, then the second. Errors: Error where there is none at all; UsageError for
/// texts that are copies of one another but for a little (judge/near_copies.h): the whole, what is read, or
/// their last `tail` tokens.
std::vector<Document> cut_stretches(const TokenTexts& texts, Index least, int n, Index tail);

/// What stands behind a recorded command that read standard input: a comment, to a shell. Else empty.
std::string piped(const std::vector<std::string>& inputs);

/// For Store::require_texts.
std::map<std::string, std::string> texts_by_name(const std::vector<Document>& documents);

/// What every record of a run says of it: all but command, tail and margin. Errors: Error for a model that
/// cannot be read (its SHA-256 is taken).
RunInfo run_info(const std::string& model_path, const BackendOptions& backend,
                 const std::shared_ptr<const Model>& loaded);

/// Why nothing is to be compared or chosen where methods act on no layer. REQUIRES: config.n_acting_layers()
/// == 0.
std::string no_acting_layers(const ModelConfig& config);
/// Says on stderr on how many layers methods act, where these are not all.
void say_acting_layers(const ModelConfig& config);

/// Seconds of "90s", "8m", "2h"; "0" is no limit. Errors: UsageError naming `option`; a number alone has no
/// unit.
double parse_seconds(const std::string& text, const char* option = "--budget");

}  // namespace rw
