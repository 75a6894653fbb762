// SPDX-License-Identifier: Apache-2.0
#include "cli/engines.h"

#include <algorithm>

#include "cli/documents.h"
#include "core/text.h"

namespace rw {
namespace {

/// A key from a file: one line. Errors: Error that does not show it.
std::string read_key(const std::string& path) {
  std::string key = read_bytes(path, 4096);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (key.empty() || !plain)
    throw Error(path, "a key: one line without spaces", key.empty() ? "nothing" : "something else",
                "printf %s \"$KEY\" > FILE writes one");
  return key;
}

/// Files of a model of ours, opened for its tokenizer alone.
std::shared_ptr<Tokenizer> open_tokenizer(const std::string& path) {
  return Tokenizer::open(*ModelFile::open(path));
}

}  // namespace

void EnginesOptions::define(CommandLine& command) {
  app = &command;
  command
      .add_option("--engine", engines,
                  "NAME=URL, once for each: a server is a method;\n"
                  "one is called plain. A MODEL that is a URL is it")
      ->one_each();
  command
      .add_option("--served-model", served_models,
                  "the model's name on the servers, or NAME=MODEL on\none; default: their first")
      ->one_each();
  command.add_option("--api-key-file", key_file, "file with the key for the servers");
  command.add_option("--concurrency", concurrency, "requests that are asked side by side")
      ->check(in_range(1, 256))
      ->capture_default_str();
  command.add_option("--tokenizer", tokenizer,
                     "GGUF or Hugging Face folder to count with;\ndefault: the plain server's /tokenize");
  command.add_option("--trained", trained,
                     "tokens that the served model was trained on;\ndefault: as the plain server says");
  command.add_flag("--chat", chat,
                   "questions as messages to /chat/completions, in the\nserver's own template");
  command.add_option("--answer-time", answer_time, "the longest that one answer may take")
      ->capture_default_str();
}

bool EnginesOptions::asked(const std::string& model) const {
  return !engines.empty() || remote::is_url(model);
}

void EnginesOptions::require_alone() const {
  constexpr std::pair<const char*, const char*> kOurs[] = {
      {"--methods", "each --engine NAME=URL is a method"},
      {"--jobs", "--concurrency asks side by side"},
      {"--dry-run", "how long another engine takes is not known"},
      {"--context-parallel", "a server has its own machines"},
      {"--precision", "the server's own options say how it computes"},
      {"--kv", "the server's own options say how it computes"},
      {"--weight-memory", "the server's own options say how it computes"},
      {"--threads", "--concurrency asks side by side"},
      {"--pre", "--tokenizer MODEL counts with a model's files here"}};
  for (const auto& [option, hint] : kOurs)
    if (app->given(option)) throw UsageError(option, "our own engine", "other engines", hint);
}

void EnginesOptions::require_none() const {
  for (const char* option : {"--served-model", "--api-key-file", "--concurrency", "--tokenizer", "--trained",
                             "--chat", "--answer-time"})
    if (app->given(option))
      throw UsageError(option, "other engines", "our own", "--engine NAME=URL, or a MODEL that is a URL");
}

std::vector<remote::EngineAddress> EnginesOptions::addresses(const std::string& model) const {
  std::vector<remote::EngineAddress> all;
  if (remote::is_url(model))
    all.push_back({"plain", remote::parse_url(model, "MODEL")});
  else if (app->given("MODEL"))
    throw UsageError("MODEL", "the address of the plain server, or none", "'" + model + "'",
                     "--tokenizer MODEL counts with a model's files here");
  for (const std::string& each : engines) {
    const std::size_t equals = each.find('=');
    const std::string name = each.substr(0, std::min(equals, each.size()));
    constexpr const char* kNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (equals == each.npos || name.empty() || name.size() > 40 ||
        name.find_first_not_of(kNames) != name.npos)
      throw UsageError("--engine", "NAME=URL, such as yarn4=http://localhost:8000/v1", "'" + each + "'",
                       "a name has letters, digits, . _ and -");
    all.push_back({name, remote::parse_url(each.substr(equals + 1), "--engine")});
  }
  std::string of_all;
  const auto names = [&] {
    std::vector<std::string> list;
    list.reserve(all.size());
    for (const auto& address : all) list.push_back(address.name);
    return fmt::format("{}", fmt::join(list, ", "));
  };
  for (const std::string& each : served_models) {
    const auto named = std::find_if(
        all.begin(), all.end(), [&](const auto& address) { return each.starts_with(address.name + "="); });
    // A model's own name may hold "=", but a mistyped engine is likelier.
    if (named == all.end() && !engines.empty() && each.find('=') != each.npos)
      throw UsageError("--served-model", "NAME=MODEL with an engine's name: " + names(), "'" + each + "'",
                       fmt::format("{}={} where the model itself is called so", all.front().name, each));
    std::string& model_of = named != all.end() ? named->model : of_all;
    if (!model_of.empty() || each.empty() || each.ends_with('='))
      throw UsageError("--served-model", "MODEL once, or NAME=MODEL once for each engine", "'" + each + "'",
                       "the engines are those of --engine, and plain");
    model_of = named != all.end() ? each.substr(named->name.size() + 1) : each;
  }
  for (auto& address : all)
    if (address.model.empty()) address.model = of_all;
  return all;
}

std::shared_ptr<remote::Engines> EnginesOptions::connect(const std::string& model,
                                                         const std::vector<std::string>& tasks) const {
  remote::EnginesOptions asked;
  asked.chat = chat;
  if (!key_file.empty()) asked.server.key = read_key(key_file);
  if (const double seconds = parse_seconds(answer_time, "--answer-time"); seconds > 0)
    asked.server.limits.answer_seconds = seconds;
  if (!tokenizer.empty()) asked.tokenizer = open_tokenizer(tokenizer);
  if (!trained.empty()) asked.n_ctx_train = parse_length(trained);
  auto connected = std::make_shared<remote::Engines>(addresses(model), asked);
  const auto some = [&](const auto& test) {
    return std::any_of(tasks.begin(), tasks.end(),
                       [&](const std::string& task) { return test(Registry<Task>::get(task, "task")); });
  };
  // What is written says something without losses, too.
  if (some([](const Task& t) { return t.unit != Unit::kQuestion; }))
    connected->find_scoring(
        some([](const Task& t) { return t.unit != Unit::kQuestion && !t.uses_n_predict; }));
  for (const std::string& line : connected->describe()) say(line);
  const std::string begun = chat                                           ? "as chat messages"
                            : connected->tokenizer().chat_template.empty() ? "without a chat template"
                                                                           : "with its chat template";
  say(fmt::format("lengths are counted by {}; questions are asked {}; trained on {} tokens{}",
                  connected->tokenizer().kind(), begun, connected->n_ctx_train(),
                  trained.empty() ? ", as the plain server says" : ""));
  return connected;
}

std::string EnginesOptions::words(const std::string& model) const {
  std::string text;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {}{}{}", option, *option ? " " : "", shell_quoted(value));
  };
  if (remote::is_url(model)) text += " " + shell_quoted(model);
  for (const std::string& each : engines) add("--engine", each);
  for (const std::string& each : served_models) add("--served-model", each);
  add("--api-key-file", key_file), add("--tokenizer", tokenizer);
  add("--trained", trained);
  if (app->given("--answer-time")) add("--answer-time", answer_time);
  return text + (chat ? " --chat" : "") + fmt::format(" --concurrency {}", concurrency);
}

}  // namespace rw
