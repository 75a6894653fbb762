// SPDX-License-Identifier: Apache-2.0
/// Runs a generation's jobs and puts what they tell into an answer of one form, whole or as it comes.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/generation.h"

namespace rw::server {

/// What one job has told so far.
struct ChoiceSoFar {
  std::string text;  ///< of the answer, as far as it is certain
  std::vector<serving::WroteToken> written;
  std::vector<serving::TokenLogprob> prompt_logprobs;
  std::size_t prompt = 0;  ///< which of the prompts it answers
  serving::ReadOn read;
  std::optional<serving::JobDone> done;
};

struct Answer {
  std::string id;        ///< random
  std::int64_t created;  ///< seconds since 1970
  Generation asked;      ///< without the prompts
  std::vector<std::vector<Token>> prompts;
  std::vector<ChoiceSoFar> choices;  ///< all answers to the first prompt, then those to the second
  double submitted = 0;              ///< now_seconds()

  const Model& model() const { return *asked.model->model; }
  const Tokenizer& tokenizer() const { return model().tokenizer(); }
  const std::vector<Token>& prompt_of(std::size_t choice) const { return prompts[choices[choice].prompt]; }
};

/// How an API writes answers down. One object for each answer; called in turn, by the scheduler's thread.
class Form {
 public:
  virtual ~Form() = default;
  virtual Json whole(const Answer& answer) = 0;
  /// Of a stream: what is sent when it begins, when more of a prompt is read (where that was asked for), when
  /// a token was written, and when a choice, and all of them, have ended. Empty lists: nothing.
  virtual std::vector<Json> begin(const Answer&) { return {}; }
  virtual std::vector<Json> read(const Answer&, std::size_t) { return {}; }
  /// When logprobs of more of a prompt are there.
  virtual std::vector<Json> scored(const Answer&, std::size_t) { return {}; }
  virtual std::vector<Json> wrote(const Answer& answer, std::size_t choice) = 0;
  virtual std::vector<Json> done(const Answer& answer, std::size_t choice) = 0;
  virtual std::vector<Json> end(const Answer&) { return {}; }
  /// "[DONE]" behind the last one.
  virtual bool says_done() const { return true; }
};

/// Begins the jobs, and answers when they tell something. Errors: as job_requests, Scheduler::submit.
void answer(Api& api, Generation generation, std::unique_ptr<Form> form, const std::shared_ptr<Reply>& reply);

// What forms have in common:
/// {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details": {"cached_tokens"}}.
Json usage_of(const Answer& answer);
/// llama.cpp's "timings" of a choice.
Json timings_of(const Answer& answer, std::size_t choice);
/// The sums of all choices, of each prompt once.
Json timings_of(const Answer& answer);
/// {"total", "cache", "processed", "time_ms"} of its prompt.
Json progress_of(const Answer& answer, std::size_t choice);
/// "stop" or "length".
std::string finish_reason(const serving::JobDone& done);
/// A prompt as it was given, control tokens too.
std::string prompt_text(const Answer& answer, std::size_t choice);
/// A token's own text, of control tokens too.
std::string token_text(const Answer& answer, Token token);
/// Adds "method" and "method_why" of a choice.
void add_method(const Answer& answer, std::size_t choice, Json& body);
/// The same of all choices: into `body` where they agree, else into each of its "choices".
void add_methods(const Answer& answer, Json& body);
/// Bytes of a text as a list of numbers.
Json bytes_of(const std::string& text);
/// A logprob as JSON: null where it is no number.
Json number_of(double logprob);

}  // namespace rw::server
