// SPDX-License-Identifier: Apache-2.0
#include "server/answering.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

#include "core/progress.h"
#include "core/tell.h"

namespace rw::server {
namespace {

std::string random_id() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}{:08x}", source(), source(), source());
}

/// Lives as long as its jobs, which tell it everything from one thread.
class Answering : public std::enable_shared_from_this<Answering> {
 public:
  Answering(Api& api, Generation generation, std::unique_ptr<Form> form, std::shared_ptr<Reply> reply)
      : api_(api), form_(std::move(form)), reply_(std::move(reply)) {
    answer_.id = random_id(), answer_.created = std::time(nullptr), answer_.submitted = now_seconds();
    requests_ = job_requests(api, generation);
    answer_.prompts = std::exchange(generation.prompts, {});
    answer_.asked = std::move(generation);
    answer_.choices.resize(requests_.size());
    for (std::size_t i = 0; i < requests_.size(); ++i)
      answer_.choices[i].prompt = i / static_cast<std::size_t>(answer_.asked.n);
  }

  void start() {
    std::vector<std::shared_ptr<serving::Job>> jobs;
    for (std::size_t i = 0; i < requests_.size(); ++i)
      jobs.push_back(std::make_shared<serving::Job>(
          std::move(requests_[i]),
          [self = shared_from_this(), i](serving::JobEvent event) { self->hear(i, std::move(event)); }));
    requests_.clear();
    jobs_.assign(jobs.begin(), jobs.end());
    api_.scheduler.submit(jobs);
    reply_->when_gone([&scheduler = api_.scheduler, watched = jobs_] {
      for (const auto& weak : watched)
        if (const auto job = weak.lock()) scheduler.cancel(*job);
    });
  }

 private:
  bool streams() const { return answer_.asked.stream; }

  void hear(std::size_t i, serving::JobEvent event) {
    try {
      told(i, std::move(event));
    } catch (const std::exception& error) {
      failed({serving::FailedBy::kEngine, error.what()});
    }
  }

  void told(std::size_t i, serving::JobEvent event) {
    if (over_) return;
    ChoiceSoFar& choice = answer_.choices[i];
    if (const auto* read = std::get_if<serving::ReadOn>(&event)) {
      choice.read = *read;
      if (streams() && answer_.asked.progress) send([&] { return form_->read(answer_, i); });
    } else if (auto* logprobs = std::get_if<serving::PromptLogprobs>(&event)) {
      std::move(logprobs->tokens.begin(), logprobs->tokens.end(), std::back_inserter(choice.prompt_logprobs));
      if (streams()) send([&] { return form_->scored(answer_, i); });
    } else if (auto* wrote = std::get_if<serving::WroteToken>(&event)) {
      choice.text += wrote->text;
      choice.written.push_back(std::move(*wrote));
      if (streams()) send([&] { return form_->wrote(answer_, i); });
    } else if (auto* done = std::get_if<serving::JobDone>(&event)) {
      choice.text += done->text;
      choice.done = std::move(*done);
      if (streams()) send([&] { return form_->done(answer_, i); });
      if (++n_done_ == answer_.choices.size()) end();
    } else {
      failed(std::get<serving::JobFailed>(event));
    }
  }

  template <class F>
  void send(const F& events) {
    if (!std::exchange(began_, true)) {
      reply_->begin_events();
      for (const Json& each : form_->begin(answer_)) reply_->event(dump_json(each));
    }
    for (const Json& each : events()) reply_->event(dump_json(each));
  }

  void end() {
    over_ = true;
    if (!streams())  // a long one takes a while to write down
      return api_.run_beside([self = shared_from_this()] {
        try {
          self->reply_->Reply::send(200, self->form_->whole(self->answer_));
        } catch (const std::exception& error) {
          self->failed({serving::FailedBy::kEngine, error.what()});
        }
      });
    send([&] { return form_->end(answer_); });
    if (form_->says_done()) reply_->event("[DONE]");
    reply_->end_events();
  }

  void failed(const serving::JobFailed& failure) {
    over_ = true;
    for (const auto& weak : jobs_)
      if (const auto job = weak.lock()) api_.scheduler.cancel(*job);
    const Failure said = said_of(failure);
    if (said.status == 500) tell("an answer: {}\n", failure.message);
    if (!began_) return reply_->Reply::send(said.status, said.body, said.headers());
    reply_->event(dump_json(said.body));
    reply_->end_events();
  }

  Failure said_of(const serving::JobFailed& failure) const {
    const auto as_it_is = [&](int status) { return Failure{status, error_body(status, failure.message)}; };
    switch (failure.by) {
      case serving::FailedBy::kRequest:
        return as_it_is(400);
      case serving::FailedBy::kWait:
        return as_it_is(503);
      case serving::FailedBy::kEngine:
        return as_it_is(500);
      case serving::FailedBy::kRoom:
        break;
    }
    const Generation& asked = answer_.asked;
    Index n = 0;
    for (const auto& prompt : answer_.prompts) n = std::max(n, static_cast<Index>(prompt.size()));
    return failure_of(
        ApiError(400, n >= failure.most ? asked.prompt_field : asked.n_predict_field,
                 fmt::format("{} tokens at most, prompt and answer: the memory holds no more", failure.most),
                 fmt::format("{} + {}", n, asked.n_predict.value_or(api_.options.n_predict)),
                 "ask for less, or take a method with a window"));
  }

