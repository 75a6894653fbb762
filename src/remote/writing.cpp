// SPDX-License-Identifier: Apache-2.0
#include "remote/writing.h"

#include "core/utf8.h"
#include "remote/remote_tokenizer.h"

namespace rw::remote {
namespace {

constexpr const char* kCompletions = "/completions";

Json request(const Json& prompt, Index n_predict, bool with_ids) {
  Json body{{"prompt", prompt}, {"max_tokens", n_predict}, {"temperature", 0}};
  if (with_ids) body["return_token_ids"] = true;
  return body;
}

/// What a server wrote, without what ended it.
std::vector<Token> ids_written(const JsonInput& choice) {
  std::vector<Token> ids = read_ids(choice.value("token_ids", JsonInput()), kCompletions);
  const bool ended =
      choice.value("finish_reason", JsonInput()) == "stop";  // no text ends it: none is asked for
  if (ended && !ids.empty()) ids.pop_back();
  return ids;
}

/// Servers have written more than they were asked for.
std::string bounded(std::string text, Index n_predict) {
  constexpr std::size_t kMostBytes = 256;  // of a token
  std::size_t n = kMostBytes * static_cast<std::size_t>(n_predict);
  if (text.size() <= n) return text;
  while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0u) == 0x80u) --n;
  text.resize(n);
  return text;
}

}  // namespace

/// A part of one is no UTF-8, or U+FFFD by what a server said.
bool is_whole(const std::string& text) {
  return is_utf8(text) && !text.starts_with(kReplacement) && !text.ends_with(kReplacement);
}

Writing writing_of(Server& server, std::span<const Token> ids, const std::string& text) {
  for (const bool with_ids : {true, false}) try {  // who is strict refuses what it does not know
      const Server::Trial trial(server);
      const JsonInput answer = server.ask(kCompletions, request(ids, 1, with_ids));
      return {.as_text = false,
              .tells_ids =
                  with_ids && choice_of(answer, kCompletions).value("token_ids", JsonInput()).is_array()};
    } catch (const Refused& refused) {
      if (!refused.cannot()) throw;
    }
  server.ask(kCompletions, request(text, 1, false));
  return {.as_text = true, .tells_ids = false};
}

Written written_of(std::string text, const Tokenizer& tokenizer, Index n_predict) {
  text = bounded(std::move(text), n_predict);
  Written written;
  written.tokens = tokenizer.encode_inside(text), written.text = std::move(text);
  if (static_cast<Index>(written.tokens.size()) > n_predict)
    written.tokens.resize(static_cast<std::size_t>(n_predict));
  return written;
}

Written completed(const Server& server, const Writing& how, const Prompt& prompt, const Tokenizer& tokenizer,
                  Index n_predict) {
  const JsonInput answer = server.ask(kCompletions, request(prompt.json(), n_predict, how.tells_ids));
  const JsonInput& choice = choice_of(answer, kCompletions);
  const std::string& text = read_text_of(choice, "text", kCompletions);
  if (!how.tells_ids) return written_of(text, tokenizer, n_predict);
  Written written;
  written.tokens = ids_written(choice);
  if (static_cast<Index>(written.tokens.size()) > n_predict)
    written.tokens.resize(static_cast<std::size_t>(n_predict));
  const bool cut = !prompt.tokens.empty() && !is_whole(tokenizer.decode(prompt.tokens.back(), true));
  written.text = cut ? tokenizer.decode(written.tokens) : bounded(text, n_predict);
  return written;
}

/// A user's message answered, without thoughts where the template can.
ChatAnswer chat_answer(const Server& server, const std::string& message, Index n_predict) {
  constexpr const char* kRoute = "/chat/completions";
  const JsonInput answer =
      server.ask(kRoute, {{"messages", Json::array({{{"role", "user"}, {"content", message}}})},
                          {"max_tokens", n_predict},
                          {"temperature", 0},
                          {"chat_template_kwargs", {{"enable_thinking", false}}}});
  const JsonInput said = choice_of(answer, kRoute).value("message", JsonInput());
  if (!said.is_object()) throw OddAnswer(kRoute, "a choice with a message", dump_json(answer).substr(0, 80));
  // null: it wrote nothing, or thoughts alone.
  const bool wrote = !said.value("content", JsonInput()).is_null();
  return {wrote ? read_text_of(said, "content", kRoute) : "",
          positive_of(answer.value("usage", JsonInput()), "prompt_tokens")};
}

}  // namespace rw::remote
