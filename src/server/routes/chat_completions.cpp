// SPDX-License-Identifier: Apache-2.0
/// POST /v1/chat/completions: a conversation in the model's chat template.
#include "chat/conversation.h"
#include "server/answering.h"
#include "server/messages.h"
#include "server/reasoning.h"

namespace rw::server::chat_completions {
namespace {

class ChatForm : public Form {
 public:
  ChatForm(std::string prompt, bool marked) : prompt_(std::move(prompt)), marked_(marked) {}

  Json whole(const Answer& answer) override {
    Json body = head(answer, "chat.completion");
    for (std::size_t i = 0; i < answer.choices.size(); ++i) {
      const ChoiceSoFar& choice = answer.choices[i];
      Reasoning reasoning(prompt_, marked_);
      Reasoning::Part part = reasoning.add(choice.text);
      const Reasoning::Part rest = reasoning.end();
      Json message = {{"role", "assistant"}, {"content", part.answer + rest.answer}};
      if (const std::string thought = part.thought + rest.thought; !thought.empty())
        message["reasoning_content"] = thought;
      body["choices"].push_back({{"index", i},
                                 {"message", message},
                                 {"logprobs", answer.asked.logprobs ? logprobs(answer, i, 0) : Json(nullptr)},
                                 {"finish_reason", finish_reason(*choice.done)}});
    }
    body["usage"] = usage_of(answer);
    body["timings"] = timings_of(answer);
    add_methods(answer, body);
    return body;
  }

  std::vector<Json> begin(const Answer& answer) override {
    reasoning_.assign(answer.choices.size(), Reasoning(prompt_, marked_));
    n_sent_.assign(answer.choices.size(), 0);
    Json body = head(answer, kChunk);
    for (std::size_t i = 0; i < answer.choices.size(); ++i)
      body["choices"].push_back(delta(i, {{"role", "assistant"}, {"content", ""}}));
    add_methods(answer, body);
    return {body};
  }
  std::vector<Json> read(const Answer& answer, std::size_t i) override {
    Json body = head(answer, kChunk);
    body["prompt_progress"] = progress_of(answer, i);
    return {body};
  }
  std::vector<Json> wrote(const Answer& answer, std::size_t i) override {
    return chunks(answer, i, reasoning_[i].add(answer.choices[i].written.back().text));
  }
  std::vector<Json> done(const Answer& answer, std::size_t i) override {
    Reasoning::Part part = reasoning_[i].add(answer.choices[i].done->text);
    const Reasoning::Part rest = reasoning_[i].end();
    part.thought += rest.thought, part.answer += rest.answer;
    std::vector<Json> all = chunks(answer, i, part);
    Json body = head(answer, kChunk);
    body["choices"].push_back(delta(i, Json::object(), finish_reason(*answer.choices[i].done)));
    body["timings"] = timings_of(answer, i);
    add_method(answer, i, body);
    all.push_back(std::move(body));
    return all;
  }
  std::vector<Json> end(const Answer& answer) override {
    if (!answer.asked.include_usage) return {};
    Json body = head(answer, kChunk);
    body["usage"] = usage_of(answer);
    return {body};
  }

 private:
  static constexpr const char* kChunk = "chat.completion.chunk";

  static Json head(const Answer& answer, const char* object) {
    return {{"id", "chatcmpl-" + answer.id},    {"object", object},
            {"created", answer.created},        {"model", answer.asked.model->name},
            {"system_fingerprint", "ropewalk"}, {"choices", Json::array()}};
  }
  static Json delta(std::size_t i, Json fields, const std::string& reason = "") {
    return {{"index", i},
            {"delta", std::move(fields)},
            {"logprobs", nullptr},
            {"finish_reason", reason.empty() ? Json(nullptr) : Json(reason)}};
  }
  /// A token may be without text that is certain; its logprob is sent all the same.
  std::vector<Json> chunks(const Answer& answer, std::size_t i, const Reasoning::Part& part) {
    Json fields = Json::object();
    if (!part.thought.empty()) fields["reasoning_content"] = part.thought;
    if (!part.answer.empty()) fields["content"] = part.answer;
    const std::size_t n = answer.choices[i].written.size();
    const bool more = answer.asked.logprobs && n > n_sent_[i];
    if (fields.empty() && !more) return {};
    Json body = head(answer, kChunk);
    body["choices"].push_back(delta(i, std::move(fields)));
    if (more) body["choices"][0]["logprobs"] = logprobs(answer, i, n_sent_[i]);
    if (answer.asked.timings) body["timings"] = timings_of(answer, i);
    n_sent_[i] = n;
    return {body};
  }
  static Json logprobs(const Answer& answer, std::size_t i, std::size_t first) {
    Json content = Json::array();
    const auto one = [&](Token token, double logprob) -> Json {
      const std::string text = token_text(answer, token);
      return {{"token", text}, {"logprob", number_of(logprob)}, {"bytes", bytes_of(text)}};
    };
    for (std::size_t t = first; t < answer.choices[i].written.size(); ++t) {
      const auto& written = answer.choices[i].written[t];
      if (!written.logprob) continue;
      Json token = one(written.token, written.logprob->logprob);
      token["top_logprobs"] = Json::array();
      for (const auto& top : written.logprob->top)
        token["top_logprobs"].push_back(one(top.token, top.logprob));
      content.push_back(std::move(token));
    }
    return {{"content", content}};
  }

  std::string prompt_;
  bool marked_;
  std::vector<Reasoning> reasoning_;
  std::vector<std::size_t> n_sent_;
};

void chat(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  Generation g = read_generation(api, request, fields);
  read_stream_options(g, fields);
  fields.only_one("max_tokens", "max_completion_tokens");
  g.n_predict = fields.whole("max_tokens", 1, kMostTokens);
  if (const auto n = fields.whole("max_completion_tokens", 1, kMostTokens))
    g.n_predict = n, g.n_predict_field = "max_completion_tokens";
  const bool logprobs = fields.flag("logprobs").value_or(false);
  const auto top = fields.whole("top_logprobs", 0, kMostLogprobs);
  if (top && !logprobs) throw ApiError(400, "top_logprobs", "logprobs: true beside it", "none");
  if (logprobs) g.logprobs = top.value_or(0);
  const Conversation conversation = read_conversation(g.model->model->tokenizer(), fields);
  fields.end();
  g.prompts = {conversation.tokens}, g.n_begin = {0}, g.prompt_field = "messages";
  auto form = std::make_unique<ChatForm>(conversation.text,
                                         marks_thoughts(g.model->model->tokenizer().chat_template));
  answer(api, std::move(g), std::move(form), reply);
}

const Register<Route> registered{{"POST /v1/chat/completions", {"POST /chat/completions"}, chat}};

}  // namespace
}  // namespace rw::server::chat_completions