  Api& api_;
  std::unique_ptr<Form> form_;
  std::shared_ptr<Reply> reply_;
  Answer answer_;
  std::vector<serving::JobRequest> requests_;
  std::vector<std::weak_ptr<serving::Job>> jobs_;
  std::size_t n_done_ = 0;
  bool began_ = false, over_ = false;
};

}  // namespace

void answer(Api& api, Generation generation, std::unique_ptr<Form> form,
            const std::shared_ptr<Reply>& reply) {
  std::make_shared<Answering>(api, std::move(generation), std::move(form), reply)->start();
}

Json usage_of(const Answer& answer) {
  Index prompt = 0, cached = 0, written = 0;
  for (const auto& tokens : answer.prompts) prompt += static_cast<Index>(tokens.size());
  for (std::size_t i = 0; i < answer.choices.size(); ++i) {
    const ChoiceSoFar& choice = answer.choices[i];
    if (i == 0 || answer.choices[i - 1].prompt != choice.prompt) cached += choice.read.n_cached;
    written += static_cast<Index>(choice.written.size());
  }
  return {{"prompt_tokens", prompt},
          {"completion_tokens", written},
          {"total_tokens", prompt + written},
          {"prompt_tokens_details", {{"cached_tokens", cached}}}};
}

namespace {

Json timings(Index cached, Index read, Index written, Index n_answers, const serving::JobTimes& times) {
  const auto rate = [](Index n, double seconds) {
    return seconds > 0 ? static_cast<double>(n) / seconds : 0;
  };
  return {{"cache_n", cached},
          {"prompt_n", read},
          {"prompt_ms", times.reading * 1000},
          {"prompt_per_second", rate(read, times.reading)},
          {"predicted_n", written},
          {"predicted_ms", times.writing * 1000},
          {"predicted_per_second", rate(written - n_answers, times.writing)},  // the first came of reading
          {"queued_ms", times.queued * 1000}};
}

}  // namespace

Json timings_of(const Answer& answer, std::size_t i) {
  const ChoiceSoFar& choice = answer.choices[i];
  return timings(choice.read.n_cached, choice.read.n_read - choice.read.n_cached,
                 static_cast<Index>(choice.written.size()), 1,
                 choice.done ? choice.done->times : serving::JobTimes{});
}

Json timings_of(const Answer& answer) {
  Index cached = 0, read = 0, written = 0;
  serving::JobTimes times;
  for (std::size_t i = 0; i < answer.choices.size(); ++i) {
    const ChoiceSoFar& choice = answer.choices[i];
    written += static_cast<Index>(choice.written.size());
    times.queued += choice.done->times.queued, times.writing += choice.done->times.writing;
    if (i > 0 && answer.choices[i - 1].prompt == choice.prompt) continue;
    cached += choice.read.n_cached, read += choice.read.n_read - choice.read.n_cached;
    times.reading += choice.done->times.reading;
  }
  return timings(cached, read, written, static_cast<Index>(answer.choices.size()), times);
}

Json progress_of(const Answer& answer, std::size_t i) {
  const ChoiceSoFar& choice = answer.choices[i];
  return {{"total", answer.prompt_of(i).size()},
          {"cache", choice.read.n_cached},
          {"processed", choice.read.n_read},
          {"time_ms", (now_seconds() - answer.submitted) * 1000}};
}

std::string finish_reason(const serving::JobDone& done) {
  return done.reason == serving::EndReason::kLength ? "length" : "stop";
}

std::string prompt_text(const Answer& answer, std::size_t i) {
  const std::vector<Token>& prompt = answer.prompt_of(i);
  const std::size_t n_begin = answer.asked.n_begin[answer.choices[i].prompt];
  std::string text;
  for (std::size_t t = n_begin; t < prompt.size(); ++t) text += token_text(answer, prompt[t]);
  return text;
}

std::string token_text(const Answer& answer, Token token) { return answer.tokenizer().decode(token, true); }

void add_method(const Answer& answer, std::size_t i, Json& body) {
  const ChoiceSoFar& choice = answer.choices[i];
  const Chosen& chosen = answer.asked.chosen[choice.prompt];
  body["method"] = choice.done ? choice.done->method : chosen.method;
  body["method_why"] = chosen.why.empty() ? Json(nullptr) : Json(chosen.why);
}

void add_methods(const Answer& answer, Json& body) {
  const std::vector<Chosen>& all = answer.asked.chosen;
  if (std::equal(all.begin() + 1, all.end(), all.begin())) return add_method(answer, 0, body);
  for (Json& choice : body["choices"]) add_method(answer, choice["index"].get<std::size_t>(), choice);
}

Json bytes_of(const std::string& text) {
  Json bytes = Json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json number_of(double logprob) { return std::isfinite(logprob) ? Json(logprob) : Json(nullptr); }

}  // namespace rw::server
