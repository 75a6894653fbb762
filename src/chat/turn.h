// SPDX-License-Identifier: Apache-2.0
/// A user's message inside the model's chat template, ready for the answer, as tokens.
/// The template is rendered and the whole text encoded at once: control tokens are read in what the template
/// wrote and not in what the user wrote. Where the message cannot be found in the rendered text, because the
/// template changed it, the text is encoded as it is, as transformers' apply_chat_template does.
/// BOS: as the template spells it. Where it spells none and the tokenizer adds one to a text, it is added, as
/// llama.cpp does and as the training scripts of such models did (they tokenised the rendered text);
/// apply_chat_template would leave it out.
#pragma once
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/template.h"
#include "core/json.h"
#include "tokenizer/tokenizer.h"

namespace rw {

struct ChatSettings {
  bool raw = false;                   ///< the text alone, without the template
  std::optional<bool> thinking = {};  ///< enable_thinking (and `thinking`), where the template asks for it
  std::string effort = {};            ///< reasoning_effort: low, medium or high; empty: the template's own
  std::time_t now = 0;                ///< the template's clock
  bool special = false;  ///< user_prompt: control tokens that are spelled in the message are read as such
};
/// For a person: today's date, and thinking as the template has it.
ChatSettings chat_of_today(bool raw);
/// For what is compared: thinking off where the template can, and one day, 26 July 2024 (Llama's own
/// default), so that a run that is continued tomorrow asks the same.
ChatSettings judged_chat(bool raw = false);

/// Text around a message. Both are empty where there is no template.
struct ChatTurn {
  std::string before, after;
  bool chat = false;  ///< whether the model's template is around the message
  /// Ids of what stands before and of the begin of the message; with BOS. `text` has no white space at its
  /// begin that a template would trim.
  std::vector<Token> opening(const Tokenizer& tokenizer, std::string_view text) const;
  /// Ids of the whole: opening and closing in one.
  std::vector<Token> whole(const Tokenizer& tokenizer, std::string_view text, std::string_view answer) const;
  /// Ids, behind other text, of the message's end, of what follows it, and of the answer's begin.
  std::vector<Token> closing(const Tokenizer& tokenizer, std::string_view text,
                             std::string_view answer) const;
};
/// Errors: Error where the template cannot be run, or does not put a message into its text as it is.
ChatTurn chat_turn(const Tokenizer& tokenizer, const ChatSettings& settings);

struct ChatPrompt {
  std::vector<Token> tokens;
  Index n_before = 0, n_after = 0;  ///< of them: before and behind the message
  bool chat = false;
  bool exposed = false;  ///< the message is not told apart: control tokens spelled in it are read as such
};
/// The ids of the whole prompt. `answer`: what the answer shall begin with.
/// Errors: Error where the template cannot be run or refuses the conversation.
ChatPrompt user_prompt(const Tokenizer& tokenizer, std::string_view message, std::string_view answer,
                       const ChatSettings& settings);

/// Whether messages stand in a template. Errors: Error where the model's files have several, none of them the
/// usual one.
bool has_chat_template(const Tokenizer& tokenizer, const ChatSettings& settings);
/// Whether its template reads reasoning_effort. Errors: Error where the template cannot be parsed.
bool takes_effort(const Tokenizer& tokenizer);
/// The model's. Errors: Error where it has none, or cannot be parsed, or where a reasoning effort is asked
/// for that it does not read.
chat::Template template_of(const Tokenizer& tokenizer, const ChatSettings& settings);
/// What apply_chat_template passes to a template for these messages: (role, content) each.
Json template_variables(const Tokenizer& tokenizer, Json messages, const ChatSettings& settings);
/// Puts what the model was trained with before a text there, where the template has not.
void add_text_begin(const Tokenizer& tokenizer, std::vector<Token>& tokens);

/// What will happen to a message, in a few words, the reason included where a template cannot be run.
std::string describe_chat(const Tokenizer& tokenizer);

}  // namespace rw
