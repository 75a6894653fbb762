// SPDX-License-Identifier: Apache-2.0
/// Other engines by the forms that they document, as small servers answer. Their tokens are bytes, and their
/// model expects a byte by how often it stood in the prompt before.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "fake_server.h"
#include "remote/engines.h"

namespace rw::remote {

inline constexpr const char* kKey = "sk-not-to-be-seen";

inline std::vector<int> ids_of(const std::string& text) {
  std::vector<int> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}
inline std::string text_of(const JsonInput& ids) {
  std::string text;
  for (const JsonInput& id : ids) text += static_cast<char>(id.get<int>());
  return text;
}

/// -ln((1 + times before) / (256 + t)); the first has none.
inline std::vector<double> logprobs_of(const std::vector<int>& ids) {
  std::vector<double> all(ids.size());
  std::vector<int> seen(256);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    all[t] = std::log((1.0 + seen[static_cast<std::size_t>(ids[t])]) / (256.0 + static_cast<double>(t)));
    ++seen[static_cast<std::size_t>(ids[t])];
  }
  return all;
}

/// A part of a character is U+FFFD, as servers have it.
inline FakeAnswer sent(const JsonInput& json) {
  return {200, json.dump(-1, ' ', false, JsonInput::error_handler_t::replace)};
}
inline const FakeAnswer kNotFound{404, R"({"detail":"Not Found"})"};

inline FakeAnswer models(int most) {
  JsonInput entry{{"id", "m"}, {"object", "model"}, {"owned_by", "test"}};
  if (most > 0) entry["max_model_len"] = most;
  return sent({{"object", "list"}, {"data", JsonInput::array({entry})}});
}

/// Common to all: the routes of ids, and a completion that writes "7".
inline FakeAnswer tokens(const std::string& path, const JsonInput& body) {
  if (path == "/tokenize" && body.contains("prompt"))
    return sent({{"tokens", ids_of(body["prompt"])}, {"count", 1}, {"max_model_len", 64}});
  if (path == "/detokenize") return sent({{"prompt", text_of(body["tokens"])}});
  return kNotFound;
}
inline JsonInput completion(const std::string& text) {
  return {{"object", "text_completion"}, {"choices", JsonInput::array({{{"index", 0}, {"text", text}}})}};
}

/// A template of 20 tokens around the message.
inline FakeAnswer chat(const JsonInput& body) {
  const JsonInput& message = body["messages"][0];
  return sent({{"choices", JsonInput::array({{{"message", {{"role", "assistant"}, {"content", "7"}}}}})},
               {"usage", {{"prompt_tokens", message["content"].get<std::string>().size() + 20}}}});
}

