// SPDX-License-Identifier: Apache-2.0
/// POST /v1/completions: OpenAI's first form, with echo and logprobs as evaluators read them, and vLLM's
/// prompt_logprobs.
#include <algorithm>

#include "core/utf8.h"
#include "server/answering.h"

namespace rw::server::completions {
namespace {

class CompletionForm : public Form {
 public:
  CompletionForm(bool echo, bool shows) : echo_(echo), shows_(shows) {}

  Json whole(const Answer& answer) override {
    Json body = head(answer);
    for (std::size_t i = 0; i < answer.choices.size(); ++i) {
      const ChoiceSoFar& choice = answer.choices[i];
      Json one = choice_of(i, (echo_ ? prompt_text(answer, i) : "") + choice.text);
      Sent all;
      if (answer.asked.logprobs) one["logprobs"] = legacy(answer, i, all);
      end_choice(answer, choice, one);
      if (shows_) one["prompt_logprobs"] = of_prompt(answer, i);
      body["choices"].push_back(std::move(one));
    }
    body["usage"] = usage_of(answer);
    body["timings"] = timings_of(answer);
    add_methods(answer, body);
    return body;
  }

  std::vector<Json> begin(const Answer& answer) override {
    sent_.assign(answer.choices.size(), {});
    Json body = head(answer);
    const bool echoes = echo_ && !answer.asked.logprobs;  // with logprobs: as they are there
    if (!echoes && !answer.asked.progress) return {};
    for (std::size_t i = 0; echoes && i < answer.choices.size(); ++i)
      body["choices"].push_back(choice_of(i, prompt_text(answer, i)));
    add_methods(answer, body);
    return {body};
  }
  /// Part by part, so that a long prompt's is no single event.
  std::vector<Json> scored(const Answer& answer, std::size_t i) override {
    if (!echo_ || !answer.asked.logprobs) return {};
    return {chunk(answer, i, "")};
  }
  std::vector<Json> read(const Answer& answer, std::size_t i) override {
    Json body = head(answer);
    body["prompt_progress"] = progress_of(answer, i);
    return {body};
  }
  std::vector<Json> wrote(const Answer& answer, std::size_t i) override {
    Json body = chunk(answer, i, answer.choices[i].written.back().text);
    if (answer.asked.timings) body["timings"] = timings_of(answer, i);
    return {body};
  }
  std::vector<Json> done(const Answer& answer, std::size_t i) override {
    Json body = chunk(answer, i, answer.choices[i].done->text);
    end_choice(answer, answer.choices[i], body["choices"][0]);
    body["timings"] = timings_of(answer, i);
    add_method(answer, i, body);
    return {body};
  }
  std::vector<Json> end(const Answer& answer) override {
    if (!answer.asked.include_usage) return {};
    Json body = head(answer);
    body["usage"] = usage_of(answer);
    return {body};
  }

 private:
  static Json head(const Answer& answer) {
    return {{"id", "cmpl-" + answer.id},        {"object", "text_completion"},
            {"created", answer.created},        {"model", answer.asked.model->name},
            {"system_fingerprint", "ropewalk"}, {"choices", Json::array()}};
  }
  static Json choice_of(std::size_t i, const std::string& text) {
    return {{"index", i}, {"text", text}, {"logprobs", nullptr}, {"finish_reason", nullptr}};
  }
  static void end_choice(const Answer&, const ChoiceSoFar& choice, Json& one) {
    one["finish_reason"] = finish_reason(*choice.done);
    one["stop_reason"] = choice.done->stop ? Json(*choice.done->stop) : Json(nullptr);
  }
  /// What of a choice was sent with logprobs: tokens of its prompt and its answer, and their characters.
  struct Sent {
    std::size_t n_prompt = 0, n_written = 0, characters = 0;
    std::string begun = {};  ///< of a character of the prompt whose end is not read yet: not sent
  };

  /// What is there and was not sent.
  Json chunk(const Answer& answer, std::size_t i, const std::string& text) {
    Json body = head(answer);
    if (!answer.asked.logprobs) {
      body["choices"].push_back(choice_of(i, text));
      return body;
    }
    Sent& sent = sent_[i];
    std::string echoed = std::exchange(sent.begun, "");
    Json said = legacy(answer, i, sent, &echoed);
    if (echo_ && sent.n_prompt < answer.prompt_of(i).size()) {
      sent.begun = echoed.substr(echoed.size() - utf8_unfinished(echoed));
      echoed.resize(echoed.size() - sent.begun.size());
    }
    Json one = choice_of(i, echoed + text);
    if (!said["tokens"].empty()) one["logprobs"] = std::move(said);
    body["choices"].push_back(std::move(one));
    return body;
  }

