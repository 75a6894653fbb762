// SPDX-License-Identifier: Apache-2.0
/// ropewalk serve: answers over HTTP, as OpenAI's and llama.cpp's servers do.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/documents.h"
#include "cli/sampling_options.h"
#include "core/tell.h"
#include "formats/model_path.h"
#include "model/memory.h"
#include "server/api.h"
#include "server/http_server.h"

namespace rw::cli::serve {
namespace {

constexpr double kDrainSeconds = 30;

struct Options {
  std::vector<std::string> models, allow_hosts;
  std::string host = "127.0.0.1", method = "auto", time_limit = "1h", length, cache_memory, memory, key_file;
  int port = 8080, n_threads = 0;
  Index n_parallel = 16, n_queue = 256, n_predict = 1024, chunk = kDefaultChunk, n_body = 8;
  bool no_auth = false, no_page = false, json = false;
  BackendOptions backend;
  SamplingOptions sampling;
} options;

/// "NAME=PATH", or a path, whose name is its file's without .gguf, or its folder's.
serving::ServedModels::Named named(const std::string& text) {
  const std::size_t sign = text.find('=');
  std::error_code none;
  if (sign != std::string::npos && sign > 0 && !std::filesystem::exists(text, none))
    return {text.substr(0, sign), find_model(text.substr(sign + 1))};
  const std::string path = find_model(text);
  std::filesystem::path file = std::filesystem::path(path).lexically_normal();
  if (!file.has_filename()) file = file.parent_path();
  const std::string name = file.filename().string();
  return {name.ends_with(".gguf") ? name.substr(0, name.size() - 5) : name, path};
}

std::vector<serving::ServedModels::Named> named_models() {
  std::vector<serving::ServedModels::Named> models;
  for (const std::string& text : options.models) {
    models.push_back(named(text));
    require_use_of_pre(models.back().path);
    for (std::size_t i = 0; i + 1 < models.size(); ++i)
      if (models[i].name == models.back().name)
        throw UsageError("serve", "models of different names", "two called '" + models[i].name + "'",
                         "NAME=PATH names one");
  }
  return models;
}

server::Access access() {
  server::Access access;
  if (!options.key_file.empty()) access.keys = server::Keys::read(options.key_file);
  for (const std::string& host : options.allow_hosts) access.hosts.insert(server::host_name(host));
  if (!server::is_loopback(options.host) && access.keys.none() && !options.no_auth)
    throw UsageError("--host " + options.host,
                     "--api-key-file FILE: others than this machine's programs reach it", "no keys",
                     "--insecure-no-auth lets everybody in who reaches it");
  return access;
}

server::ApiOptions api_options(Index n_choices) {
  server::ApiOptions api;
  api.method = options.method;
  api.sampling = options.sampling.settings(n_choices);
  api.stops = options.sampling.stops;
  api.n_ctx = options.length.empty() ? 0 : parse_length(options.length);
  api.n_predict = options.n_predict;
  api.seconds = parse_seconds(options.time_limit, "--time-limit");
  api.page = !options.no_page;
  api.version = ROPEWALK_VERSION;
  api.scheduler = {.n_parallel = static_cast<std::size_t>(options.n_parallel),
                   .n_queue = static_cast<std::size_t>(options.n_queue),
                   .cache_bytes = options.cache_memory.empty()
                                      ? available_memory() / 4
                                      : parse_bytes(options.cache_memory, "--cache-memory"),
                   .chunk = options.chunk};
  return api;
}

void say_where(const std::string& url, const serving::ServedModels& models) {
  Json names = Json::array();
  for (const auto& view : models.view()) names.push_back(view.name);
  if (options.json) fmt::print("{}\n", dump_json({{"url", url}, {"models", names}})), std::fflush(stdout);
  say(fmt::format("listening on {}{}", url, options.no_page ? "" : ": a page for people is there, too"));
  say("ctrl-C ends it");
}

int run() {
  const server::Access who = access();
  check_method(options.method);
  std::vector<serving::ServedModels::Named> names = named_models();
  const std::shared_ptr<const Backend> backend = options.backend.make(make_context(options.n_threads));
  serving::ServedModels models(std::move(names), backend,
                               options.memory.empty() ? 0 : parse_bytes(options.memory, "--memory"));
  serving::ModelUse first = models.use("");
  say(fmt::format("{}: {}, trained on {} tokens; {}", printable(first->name),
                  first->model->config().architecture, first->model->config().n_ctx_train, backend->name()));
  server::Api api(api_options(first->model->n_choices()), models);
  first = nullptr;  // another may need its memory
  server::HttpHandler handler;
  handler.access = &who;
  handler.limits.body_bytes = static_cast<std::uint64_t>(options.n_body) << 20;
  handler.handle = [&api](server::Request request, std::shared_ptr<server::Reply> reply) {
    api.handle(std::move(request), std::move(reply));
  };
  handler.sent = [&api](int status) { api.count_status(status); };
  server::HttpServer http(options.host, options.port, std::move(handler));
  say_where(http.url(), models);
  std::thread ending;
  http.run([&] {
    tell("ending: what runs gets {:.0f} seconds; ctrl-C again ends it now\n", kDrainSeconds);
    api.ending = true;
    http.end_soon(kDrainSeconds + 2);
    ending = std::thread([&] { api.scheduler.end(kDrainSeconds); });
  });
  if (ending.joinable()) ending.join();
  api.stop();  // before the server, whose clients it may still answer
  return 0;
}

void define(CommandLine& app) {
  app.add_option("MODEL", options.models,
                 "GGUF files or folders, the first the default;\nNAME=PATH names one")
      ->required();
  app.add_pre();
  app.add_option("--host", options.host, "address to listen on")->capture_default_str();
  app.add_option("--port", options.port, "0: any free one")->check(in_range(0, 65535))->capture_default_str();
  app.add_option("--method", options.method, "where a request names none: auto, none, rerope ...")
      ->capture_default_str();
  app.add_option("-c,--ctx-size,--length", options.length,
                 "most tokens of a request, prompt and answer: 32k;\nnot given: what the memory holds");
  app.add_option("-n,--n-predict,--predict", options.n_predict,
                 "most tokens of an answer that says no number")
      ->check(in_range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--parallel", options.n_parallel, "texts that are run side by side")
      ->check(in_range(1, 1024))
      ->capture_default_str();
  app.add_option("--queue", options.n_queue, "texts that wait; more get 429")
      ->check(in_range(1, 65536))
      ->capture_default_str();
  app.add_option("--time-limit", options.time_limit, "that an answer may take, its wait too; 0: any")
      ->capture_default_str();
  app.add_option("--cache-memory", options.cache_memory,
                 "for prompts that were read, so that the next one\nthat begins alike starts at once: 2G;\n"
                 "not given: a quarter of what is free");
  app.add_option("--memory", options.memory,
                 "for the weights of several models: 8G; the longest\nunused goes first");
  app.add_option("--api-key-file", options.key_file, "a key in each line: who asks must have one");
  app.add_flag("--insecure-no-auth", options.no_auth, "listen beyond this machine without keys");
  app.add_option("--allow-host", options.allow_hosts, "names that it may be called by, beside localhost");
  app.add_option("--body", options.n_body, "most MiB of a request")
      ->check(in_range(1, 64))
      ->capture_default_str();
  options.sampling.define(app);
  options.backend.define(app);
  app.add_option("--chunk", options.chunk, "most prompt tokens per step; results stay")
      ->check(in_range(16, 65536))
      ->capture_default_str();
  app.add_option("-t,--threads", options.n_threads, "0: all cores")->check(in_range(0, 1024));
  app.add_flag("--no-page", options.no_page, "the API alone");
  app.add_flag("--json", options.json, "where it listens, as JSON on standard output");
  app.footer(
      "Examples:\n"
      "  ropewalk serve model.gguf\n"
      "  ropewalk serve model.gguf --method rerope:window=2048 -c 32k --port 9000\n"
      "  ropewalk serve small=a.gguf large=b.gguf --memory 12G --api-key-file keys\n"
      "  curl http://127.0.0.1:8080/v1/chat/completions \\\n"
      "      -H 'Content-Type: application/json' \\\n"
      "      -d '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'");
}

const Register<Command> registered{
    {"serve", "answer over HTTP, as OpenAI's API does, and a page", define, run}};

}  // namespace
}  // namespace rw::cli::serve