/// docs.vllm.ai: prompt_logprobs of a completion.
inline FakeAnswer vllm(const std::string& path, const JsonInput& body) {
  if (path == "/v1/models") return models(64);
  if (path == "/v1/chat/completions") return chat(body);
  if (path != "/v1/completions") return tokens(path, body);
  const std::vector<int> ids = body["prompt"];
  if (ids.size() + body["max_tokens"].get<std::size_t>() > 64)
    return {
        400,
        R"({"object":"error","message":"This model's maximum context length is 64 tokens.","type":"BadRequestError","code":400})"};
  // Behind a part of a character the answer's text begins with the prompt (0.32.0).
  const bool cut = !ids.empty() && ids.back() >= 0x80;
  JsonInput answer = completion((cut ? text_of(ids) : "") + "7");
  JsonInput& choice = answer["choices"][0];
  if (body.value("return_token_ids", false)) choice["token_ids"] = {'7', 0}, choice["finish_reason"] = "stop";
  if (!body.contains("prompt_logprobs")) return sent(answer);
  JsonInput list = JsonInput::array();
  const std::vector<double> logprobs = logprobs_of(ids);
  for (std::size_t t = 0; t < ids.size(); ++t)
    list.push_back(t == 0 ? JsonInput()
                          : JsonInput{{std::to_string(ids[t]),
                                       {{"logprob", logprobs[t]}, {"rank", 1}, {"decoded_token", "x"}}},
                                      {"999", {{"logprob", -9.0}, {"rank", 2}, {"decoded_token", "y"}}}});
  choice["prompt_logprobs"] = list;
  return sent(answer);
}

/// docs.sglang.io: /generate with return_logprob.
inline FakeAnswer sglang(const std::string& path, const JsonInput& body) {
  if (path == "/v1/models") return models(0);
  if (path == "/v1/completions") return sent(completion("7"));
  if (path != "/generate") return tokens(path, body);
  const std::vector<int> ids = body["input_ids"];
  const std::vector<double> logprobs = logprobs_of(ids);
  JsonInput list = JsonInput::array(), tops = JsonInput::array();
  for (std::size_t t = body["logprob_start_len"]; t < ids.size(); ++t) {
    const bool first = list.empty();
    list.push_back({first ? JsonInput() : JsonInput(logprobs[t]), ids[t], nullptr});
    tops.push_back(first ? JsonInput() : JsonInput::array({{logprobs[t], ids[t], nullptr}}));
  }
  return sent({{"text", "7"}, {"meta_info", {{"input_token_logprobs", list}, {"input_top_logprobs", tops}}}});
}

/// llama-cpp-python's: prompts as text, echo with logprobs, /extras/tokenize. It counts a BOS that its lists
/// leave out. `shifted`: as where it adds none.
inline FakeAnswer python_as(bool shifted, const std::string& path, const JsonInput& body) {
  if (path == "/v1/models") return models(0);
  if (path == "/extras/tokenize") return sent({{"tokens", ids_of(body["input"])}});
  if (path == "/extras/detokenize") return sent({{"text", text_of(body["tokens"])}});
  if (path != "/v1/completions") return kNotFound;
  if (!body["prompt"].is_string()) return {500, R"({"error":{"message":"Input should be a valid string"}})"};
  const std::string prompt = body["prompt"];
  JsonInput answer = completion((body.contains("echo") ? prompt : "") + "7");
  answer["usage"] = {{"prompt_tokens", prompt.size() + 1}, {"completion_tokens", 1}};
  if (!body.contains("echo")) return sent(answer);
  JsonInput said{{"tokens", JsonInput::array()},
                 {"token_logprobs", logprobs_of(ids_of(prompt))},
                 {"top_logprobs", JsonInput::array()}};
  for (const char c : prompt + "7") said["tokens"].push_back(std::string(1, c));
  said["token_logprobs"].push_back(-1.0), said["token_logprobs"][0] = nullptr;
  for (std::size_t i = 0; i < prompt.size(); ++i) said["top_logprobs"].push_back({{"x", -0.5}});
  said["top_logprobs"].push_back({{"7", -1.0}, {"8", shifted ? -0.5 : -1.5}});
  answer["choices"][0]["logprobs"] = said;
  return sent(answer);
}

inline FakeAnswer python(const std::string& path, const JsonInput& body) {
  return python_as(false, path, body);
}

/// llama.cpp's own server: no losses of a prompt.
inline FakeAnswer llama_cpp(const std::string& path, const JsonInput& body) {
  if (path == "/v1/models")
    return sent(
        {{"data", JsonInput::array({{{"id", "m"}, {"meta", {{"n_ctx_train", 32}, {"n_vocab", 256}}}}})}});
  if (path == "/tokenize") return sent({{"tokens", ids_of(body.value("content", ""))}});
  if (path == "/detokenize") return sent({{"content", text_of(body["tokens"])}});
  if (path == "/apply-template")
    return sent({{"prompt", "<user>" + body["messages"][0]["content"].get<std::string>() + "<it's me>\n"}});
  if (path == "/v1/completions" && body.contains("echo"))
    return {400,
            R"({"error":{"code":400,"message":"Only no echo is supported","type":"invalid_request_error"}})"};
  return path == "/v1/completions" ? sent(completion("7")) : kNotFound;
}

inline EnginesOptions hasty(Index trained = 32) {
  EnginesOptions options;
  options.server.first_wait = 0.001, options.server.key = kKey, options.n_ctx_train = trained;
  return options;
}

}  // namespace rw::remote
