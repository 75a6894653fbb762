// SPDX-License-Identifier: Apache-2.0
#include "remote/server.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/text.h"
#include "core/utf8.h"

namespace rw::remote {
namespace {

constexpr double kLongestWait = 60;      // seconds between two tries
constexpr std::size_t kMostWords = 300;  // of what a server says of an error
constexpr std::size_t kMostModels = 10000;

/// Too many requests, or one that another try may pass.
bool may_pass(int status) {
  constexpr int kPassing[] = {408, 425, 429, 500, 502, 503, 504};
  return std::find(std::begin(kPassing), std::end(kPassing), status) != std::end(kPassing);
}

/// What a server says may quote the key; one so short stands in other words, too.
std::string without_key(std::string words, const std::string& key) {
  constexpr std::size_t kShortKey = 8;
  if (key.size() < kShortKey) return words;
  for (std::size_t at = 0; (at = words.find(key, at)) != words.npos;) words.replace(at, key.size(), "***");
  return words;
}

/// Its first bytes, to the end of a character.
std::string cut(const std::string& words) {
  if (words.size() <= kMostWords) return words;
  std::size_t n = 0;
  while (n < kMostWords) n += std::max<std::size_t>(1, utf8_length(words, n));
  return words.substr(0, n) + " ...";
}

/// OpenAI's {"error": {"message"}}, vLLM's older {"message"}, FastAPI's {"detail"}; else the body's begin.
std::string words_of_error(const HttpAnswer& answer, const std::string& key) {
  std::string words = answer.body;
  try {
    const JsonInput body = parse_json(answer.body, "answer");
    const JsonInput* found = &body;
    for (const char* name : {"error", "message", "detail"})
      if (found->is_object() && found->contains(name)) found = &(*found)[name];
    words = found->is_string() ? found->get<std::string>() : dump_json(*found);
  } catch (const Error&) {  // no JSON
  }
  words = cut(without_key(std::move(words), key));
  return fmt::format("{}{}", answer.status, words.empty() ? "" : ": " + words);
}

const char* hint_of(int status) {
  if (status == 401 || status == 403) return "--api-key-file FILE holds its key";
  if (status / 100 == 3) return "it sends you elsewhere: give that address (http or https?)";
  return "this server cannot do it, or not at this length";
}

void wait(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

}  // namespace

bool Refused::cannot() const {
  return status_ == 500 || (!may_pass(status_) && status_ != 401 && status_ != 403 && status_ != 407);
}

std::optional<Error> why_not(const std::function<void()>& ask) {
  try {
    ask();
    return {};
  } catch (const NoAnswer&) {
    throw;
  } catch (const Refused& refused) {
    if (!refused.cannot()) throw;
    return refused;
  } catch (const Error& error) {
    return error;
  }
}

Server::Server(Url url, ServerOptions options) : url_(std::move(url)), options_(std::move(options)) {
  const std::string place = url_.text();
  const JsonInput list = send(url_.base + "/models", nullptr);
  const auto data = list.is_object() ? list.find("data") : list.end();
  std::string names;
  for (std::size_t i = 0; data != list.end() && data->is_array() && i < std::min(data->size(), kMostModels);
       ++i) {
    const JsonInput& each = (*data)[i];
    if (!each.is_object() || !each.contains("id") || !each["id"].is_string()) continue;
    const std::string name = each["id"].get<std::string>();
    if (model_.empty() && (options_.model.empty() || options_.model == name)) model_ = name, about_ = each;
    if (names.size() < kMostWords) names += (names.empty() ? "" : ", ") + name;
  }
  if (model_.empty())
    throw Error(place, options_.model.empty() ? "a model that it serves" : "a model '" + options_.model + "'",
                names.empty() ? "none" : names, "--served-model NAME says which");
}

HttpAnswer Server::try_once(const std::string& path, const Json* body) const {
  std::unique_ptr<HttpClient> client;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) client = std::move(idle_.back()), idle_.pop_back();
  }
  if (!client) client = std::make_unique<HttpClient>(url_, options_.limits);
  HttpAnswer answer =
      body ? client->post(path, options_.key, dump_json(*body)) : client->get(path, options_.key);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(client));
  return answer;
}

JsonInput Server::read_answer(const std::string& body, const std::string& place) const {
  try {
    return parse_json(body, place, options_.limits.most_bytes);
  } catch (const Error& error) {
    throw OddAnswer(error.place(), error.expected(), error.found());
  }
}

JsonInput Server::send(const std::string& path, const Json* body) const {
  double pause = options_.first_wait;
  for (int left = options_.tries;; --left, pause = std::min(2 * pause, kLongestWait)) {
    HttpAnswer answer;
    try {
      answer = try_once(path, body);
    } catch (const NoAnswer& none) {
      if (left <= 1 || !none.may_pass() || (!met_ && !none.reached()))
        throw;  // a wrong address is said at once
      wait(pause);
      continue;
    }
    met_ = true;
    const std::string place = url_.origin() + path;
    if (answer.status == 200) return read_answer(without_key(std::move(answer.body), options_.key), place);
    if (!may_pass(answer.status) || left <= 1 || (trial_ && answer.status == 500))
      throw Refused(answer.status, place, "an answer", words_of_error(answer, options_.key),
                    may_pass(answer.status)
                        ? fmt::format("asked {}", counted(options_.tries - left + 1, "time"))
                        : hint_of(answer.status));
    wait(std::min(std::max(answer.retry_after.value_or(0), pause), kLongestWait));
  }
}

JsonInput Server::ask(const std::string& path, Json body) const {
  body["model"] = model_;
  return send(url_.base + path, &body);
}

JsonInput Server::ask_root(const std::string& path, Json body) const {
  body["model"] = model_;
  return send(url_.root() + path, &body);
}

}  // namespace rw::remote
