// SPDX-License-Identifier: Apache-2.0
#include "chat/turn.h"

#include <algorithm>

#include "chat/python_text.h"
#include "core/error.h"
#include "core/option.h"

namespace rw {
namespace {

/// Stands for a message in a first rendering; no template has a word for it.
constexpr std::string_view kMessageMark = "ropewalk-c40e1b9d-message";
constexpr const char* kEffort = "reasoning_effort";

std::string render(const Tokenizer& tokenizer, const chat::Template& parsed, std::string_view message,
                   const ChatSettings& settings) {
  Json messages = Json::array({{{"role", "user"}, {"content", std::string(message)}}});
  return parsed.render(template_variables(tokenizer, std::move(messages), settings), settings.now);
}

/// What stands around the mark; false where it is not there exactly once.
bool around_mark(const std::string& text, ChatTurn& turn) {
  const std::size_t at = text.find(kMessageMark);
  if (at == text.npos || text.find(kMessageMark, at + 1) != text.npos) return false;
  turn.before = text.substr(0, at), turn.after = text.substr(at + kMessageMark.size());
  turn.chat = true;
  return true;
}

/// The stretch of `text` between before and after, if it is the message or the message trimmed.
std::optional<std::string_view> message_in(std::string_view text, const ChatTurn& turn,
                                           std::string_view message) {
  if (text.size() < turn.before.size() + turn.after.size() || !text.starts_with(turn.before) ||
      !text.ends_with(turn.after))
    return std::nullopt;
  const std::string_view middle =
      text.substr(turn.before.size(), text.size() - turn.before.size() - turn.after.size());
  for (const std::size_t left : {std::size_t{0}, chat::leading_space(message)}) {
    const std::string_view rest = message.substr(left);
    for (const std::size_t right : {std::size_t{0}, chat::trailing_space(rest)})
      if (middle == rest.substr(0, rest.size() - right)) return middle;
  }
  return std::nullopt;
}

std::vector<Token> encode(const Tokenizer& tokenizer, std::initializer_list<TextPart> parts, bool inside) {
  return tokenizer.encode_parts({parts.begin(), parts.size()}, inside);
}

/// How many tokens two lists share from their begin, or from their end.
template <class A, class B>
Index shared(A a, A a_end, B b, B b_end) {
  return static_cast<Index>(std::mismatch(a, a_end, b, b_end).first - a);
}

}  // namespace

bool has_chat_template(const Tokenizer& tokenizer, const ChatSettings& settings) {
  if (settings.raw) return false;
  if (!tokenizer.chat_template_problem.empty())
    throw Error("chat template", "one template, or one named 'default'", tokenizer.chat_template_problem,
                option("a prompt of your own", "--raw") + " sends the text without the template");
  return !tokenizer.chat_template.empty();
}

bool takes_effort(const Tokenizer& tokenizer) {
  return chat::Template(tokenizer.chat_template).uses(kEffort);
}

chat::Template template_of(const Tokenizer& tokenizer, const ChatSettings& settings) {
  chat::Template parsed(tokenizer.chat_template);
  if (!settings.effort.empty() && !parsed.uses(kEffort))
    throw Error("chat template", "one that reads reasoning_effort", "one that does not",
                "leave it out: this model thinks as long as it was trained to");
  return parsed;
}

Json template_variables(const Tokenizer& tokenizer, Json messages, const ChatSettings& settings) {
  Json variables;
  variables["messages"] = std::move(messages);
  variables["tools"] = nullptr;  // as apply_chat_template passes them: defined, and none
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = true;
  for (const auto& [name, text] : tokenizer.special_texts) variables[name] = text;
  if (settings.thinking) variables["enable_thinking"] = variables["thinking"] = *settings.thinking;
  if (!settings.effort.empty()) variables[kEffort] = settings.effort;
  return variables;
}

void add_text_begin(const Tokenizer& tokenizer, std::vector<Token>& tokens) {
  const std::vector<Token> begin = tokenizer.text_begin();
  if (!begin.empty() && (tokens.empty() || tokens[0] != begin[0]))
    tokens.insert(tokens.begin(), begin.begin(), begin.end());
}

ChatSettings chat_of_today(bool raw) {
  return {.raw = raw, .thinking = {}, .effort = {}, .now = std::time(nullptr), .special = false};
}

ChatSettings judged_chat(bool raw) {
  constexpr std::time_t kDay = 1721995200;  // 2024-07-26, noon
  return {.raw = raw, .thinking = false, .effort = {}, .now = kDay, .special = false};
}

std::vector<Token> ChatTurn::opening(const Tokenizer& tokenizer, std::string_view text) const {
  std::vector<Token> tokens = encode(tokenizer, {{before, true}, {text, false}}, false);
  add_text_begin(tokenizer, tokens);
  return tokens;
}

std::vector<Token> ChatTurn::whole(const Tokenizer& tokenizer, std::string_view text,
                                   std::string_view answer) const {
  std::vector<Token> tokens =
      encode(tokenizer, {{before, true}, {text, false}, {after, true}, {answer, false}}, false);
  add_text_begin(tokenizer, tokens);
  return tokens;
}

std::vector<Token> ChatTurn::closing(const Tokenizer& tokenizer, std::string_view text,
                                     std::string_view answer) const {
  return encode(tokenizer, {{text, false}, {after, true}, {answer, false}}, true);
}

ChatTurn chat_turn(const Tokenizer& tokenizer, const ChatSettings& settings) {
  ChatTurn turn;
  if (!has_chat_template(tokenizer, settings)) return turn;
  const chat::Template parsed = template_of(tokenizer, settings);
  if (!around_mark(render(tokenizer, parsed, kMessageMark, settings), turn))
    throw Error("chat template", "a template that puts a user's message into the prompt once, as it is",
                "one that does not",
                option("a prompt of your own", "--raw") + " sends the text without the template");
  return turn;
}

ChatPrompt user_prompt(const Tokenizer& tokenizer, std::string_view message, std::string_view answer,
                       const ChatSettings& settings) {
  ChatPrompt prompt;
  ChatTurn turn;
  std::string text(message);
  std::optional<std::string_view> inside = text;
  prompt.chat = has_chat_template(tokenizer, settings);
  if (prompt.chat) {
    const chat::Template parsed = template_of(tokenizer, settings);
    text = render(tokenizer, parsed, message, settings);
    const bool marked = around_mark(render(tokenizer, parsed, kMessageMark, settings), turn);
    inside = marked ? message_in(text, turn, message) : std::nullopt;
    prompt.exposed = !inside;
  }
  if (!inside || settings.special) {
    prompt.tokens = encode(tokenizer, {{text, true}, {answer, false}}, false);
    add_text_begin(tokenizer, prompt.tokens);
    return prompt;
  }
  prompt.tokens = turn.whole(tokenizer, *inside, answer);
  const std::vector<Token> before = turn.opening(tokenizer, ""), after = turn.closing(tokenizer, "", answer);
  prompt.n_before = shared(prompt.tokens.begin(), prompt.tokens.end(), before.begin(), before.end());
  prompt.n_after =
      std::min(shared(prompt.tokens.rbegin(), prompt.tokens.rend(), after.rbegin(), after.rend()),
               static_cast<Index>(prompt.tokens.size()) - prompt.n_before);
  return prompt;
}

std::string describe_chat(const Tokenizer& tokenizer) {
  if (tokenizer.chat_template.empty() && tokenizer.chat_template_problem.empty())
    return "none: a prompt is sent as plain text";
  try {
    has_chat_template(tokenizer, {});
    const chat::Template parsed(tokenizer.chat_template);
    render(tokenizer, parsed, kMessageMark, chat_of_today(false));
    const bool thinks = parsed.uses("enable_thinking") || parsed.uses("thinking");
    return fmt::format("run, from {}{}{}", tokenizer.chat_template_place,
                       thinks ? "; thinking can be switched off" : "",
                       parsed.uses(kEffort) ? "; it takes a reasoning effort" : "");
  } catch (const Error& e) {
    return fmt::format("cannot be run: {}", e.what());
  }
}

}  // namespace rw
