// SPDX-License-Identifier: Apache-2.0
#include "chat/conversation.h"

#include <algorithm>
#include <array>
#include <optional>

#include "chat/python_text.h"
#include "chat/template.h"
#include "core/error.h"
#include "core/option.h"

namespace rw {
namespace {

/// Stands for message i in a second rendering; no template has a word for it.
std::string mark(std::size_t i) { return fmt::format("ropewalk-c40e1b9d-{}-message", i); }

std::string render(const Tokenizer& tokenizer, const chat::Template& parsed,
                   std::span<const Message> messages, const ChatSettings& settings, bool marked) {
  Json list = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i)
    list.push_back({{"role", messages[i].role}, {"content", marked ? mark(i) : messages[i].content}});
  return parsed.render(template_variables(tokenizer, std::move(list), settings), settings.now);
}

/// What stands before each mark, and behind the last; none where they are not all there once, in order.
std::optional<std::vector<std::string>> between_marks(const std::string& text, std::size_t n) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string word = mark(i);
    const std::size_t found = text.find(word);
    if (found == text.npos || found < at || text.find(word, found + 1) != text.npos) return {};
    parts.push_back(text.substr(at, found - at));
    at = found + word.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

/// A text as it is, and trimmed on one side or both.
std::array<std::string_view, 4> trimmed_ways(std::string_view text) {
  const std::size_t left = chat::leading_space(text), right = chat::trailing_space(text);
  const std::string_view behind = text.substr(left);
  return {text, text.substr(0, text.size() - right), behind,
          behind.substr(0, behind.size() - chat::trailing_space(behind))};
}

constexpr std::string_view kEndOfThoughts = "</think>";

/// What templates write of a message: the whole; of an answer also what stands behind its thoughts, which
/// they leave out of earlier turns.
std::vector<std::string_view> as_templates_write(const Message& message) {
  const auto whole = trimmed_ways(message.content);
  std::vector<std::string_view> ways(whole.begin(), whole.end());
  const std::size_t end = message.content.rfind(kEndOfThoughts);
  if (message.role == "assistant" && end != std::string::npos)
    for (const std::string_view way :
         trimmed_ways(std::string_view(message.content).substr(end + kEndOfThoughts.size())))
      ways.push_back(way);
  return ways;
}

/// `text` as parts[0], message 0, parts[1] ...; none where it is not that. Of the ways to trim a message the
/// first that the next part follows.
std::vector<TextPart> parts_of(std::string_view text, std::span<const std::string> parts,
                               std::span<const Message> messages) {
  if (!text.starts_with(parts[0])) return {};
  std::vector<TextPart> found{{text.substr(0, parts[0].size()), true}};
  text.remove_prefix(parts[0].size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string& next = parts[i + 1];
    const bool last = i + 1 == messages.size();
    const std::vector<std::string_view> ways = as_templates_write(messages[i]);
    const auto fits = [&](std::string_view content) {
      return text.starts_with(content) && text.substr(content.size()).starts_with(next) &&
             (!last || text.size() == content.size() + next.size());
    };
    const auto way = std::find_if(ways.begin(), ways.end(), fits);
    if (way == ways.end()) return {};
    found.push_back({text.substr(0, way->size()), false});
    found.push_back({text.substr(way->size(), next.size()), true});
    text.remove_prefix(way->size() + next.size());
  }
  return found;
}

}  // namespace

Conversation conversation_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                 const ChatSettings& settings) {
  if (!has_chat_template(tokenizer, settings))
    throw Error("chat template", "a model with one, for a conversation", "none in its files",
                "ask by a prompt" + option(": generate", " (generate, /v1/completions)"));
  const chat::Template parsed = template_of(tokenizer, settings);
  Conversation made;
  made.text = render(tokenizer, parsed, messages, settings, false);
  const auto parts = between_marks(render(tokenizer, parsed, messages, settings, true), messages.size());
  std::vector<TextPart> found;
  if (parts && !settings.special) found = parts_of(made.text, *parts, messages);
  if (found.empty()) {
    const bool harmless =
        settings.special || std::none_of(messages.begin(), messages.end(), [&](const Message& m) {
          return tokenizer.encode(m.content, true) != tokenizer.encode(m.content, false);
        });
    if (!harmless)
      throw Error("chat template", "one that writes every message as it is, or trimmed",
                  "one that changes them, and a message that spells a control token: it would be read as one",
                  "take the token out of the message, or ask by a prompt" + option("", " (generate --raw)"));
    found.assign(1, {made.text, true});
  }
  made.tokens = tokenizer.encode_parts(found);
  add_text_begin(tokenizer, made.tokens);
  return made;
}

}  // namespace rw
