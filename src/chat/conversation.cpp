// SPDX-License-Identifier: Apache-2.0
#include "chat/conversation.h"

#include <algorithm>
#include <array>
#include <optional>

#include "chat/python_text.h"
#include "chat/template.h"
#include "core/error.h"

namespace ropewalk {
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

/// A message as it is, and trimmed on one side or both.
std::array<std::string_view, 4> as_templates_write(std::string_view content) {
  const std::size_t left = chat::leading_space(content), right = chat::trailing_space(content);
  const std::string_view behind = content.substr(left);
  const std::size_t right_of_rest = chat::trailing_space(behind);
  return {content, content.substr(0, content.size() - right), behind,
          behind.substr(0, behind.size() - right_of_rest)};
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
    const auto ways = as_templates_write(messages[i].content);
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
                "ask by a prompt (generate, /v1/completions)");
  const chat::Template parsed(tokenizer.chat_template);
  Conversation made;
  made.text = render(tokenizer, parsed, messages, settings, false);
  const auto parts = between_marks(render(tokenizer, parsed, messages, settings, true), messages.size());
  std::vector<TextPart> found;
  if (parts && !settings.special) found = parts_of(made.text, *parts, messages);
  made.exposed = found.empty();
  if (made.exposed) found.assign(1, {made.text, true});
  made.tokens = tokenizer.encode_parts(found);
  add_text_begin(tokenizer, made.tokens);
  return made;
}

}  // namespace ropewalk
