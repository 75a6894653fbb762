// SPDX-License-Identifier: Apache-2.0
#include "cli/given_text.h"

#include <algorithm>
#include <filesystem>

#include "core/text.h"

namespace rw {

/// The files' text in order; of several each stands behind a line with its name.
void GivenText::for_pieces(const char* doing, const std::function<void(std::string_view)>& piece) const {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const std::string name = std::filesystem::path(files_[i]).filename().string();
    if (files_.size() > 1) piece(fmt::format("{}File: {}\n\n", i == 0 ? "" : "\n\n", printable(name)));
    read_text_pieces(files_[i], doing, piece);
  }
}

/// `text` in the files' place before `prompt`, or in the prompt's where there are no files.
std::vector<Token> GivenText::around(const Tokenizer& tokenizer, const std::string& text,
                                     const std::string& prompt) const {
  const bool both = !files_.empty() && !text.empty() && !prompt.empty();
  const std::string message = files_.empty() ? text : text + (both ? "\n\n" : "") + prompt;
  ChatPrompt made = user_prompt(tokenizer, message, "", chat_);
  if (made.exposed)
    say("the template changes the text: control tokens that are spelled in it are read as such");
  return std::move(made.tokens);
}

/// One of `tokens` at least is left to read.
Index GivenText::common_with_others(const Tokenizer& tokenizer, const std::string& text,
                                    const std::vector<Token>& tokens) const {
  Index n = files_.empty() ? 0 : static_cast<Index>(tokens.size()) - 1;
  for (const std::string& prompt : {std::string(), prompt_ + "?"}) {
    if (n == 0) break;
    const std::vector<Token> others = around(tokenizer, text, prompt);
    n = std::min<Index>(
        n, std::mismatch(tokens.begin(), tokens.end(), others.begin(), others.end()).first - tokens.begin());
  }
  return n;
}

GivenText::Part GivenText::whole(const Tokenizer& tokenizer, bool common) const {
  Part part;
  part.text = files_.empty()
                  ? prompt_
                  : held_text("the text", [&](const auto& add) { for_pieces("reading the text", add); });
  part.tokens = around(tokenizer, part.text, prompt_);
  if (common) part.n_common = common_with_others(tokenizer, part.text, part.tokens);
  return part;
}

GivenText::Part GivenText::part(const Tokenizer& tokenizer, LeftOut left_out, Index limit,
                                bool common) const {
  TextEnds ends(limit);
  Part part;
  std::string& text = part.text;  // while it may fit
  TokenStream stream(tokenizer, false, [&](std::span<const Token> ids) { ends.add(ids); });
  const auto add = [&](std::string_view piece) {
    stream.add(piece);
    if (ends.n() <= limit) text += piece;
  };
  if (files_.empty())
    add(prompt_);
  else
    for_pieces("tokenizing", add);
  stream.end();
  part.n_text = ends.n();
  const auto count = [&](const std::string& some) {
    part.tokens = around(tokenizer, some, prompt_);
    return static_cast<Index>(part.tokens.size());
  };
  if (ends.n() > limit || count(text) > limit) {
    Truncated cut = truncate_text(tokenizer, ends, left_out, limit, count);
    text = std::move(cut.text), part.n_left_out = cut.n_left_out;
  }
  if (common) part.n_common = common_with_others(tokenizer, text, part.tokens);
  return part;
}

}  // namespace rw
