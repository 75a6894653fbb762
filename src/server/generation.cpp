// SPDX-License-Identifier: Apache-2.0
#include "server/generation.h"

#include <charconv>
#include <limits>
#include <random>

#include "chat/turn.h"

namespace rw::server {
namespace {

constexpr double kHuge = 1e6;
constexpr Index kSeeds = std::numeric_limits<Index>::max();

std::vector<std::string> read_stops(Fields& fields, const std::vector<std::string>& otherwise) {
  const JsonInput* stop = fields.any("stop");
  if (stop == nullptr) return otherwise;
  std::vector<std::string> stops;
  if (stop->is_string()) stops.push_back(stop->get<std::string>());
  if (stop->is_array())
    for (const JsonInput& each : *stop)
      if (each.is_string()) stops.push_back(each.get<std::string>());
  const bool wrong = !stop->is_string() && (!stop->is_array() || stops.size() != stop->size());
  if (wrong) throw ApiError(400, "stop", "a string or an array of strings", kind_of(*stop));
  if (stops.size() > kMostStops)
    throw ApiError(400, "stop", fmt::format("{} texts at most", kMostStops), fmt::format("{}", stops.size()));
  for (const std::string& each : stops)
    if (each.size() > kMostStopBytes)
      throw ApiError(400, "stop", fmt::format("texts of {} bytes at most", kMostStopBytes), "a longer one");
  return stops;
}

/// {"15043": 1}, as OpenAI has it, or [[15043, 1], [15044, false]], llama.cpp's; false is never.
void read_biases(const Model& model, Fields& fields, SamplerSettings& sampling) {
  const JsonInput* biases = fields.any("logit_bias");
  if (biases == nullptr) return;
  const auto wrong = [&](const std::string& found) {
    return ApiError(400, "logit_bias", "an object of token ids and numbers, such as {\"15043\": -100}",
                    found);
  };
  if ((!biases->is_object() && !biases->is_array()) || biases->size() > kMostBiases)
    throw wrong(biases->is_structured() ? fmt::format("{} of them", biases->size()) : kind_of(*biases));
  const auto add = [&](Index id, const JsonInput& bias) {
    const bool never = bias.is_boolean() && !bias.get<bool>();
    const double added = never              ? -std::numeric_limits<double>::infinity()
                         : bias.is_number() ? bias.get<double>()
                                            : std::numeric_limits<double>::quiet_NaN();
    if (id < 0 || id >= model.n_choices() || (!never && !(added >= -kHuge && added <= kHuge)))
      throw wrong(fmt::format("{}: {}", id, kind_of(bias)));
    sampling.logit_bias.emplace_back(static_cast<Token>(id), added);
  };
  if (biases->is_object()) {
    for (const auto& [key, bias] : biases->items()) {
      Index id = -1;
      const auto [end, failed] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (failed != std::errc() || end != key.data() + key.size()) throw wrong("'" + key.substr(0, 50) + "'");
      add(id, bias);
    }
    return;
  }
  for (const JsonInput& pair : *biases) {
    const bool two = pair.is_array() && pair.size() == 2;
    const auto id = two ? whole_of(pair[0], 0, std::numeric_limits<Token>::max()) : std::nullopt;
    if (!id) throw wrong(kind_of(pair));
    add(*id, pair[1]);
  }
}

void read_sampling(Api& api, Fields& fields, Generation& g) {
  SamplerSettings& s = g.sampling = api.options.sampling;
  std::erase_if(s.logit_bias, [&](const auto& bias) {  // another model's tokens
    return bias.first >= g.model->model->n_choices();
  });
  s.temperature = fields.number("temperature", 0, 100).value_or(s.temperature);
  const Model& model = *g.model->model;
  s.top_k = std::min(std::max<Index>(0, fields.whole("top_k", -1, kMostTokens).value_or(s.top_k)),
                     model.n_choices());
  s.top_p = fields.number("top_p", 0, 1).value_or(s.top_p);
  s.min_p = fields.number("min_p", 0, 1).value_or(s.min_p);
  fields.only_one("repeat_penalty", "repetition_penalty");
  s.repeat_penalty = fields.number("repeat_penalty", 0.01, 100).value_or(s.repeat_penalty);
  s.repeat_penalty = fields.number("repetition_penalty", 0.01, 100).value_or(s.repeat_penalty);
  s.repeat_last_n = fields.whole("repeat_last_n", -1, kMostTokens).value_or(s.repeat_last_n);
  s.presence_penalty = fields.number("presence_penalty", -100, 100).value_or(s.presence_penalty);
  s.frequency_penalty = fields.number("frequency_penalty", -100, 100).value_or(s.frequency_penalty);
  read_biases(model, fields, s);
  const auto seed = fields.whole("seed", -1, kSeeds);
  if (seed && *seed >= 0) g.seed = static_cast<std::uint64_t>(*seed);
  try {
    require_settings(s, model.n_choices());
  } catch (const UsageError& error) {
    throw ApiError(400, "", error);
  }
}

}  // namespace

std::string read_method(Api& api, Fields& fields) {
  std::string method = fields.text("method", 1024).value_or(api.options.method);
  try {
    check_method(method);
  } catch (const UsageError& error) {
    throw ApiError(400, "method", error);
  }
  return method;
}

Generation read_generation(Api& api, const Request& request, Fields& fields) {
  Generation g;
  const std::string model = fields.text("model", 1024).value_or("");
  g.method = read_method(api, fields);
  g.n = fields.whole("n", 1, kMostChoices).value_or(1);
  g.stops = read_stops(fields, api.options.stops);
  g.ignore_end = fields.flag("ignore_eos").value_or(false);
  g.cache_prompt = fields.flag("cache_prompt").value_or(true);
  g.stream = fields.flag("stream").value_or(false);
  g.progress = fields.flag("return_progress").value_or(false);
  g.timings = fields.flag("timings_per_token").value_or(false);
  for (const char* of_events : {"return_progress", "timings_per_token"})
    if (!g.stream && fields.flag(of_events).value_or(false))
      throw ApiError(400, of_events, "stream: true beside it", "an answer that is not streamed");
  for (const char* says_who : {"user", "safety_identifier", "prompt_cache_key"})
    (void)fields.text(says_who, 4096);
  fields.ignore("metadata");  // for who asks, too
  if (const JsonInput* tools = fields.any("tools"); tools == nullptr || !tools->is_array() || !tools->empty())
    fields.refuse("tools");
  for (const char* others : {"functions", "grammar", "json_schema", "lora"}) fields.refuse(others);
  g.model = api.model(request, model);
  read_sampling(api, fields, g);
  return g;
}

void read_stream_options(Generation& g, Fields& fields) {
  const JsonInput* options = fields.any("stream_options");
  if (options == nullptr) return;
  if (!g.stream) throw ApiError(400, "stream_options", "stream: true beside it", kind_of(*options));
  Fields inside(*options, "stream_options.");
  g.include_usage = inside.flag("include_usage").value_or(false);
  if (inside.flag("include_obfuscation").value_or(false)) inside.refuse("include_obfuscation");
  inside.end();
}

std::vector<Token> read_tokens(const Model& model, const JsonInput& list, const std::string& field) {
  if (!list.is_array()) throw ApiError(400, field, "an array of token ids", kind_of(list));
  const Index n_vocab = model.config().n_vocab;
  std::vector<Token> tokens;
  tokens.reserve(list.size());
  for (const JsonInput& each : list) {
    const auto id = whole_of(each, 0, n_vocab - 1);
    if (!id) throw ApiError(400, field, fmt::format("token ids from 0 to {}", n_vocab - 1), kind_of(each));
    tokens.push_back(static_cast<Token>(*id));
  }
  return tokens;
}

void read_prompts(Generation& g, Fields& fields) {
  const Model& model = *g.model->model;
  constexpr const char* kKinds = "a text, token ids, or a list of these";
  const bool special = fields.flag("parse_special").value_or(true);
  const JsonInput* asked = fields.any("prompt");
  fields.end();
  if (asked == nullptr) throw ApiError(400, "prompt", kKinds, "none");
  const JsonInput& prompt = *asked;
  const auto add_text = [&](const JsonInput& text) {
    std::vector<Token> tokens = model.tokenizer().encode(text.get_ref<const std::string&>(), special);
    const std::size_t n = tokens.size();
    add_text_begin(model.tokenizer(), tokens);
    g.n_begin.push_back(tokens.size() - n);
    g.prompts.push_back(std::move(tokens));
  };
  const auto add_ids = [&](const JsonInput& ids) {
    g.prompts.push_back(read_tokens(model, ids, "prompt"));
    g.n_begin.push_back(0);
  };
  if (prompt.is_string()) {
    add_text(prompt);
  } else if (prompt.is_array() && !prompt.empty() && prompt[0].is_number()) {
    add_ids(prompt);
  } else if (prompt.is_array() && !prompt.empty()) {
    if (static_cast<Index>(prompt.size()) > kMostPrompts)
      throw ApiError(400, "prompt", fmt::format("{} prompts at most", kMostPrompts),
                     fmt::format("{}", prompt.size()));
    for (const JsonInput& each : prompt) each.is_string() ? add_text(each) : add_ids(each);
  } else {
    throw ApiError(400, "prompt", kKinds, kind_of(prompt));
  }
  for (const auto& tokens : g.prompts)
    if (tokens.empty()) throw ApiError(400, "prompt", "at least one token to write after", "an empty prompt");
}

BoundChoice bound_choice(const serving::LoadedModel& model, const std::string& method, Index n_prompt,
                         Index n_predict) {
  const ModelConfig& config = model.model->config();
  Index n = bound_length(n_prompt, n_predict, config.n_ctx_train);
  try {
    AutoChoice choice = model.choice(method, n_prompt + n_predict);
    // It may reach what is asked for, and not the room behind it.
    if (!can_be_bound(choice.spec, config.rope_context(config.acting_layer(), n))) n = n_prompt + n_predict;
    Method bound = bind_at(choice.spec, config, n);
    return {std::move(choice), n, std::move(bound)};
  } catch (const UsageError& error) {
    throw ApiError(400, "method", error);
  }
}

std::vector<serving::JobRequest> job_requests(Api& api, Generation& g) {
  const Index most = api.options.n_ctx > 0 ? api.options.n_ctx : kMostTokens;
  std::vector<serving::JobRequest> requests;
  for (const std::vector<Token>& prompt : g.prompts) {
    const auto n_prompt = static_cast<Index>(prompt.size());
    const Index least = g.n_predict.value_or(1);
    if (n_prompt + least > most)
      throw ApiError(400, n_prompt + 1 > most ? g.prompt_field : g.n_predict_field,
                     fmt::format("{} tokens at most, prompt and answer", most),
                     fmt::format("{} + {}", n_prompt, least), "serve -c allows more");
    const Index n_predict = g.n_predict.value_or(std::min(api.options.n_predict, most - n_prompt));
    const auto [choice, n, bound] = bound_choice(*g.model, g.method, n_prompt, n_predict);
    g.chosen.push_back({choice.spec.text(), choice.why});
    for (Index i = 0; i < g.n; ++i) {
      serving::JobRequest request{.model = g.model,
                                  .method = choice.spec,
                                  .n = n,
                                  .prompt = prompt,
                                  .n_predict = n_predict,
                                  .sampling = g.sampling,
                                  .stops = g.stops,
                                  .ignore_end = g.ignore_end,
                                  .logprobs = g.logprobs,
                                  .prompt_logprobs = g.prompt_logprobs,
                                  .cache_prompt = g.cache_prompt,
                                  .seconds = api.options.seconds};
      request.sampling.seed = g.seed ? *g.seed + static_cast<std::uint64_t>(i) : std::random_device{}();
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

}  // namespace rw::server
