// SPDX-License-Identifier: Apache-2.0
/// POST /tokenize, /detokenize and /apply-template: llama.cpp's forms, and vLLM's of the first two.
#include "chat/turn.h"
#include "server/generation.h"
#include "server/messages.h"

namespace rw::server::tokens {
namespace {

Json pieces(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  Json list = Json::array();
  for (const Token token : tokens) list.push_back({{"id", token}, {"piece", tokenizer.decode(token, true)}});
  return list;
}

/// {"content", "add_special", "parse_special", "with_pieces"} -> {"tokens"}; {"prompt"} or {"messages"} ->
/// {"tokens", "count", "max_model_len"}.
void tokenize(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  const serving::ModelUse use = api.model(request, fields.text("model", 1024).value_or(""));
  const Tokenizer& tokenizer = use->model->tokenizer();
  const bool chat = fields.any("messages") != nullptr;
  const auto content = fields.text("content"), prompt = fields.text("prompt");
  if (content.has_value() + prompt.has_value() + chat != 1)
    throw ApiError(400, "content", "one of content, prompt and messages", "none, or several");
  fields.only_one("add_special", "add_special_tokens");
  const auto asked = fields.flag("add_special"), asked_too = fields.flag("add_special_tokens");
  const bool begin = asked ? *asked : asked_too.value_or(!content);
  const bool special = fields.flag("parse_special").value_or(true);
  fields.only_one("with_pieces", "return_token_strs");
  const bool with_pieces =
      fields.flag("with_pieces").value_or(false) || fields.flag("return_token_strs").value_or(false);
  std::vector<Token> tokens;
  if (chat) tokens = read_conversation(tokenizer, fields).tokens;
  fields.end();
  if (!chat) {
    tokens = tokenizer.encode(content ? *content : *prompt, special);
    if (begin) add_text_begin(tokenizer, tokens);
  }
  if (content)
    return reply->Reply::send(200, {{"tokens", with_pieces ? pieces(tokenizer, tokens) : Json(tokens)}});
  Json answer = {
      {"tokens", tokens}, {"count", tokens.size()}, {"max_model_len", use->model->config().n_ctx_train}};
  if (with_pieces) {
    answer["token_strs"] = Json::array();
    for (const Token token : tokens) answer["token_strs"].push_back(tokenizer.decode(token, true));
  }
  reply->Reply::send(200, answer);
}

void detokenize(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  const serving::ModelUse use = api.model(request, fields.text("model", 1024).value_or(""));
  const JsonInput* list = fields.any("tokens");
  fields.end();
  if (list == nullptr) throw ApiError(400, "tokens", "an array of token ids", "none");
  const std::string text = use->model->tokenizer().decode(read_tokens(*use->model, *list, "tokens"), true);
  reply->Reply::send(200, {{"content", text}, {"prompt", text}});
}

void apply_template(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  const serving::ModelUse use = api.model(request, fields.text("model", 1024).value_or(""));
  const Conversation conversation = read_conversation(use->model->tokenizer(), fields);
  fields.end();
  reply->Reply::send(200, {{"prompt", conversation.text}});
}

const Register<Route> registered_tokenize{{"POST /tokenize", {}, tokenize}};
const Register<Route> registered_detokenize{{"POST /detokenize", {}, detokenize}};
const Register<Route> registered_template{{"POST /apply-template", {}, apply_template}};

}  // namespace
}  // namespace rw::server::tokens
