// SPDX-License-Identifier: Apache-2.0
/// What the completions of every form ask for, and the jobs that come of it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/api.h"

namespace rw::server {

constexpr Index kMostChoices = 8, kMostLogprobs = 20, kMostPrompts = 256;
constexpr std::size_t kMostStops = 16, kMostStopBytes = 256, kMostBiases = 1024;

/// What a prompt is read under.
struct Chosen {
  std::string method, why;  ///< as typed or chosen; for "auto", what speaks for it
  bool operator==(const Chosen&) const = default;
};

struct Generation {
  serving::ModelUse model;
  std::vector<std::vector<Token>> prompts;
  std::vector<std::size_t> n_begin;  ///< (prompts): tokens that the server put before a text
  std::string method = "auto";
  Index n = 1;                                 ///< answers to each prompt
  std::optional<Index> n_predict;              ///< most tokens of each
  const char* n_predict_field = "max_tokens";  ///< as the request calls it
  const char* prompt_field = "prompt";
  SamplerSettings sampling;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> stops;
  std::optional<Index> logprobs, prompt_logprobs;
  bool ignore_end = false, cache_prompt = true;
  bool stream = false, include_usage = false, progress = false, timings = false, tokens = false;
  std::vector<Chosen> chosen;  ///< (prompts)
};

/// Reads the fields that all forms share: model, method, sampling, stop, stream ... Errors: ApiError;
/// Api::model's.
Generation read_generation(Api& api, const Request& request, Fields& fields);
/// OpenAI's stream_options. Errors: ApiError.
void read_stream_options(Generation& generation, Fields& fields);
/// The field "method", or what is taken without it. Errors: ApiError.
std::string read_method(Api& api, Fields& fields);
/// The last fields (Fields::end): "prompt", a text, tokens, or a list of these, and "parse_special", whether
/// control tokens that are spelled in a text are read as such. Errors: ApiError.
void read_prompts(Generation& generation, Fields& fields);
/// Ids of an array. Errors: ApiError for what has no row in the model.
std::vector<Token> read_tokens(const Model& model, const JsonInput& list, const std::string& field);

/// What a text of so many tokens, read and written, is read under.
struct BoundChoice {
  AutoChoice choice;
  Index n = 0;    ///< that it is bound to (bound_length)
  Method method;  ///< as it is there
};
/// Errors: ApiError for the method; LoadedModel::choice's.
BoundChoice bound_choice(const serving::LoadedModel& model, const std::string& method, Index n_prompt,
                         Index n_predict);

/// The choice and the room of each prompt and answer. Errors: ApiError where a request is longer than may be.
std::vector<serving::JobRequest> job_requests(Api& api, Generation& generation);

}  // namespace rw::server
