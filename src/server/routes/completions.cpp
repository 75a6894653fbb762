// SPDX-License-Identifier: Apache-2.0
/// POST /v1/completions: OpenAI's first form, with echo and logprobs as evaluators read them, and vLLM's
/// prompt_logprobs.
#include <algorithm>

#include "core/utf8.h"
#include "server/answering.h"

namespace ropewalk::server::completions {
namespace {

class CompletionForm : public Form {
 public:
  CompletionForm(bool echo, bool shows) : echo_(echo), shows_(shows) {}

  Json whole(const Answer& answer) override {
    Json body = head(answer);
    for (std::size_t i = 0; i < answer.choices.size(); ++i) {
      const ChoiceSoFar& choice = answer.choices[i];
      Json one = choice_of(i, (echo_ ? prompt_text(answer, i) : "") + choice.text);
      if (answer.asked.logprobs) one["logprobs"] = legacy(answer, i, 0, echo_);
      end_choice(answer, choice, one);
      if (shows_) one["prompt_logprobs"] = of_prompt(answer, i);
      body["choices"].push_back(std::move(one));
    }
    body["usage"] = usage_of(answer);
    body["timings"] = timings_of(answer);
    add_method(answer, body);
    return body;
  }

  std::vector<Json> begin(const Answer& answer) override {
    n_sent_.assign(answer.choices.size(), 0);
    echoed_.assign(answer.choices.size(), !echo_ || !answer.asked.logprobs);
    Json body = head(answer);
    add_method(answer, body);
    if (!echo_ || answer.asked.logprobs)
      return answer.asked.progress ? std::vector<Json>{body} : std::vector<Json>{};
    for (std::size_t i = 0; i < answer.choices.size(); ++i)
      body["choices"].push_back(choice_of(i, prompt_text(answer, i)));
    return {body};
  }
  std::vector<Json> read(const Answer& answer, std::size_t i) override {
    Json body = head(answer);
    body["prompt_progress"] = progress_of(answer, i);
    return {body};
  }
  std::vector<Json> wrote(const Answer& answer, std::size_t i) override {
    return {chunk(answer, i, answer.choices[i].written.back().text)};
  }
  std::vector<Json> done(const Answer& answer, std::size_t i) override {
    Json body = chunk(answer, i, answer.choices[i].done->text);
    end_choice(answer, answer.choices[i], body["choices"][0]);
    body["timings"] = timings_of(answer, i);
    add_method(answer, body);
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
  Json chunk(const Answer& answer, std::size_t i, const std::string& text) {
    Json body = head(answer);
    const bool echo = !echoed_[i];  // with its logprobs, which are not there when a stream begins
    echoed_[i] = true;
    Json one = choice_of(i, (echo ? prompt_text(answer, i) : "") + text);
    const std::size_t n = answer.choices[i].written.size();
    if (answer.asked.logprobs && (echo || n > n_sent_[i]))
      one["logprobs"] = legacy(answer, i, n_sent_[i], echo);
    n_sent_[i] = n;
    body["choices"].push_back(std::move(one));
    return body;
  }

  /// {tokens, token_logprobs, top_logprobs, text_offset}, of what was written from `first` on; where it is
  /// echoed the prompt stands before.
  Json legacy(const Answer& answer, std::size_t i, std::size_t first, bool echo) const {
    Json tokens = Json::array(), logprobs = Json::array(), tops = Json::array(), offsets = Json::array();
    std::string before;
    if (echo_ && !echo) before = prompt_text(answer, i);
    const auto add = [&](Token token, const serving::TokenLogprob* said, bool of_server = false) {
      const std::string text = of_server ? "" : token_text(answer, token);
      tokens.push_back(text);
      offsets.push_back(count_characters(before));
      before += text;
      logprobs.push_back(said ? number_of(said->logprob) : Json(nullptr));
      if (said == nullptr) return tops.push_back(nullptr);
      Json top = Json::object();
      for (const auto& each : said->top) {
        const std::string name = token_text(answer, each.token);
        if (!top.contains(name)) top[name] = number_of(each.logprob);
      }
      tops.push_back(std::move(top));
    };
    const ChoiceSoFar& choice = answer.choices[i];
    const std::vector<Token>& prompt = answer.prompt_of(i);
    if (echo)
      for (std::size_t t = 0; t < prompt.size(); ++t)
        add(prompt[t], t == 0 || t > choice.prompt_logprobs.size() ? nullptr : &choice.prompt_logprobs[t - 1],
            t < answer.asked.n_begin[choice.prompt]);
    else if (first > 0)
      for (std::size_t t = 0; t < first; ++t) before += token_text(answer, choice.written[t].token);
    for (std::size_t t = first; t < choice.written.size(); ++t)
      add(choice.written[t].token, choice.written[t].logprob ? &*choice.written[t].logprob : nullptr);
    return {
        {"tokens", tokens}, {"token_logprobs", logprobs}, {"top_logprobs", tops}, {"text_offset", offsets}};
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

  bool echo_, shows_;                // the prompt; its logprobs, as vLLM has them
  std::vector<std::size_t> n_sent_;  // tokens of each choice that were sent with logprobs
  std::vector<bool> echoed_;         // whether its prompt was
};

void complete(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  Generation g = read_generation(api, fields);
  const bool echo = fields.flag("echo").value_or(false);
  g.logprobs = fields.whole("logprobs", 0, kMostLogprobs);
  g.prompt_logprobs = fields.whole("prompt_logprobs", 0, kMostLogprobs);
  g.n_predict = fields.whole("max_tokens", 0, kMostTokens).value_or(16);
  if (const auto best_of = fields.whole("best_of", 1, kMostChoices); best_of && *best_of != g.n)
    throw ApiError(400, "best_of", "the same as n: nothing is chosen among answers",
                   fmt::format("{}", *best_of));
  if (const auto suffix = fields.text("suffix"); suffix && !suffix->empty())
    throw ApiError(400, "suffix", "no such field: it is not supported", "a string");
  const bool special = fields.flag("parse_special").value_or(true);
  const JsonInput* prompt = fields.any("prompt");
  if (prompt == nullptr) throw ApiError(400, "prompt", "a text, token ids, or a list of these", "none");
  fields.end();
  read_prompts(g, *prompt, special);
  if (g.stream && g.prompt_logprobs)
    throw ApiError(400, "prompt_logprobs", "an answer that is not streamed", "stream: true",
                   "echo with logprobs is streamed, too");
  const bool shows = g.prompt_logprobs.has_value();
  if (echo && g.logprobs && !shows) g.prompt_logprobs = g.logprobs;
  answer(api, std::move(g), std::make_unique<CompletionForm>(echo, shows), reply);
}

const Register<Route> registered{{"POST /v1/completions", {}, complete}};

}  // namespace
}  // namespace ropewalk::server::completions
