// SPDX-License-Identifier: Apache-2.0
/// POST /completion: llama.cpp's native form.
#include "server/answering.h"

namespace rw::server::native_completion {
namespace {

class NativeForm : public Form {
 public:
  Json whole(const Answer& answer) override {
    if (answer.choices.size() == 1) return last(answer, 0, true);
    Json all = Json::array();
    for (std::size_t i = 0; i < answer.choices.size(); ++i) all.push_back(last(answer, i, true));
    return all;
  }
  std::vector<Json> read(const Answer& answer, std::size_t i) override {
    Json body = part(answer, i, "");
    body["prompt_progress"] = progress_of(answer, i);
    return {body};
  }
  std::vector<Json> wrote(const Answer& answer, std::size_t i) override {
    const serving::WroteToken& token = answer.choices[i].written.back();
    Json body = part(answer, i, token.text);
    body["tokens"].push_back(token.token);
    if (token.logprob) body["completion_probabilities"] = Json::array({probability(answer, token)});
    if (answer.asked.timings) body["timings"] = timings_of(answer, i);
    return {body};
  }
  std::vector<Json> done(const Answer& answer, std::size_t i) override { return {last(answer, i, false)}; }
  bool says_done() const override { return false; }

 private:
  static Json part(const Answer&, std::size_t i, const std::string& text) {
    return {{"index", i}, {"content", text}, {"tokens", Json::array()}, {"stop", false}};
  }

  static Json last(const Answer& answer, std::size_t i, bool whole) {
    const ChoiceSoFar& choice = answer.choices[i];
    const serving::JobDone& done = *choice.done;
    Json body = {{"index", i}, {"content", whole ? choice.text : done.text}, {"tokens", Json::array()}};
    if (whole && answer.asked.tokens)
      for (const auto& written : choice.written) body["tokens"].push_back(written.token);
    body["stop"] = true;
    body["stop_type"] = done.reason == serving::EndReason::kEndToken ? "eos"
                        : done.reason == serving::EndReason::kStop   ? "word"
                                                                     : "limit";
    body["stopping_word"] = done.stop.value_or("");
    body["model"] = answer.asked.model->name;
    body["prompt"] = prompt_text(answer, i);
    body["generation_settings"] = settings(answer, i);
    body["timings"] = timings_of(answer, i);
    body["tokens_predicted"] = choice.written.size();
    body["tokens_evaluated"] = answer.prompt_of(i).size();
    body["tokens_cached"] = done.n_cached;
    body["truncated"] = false;
    if (whole && answer.asked.logprobs) {
      body["completion_probabilities"] = Json::array();
      for (const auto& written : choice.written)
        body["completion_probabilities"].push_back(probability(answer, written));
    }
    add_method(answer, i, body);
    return body;
  }

  static Json probability(const Answer& answer, const serving::WroteToken& written) {
    const auto one = [&](Token token, double logprob) -> Json {
      const std::string text = token_text(answer, token);
      return {{"id", token}, {"token", text}, {"bytes", bytes_of(text)}, {"logprob", number_of(logprob)}};
    };
    Json token = one(written.token, written.logprob ? written.logprob->logprob : 0);
    token["top_logprobs"] = Json::array();
    if (written.logprob)
      for (const auto& top : written.logprob->top)
        token["top_logprobs"].push_back(one(top.token, top.logprob));
    return token;
  }

  static Json settings(const Answer& answer, std::size_t i) {
    const SamplerSettings& s = answer.asked.sampling;
    return {{"n_predict", answer.asked.n_predict ? Json(*answer.asked.n_predict) : Json(nullptr)},
            {"temperature", s.temperature},
            {"top_k", s.top_k},
            {"top_p", s.top_p},
            {"min_p", s.min_p},
            {"repeat_penalty", s.repeat_penalty},
            {"repeat_last_n", s.repeat_last_n},
            {"presence_penalty", s.presence_penalty},
            {"frequency_penalty", s.frequency_penalty},
            {"seed", answer.asked.seed ? Json(*answer.asked.seed) : Json(-1)},
            {"stop", answer.asked.stops},
            {"ignore_eos", answer.asked.ignore_end},
            {"n_probs", answer.asked.logprobs.value_or(0)},
            {"method", answer.asked.chosen[answer.choices[i].prompt].method}};
  }
};

void complete(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const JsonInput body = parse_body(request.body);
  Fields fields(body);
  Generation g = read_generation(api, request, fields);
  fields.only_one("n_predict", "max_tokens");
  const auto n = fields.whole("n_predict", -1, kMostTokens);
  if (n && *n >= 0) g.n_predict = n, g.n_predict_field = "n_predict";
  if (const auto most = fields.whole("max_tokens", 0, kMostTokens)) g.n_predict = most;
  if (const auto n_probs = fields.whole("n_probs", 0, kMostLogprobs).value_or(0)) g.logprobs = n_probs;
  if (fields.flag("post_sampling_probs").value_or(false))
    throw ApiError(400, "post_sampling_probs", "false: probabilities are the model's own", "true");
  g.tokens = fields.flag("return_tokens").value_or(false);
  read_prompts(g, fields);
  answer(api, std::move(g), std::make_unique<NativeForm>(), reply);
}

const Register<Route> registered{{"POST /completion", {"POST /completions"}, complete}};

}  // namespace
}  // namespace rw::server::native_completion