  /// Tokens of the prompt that can be echoed with logprobs: its first one has none.
  std::size_t n_to_echo(const Answer& answer, std::size_t i) const {
    return echo_ ? std::min(answer.prompt_of(i).size(), answer.choices[i].prompt_logprobs.size() + 1) : 0;
  }
  /// BOS, which nobody gave.
  static bool of_server(const Answer& answer, std::size_t i, std::size_t t) {
    return t < answer.asked.n_begin[answer.choices[i].prompt];
  }

  /// {tokens, token_logprobs, top_logprobs, text_offset} of what is there beyond `sent`, which it is added
  /// to; the text of the prompt in it is added to `echoed`, where that is given.
  Json legacy(const Answer& answer, std::size_t i, Sent& sent, std::string* echoed = nullptr) const {
    Json tokens = Json::array(), logprobs = Json::array(), tops = Json::array(), offsets = Json::array();
    const auto add = [&](const std::string& text, const serving::TokenLogprob* said) {
      tokens.push_back(name_of(text));
      offsets.push_back(sent.characters);
      sent.characters += count_characters(text);
      logprobs.push_back(said ? number_of(said->logprob) : Json(nullptr));
      if (said == nullptr) return tops.push_back(nullptr);
      Json top = Json::object();
      for (const auto& each : said->top) {
        const std::string name = name_of(token_text(answer, each.token));
        if (!top.contains(name)) top[name] = number_of(each.logprob);
      }
      tops.push_back(std::move(top));
    };
    const ChoiceSoFar& choice = answer.choices[i];
    const std::vector<Token>& prompt = answer.prompt_of(i);
    for (std::size_t& t = sent.n_prompt; t < n_to_echo(answer, i); ++t) {
      const std::string text = of_server(answer, i, t) ? "" : token_text(answer, prompt[t]);
      add(text, t == 0 ? nullptr : &choice.prompt_logprobs[t - 1]);
      if (echoed != nullptr) *echoed += text;
    }
    for (std::size_t& t = sent.n_written; t < choice.written.size(); ++t)
      add(token_text(answer, choice.written[t].token),
          choice.written[t].logprob ? &*choice.written[t].logprob : nullptr);
    return {
        {"tokens", tokens}, {"token_logprobs", logprobs}, {"top_logprobs", tops}, {"text_offset", offsets}};
  }

  /// Parts of a character are named by their bytes, as OpenAI has it: one U+FFFD for all could not be told
  /// apart.
  static std::string name_of(const std::string& text) {
    if (is_utf8(text)) return text;
    std::string name = "bytes:";
    for (const char c : text) name += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    return name;
  }

  /// Characters of UTF-8: what is no first byte of one counts with the one before.
  static std::size_t count_characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
  }

  /// [null, {"id": {"logprob", "rank", "decoded_token"}} ...], as vLLM has it.
  static Json of_prompt(const Answer& answer, std::size_t i) {
    Json list = Json::array({nullptr});
    for (const serving::TokenLogprob& said : answer.choices[i].prompt_logprobs) {
      Json one = Json::object();
      const auto add = [&](Token token, double logprob, Index rank) {
        one[std::to_string(token)] = {
            {"logprob", number_of(logprob)}, {"rank", rank}, {"decoded_token", token_text(answer, token)}};
      };
      for (std::size_t t = 0; t < said.top.size(); ++t)
        add(said.top[t].token, said.top[t].logprob, static_cast<Index>(t) + 1);
      add(said.token, said.logprob, said.rank);
      list.push_back(std::move(one));
    }
    return list;
  }

  bool echo_, shows_;  // the prompt; its logprobs, as vLLM has them
  std::vector<Sent> sent_;
};

void complete(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  Generation g = read_generation(api, request, fields);
  read_stream_options(g, fields);
  const bool echo = fields.flag("echo").value_or(false);
  g.logprobs = fields.whole("logprobs", 0, kMostLogprobs);
  g.prompt_logprobs = fields.whole("prompt_logprobs", 0, kMostLogprobs);
  g.n_predict = fields.whole("max_tokens", 0, kMostTokens).value_or(16);
  if (const auto best_of = fields.whole("best_of", 1, kMostChoices); best_of && *best_of != g.n)
    throw ApiError(400, "best_of", "the same as n: nothing is chosen among answers",
                   fmt::format("{}", *best_of));
  if (const auto suffix = fields.text("suffix"); suffix && !suffix->empty()) fields.refuse("suffix");
  read_prompts(g, fields);
  if (g.stream && g.prompt_logprobs)
    throw ApiError(400, "prompt_logprobs", "an answer that is not streamed", "stream: true",
                   "echo with logprobs is streamed, too");
  const bool shows = g.prompt_logprobs.has_value();
  if (echo && g.logprobs && !shows) g.prompt_logprobs = g.logprobs;
  answer(api, std::move(g), std::make_unique<CompletionForm>(echo, shows), reply);
}

const Register<Route> registered{{"POST /v1/completions", {}, complete}};

}  // namespace
}  // namespace rw::server::completions
