// SPDX-License-Identifier: Apache-2.0
#include "server/messages.h"

#include <algorithm>
#include <ctime>
#include <iterator>

namespace rw::server {
namespace {

constexpr std::size_t kMostMessages = 4096;
constexpr const char* kRoles[] = {"system", "user", "assistant", "developer"};

/// A string, or [{"type": "text", "text": ...} ...].
std::string content_of(Fields& message) {
  const JsonInput* content = message.any("content");
  if (content == nullptr) throw ApiError(400, message.place_of("content"), "a string", "none");
  if (content->is_string()) return content->get<std::string>();
  const std::string place = message.place_of("content");
  if (!content->is_array()) throw ApiError(400, place, "a string, or parts of type text", kind_of(*content));
  std::string text;
  for (const JsonInput& each : *content) {
    Fields part(each, place + "[].");
    const std::string type = part.text("type").value_or("");
    const auto said = part.text("text");
    if (type != "text" || !said)
      throw ApiError(400, place, "parts of type text", "'" + type.substr(0, 50) + "'",
                     "this server reads text alone");
    part.end();
    text += *said;
  }
  return text;
}

Message message_of(const JsonInput& value, std::size_t i) {
  Fields message(value, fmt::format("messages[{}].", i));
  Message read{message.text("role", 64).value_or(""), content_of(message)};
  if (std::find(std::begin(kRoles), std::end(kRoles), read.role) == std::end(kRoles))
    throw ApiError(400, message.place_of("role"), "system, user or assistant", "'" + read.role + "'");
  if (read.role == "developer") read.role = "system";
  message.ignore("reasoning_content");  // templates leave thoughts of earlier turns out
  message.refuse("refusal"), message.refuse("name");
  if (const JsonInput* calls = message.any("tool_calls"); calls && !(calls->is_array() && calls->empty()))
    message.refuse("tool_calls");
  message.end();
  return read;
}

std::string effort_of(Fields& fields) {
  std::string effort = fields.text("reasoning_effort").value_or("");
  if (!effort.empty() && effort != "low" && effort != "medium" && effort != "high")
    throw ApiError(400, fields.place_of("reasoning_effort"), "low, medium or high",
                   "'" + effort.substr(0, 40) + "'");
  return effort;
}

}  // namespace

Conversation read_conversation(const Tokenizer& tokenizer, Fields& fields) {
  const JsonInput* list = fields.any("messages");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMostMessages)
    throw ApiError(400, "messages", fmt::format("an array of 1 to {} messages", kMostMessages),
                   list ? (list->is_array() ? fmt::format("{}", list->size()) : kind_of(*list)) : "none");
  std::vector<Message> messages;
  for (std::size_t i = 0; i < list->size(); ++i) messages.push_back(message_of((*list)[i], i));
  ChatSettings settings{.effort = effort_of(fields), .now = std::time(nullptr)};
  if (const JsonInput* more = fields.any("chat_template_kwargs")) {
    Fields inside(*more, "chat_template_kwargs.");
    settings.thinking = inside.flag("enable_thinking");
    if (const auto thinking = inside.flag("thinking")) settings.thinking = thinking;
    if (const std::string effort = effort_of(inside); !effort.empty()) settings.effort = effort;
    inside.end();
  }
  if (!settings.effort.empty() && has_chat_template(tokenizer, settings) && !takes_effort(tokenizer))
    throw ApiError(400, "reasoning_effort", "a model whose chat template reads it", "another: leave it out");
  if (const JsonInput* format = fields.any("response_format")) {
    Fields inside(*format, "response_format.");
    if (inside.text("type").value_or("") != "text")
      throw ApiError(400, "response_format", "{\"type\": \"text\"}", "another: it is not supported");
    inside.end();
  }
  if (const JsonInput* choice = fields.any("tool_choice"); choice != nullptr && *choice != "none")
    throw ApiError(400, "tool_choice", "none: tools are not supported", kind_of(*choice));
  for (const char* field : {"parallel_tool_calls", "store"})
    if (fields.flag(field).value_or(false)) fields.refuse(field);
  if (const auto begins = fields.flag("add_generation_prompt"); begins && !*begins)
    throw ApiError(400, "add_generation_prompt", "true: the begin of an answer is always there", "false");
  fields.refuse("chat_template");  // the model's own is run
  try {
    return conversation_prompt(tokenizer, messages, settings);
  } catch (const ApiError&) {
    throw;
  } catch (const Error& error) {
    throw ApiError(400, "messages", error);
  }
}

}  // namespace rw::server
