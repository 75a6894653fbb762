// SPDX-License-Identifier: Apache-2.0
/// GET /health, /v1/models, /props, /slots and /metrics.
#include <algorithm>
#include <ctime>

#include "core/progress.h"
#include "methods/method.h"
#include "server/api.h"
#include "serving/room.h"

namespace rw::server::state {
namespace {

void health(Api&, const Request&, const std::shared_ptr<Reply>& reply) {
  reply->Reply::send(200, Json{{"status", "ok"}});
}

Json model_json(const serving::ServedModels::View& view) {
  static const std::int64_t started = std::time(nullptr);
  Json meta = {{"size", view.bytes}, {"loaded", view.use != nullptr}};
  if (view.use) {
    const ModelConfig& config = view.use->model->config();
    meta["n_vocab"] = config.n_vocab, meta["n_ctx_train"] = config.n_ctx_train,
    meta["n_embd"] = config.d_model;
    meta["architecture"] = config.architecture;
    Index n_params = 0;
    for (const TensorInfo& tensor : view.use->model->file().tensors()) {
      Index numbers = 1;
      for (const Index size : tensor.shape) numbers *= size;
      n_params += numbers;
    }
    meta["n_params"] = n_params;
  }
  return {
      {"id", view.name}, {"object", "model"}, {"created", started}, {"owned_by", "ropewalk"}, {"meta", meta}};
}

void models(Api& api, const Request&, const std::shared_ptr<Reply>& reply) {
  Json list = Json::array();
  for (const serving::ServedModels::View& view : api.models.view()) list.push_back(model_json(view));
  reply->Reply::send(200, Json{{"object", "list"}, {"data", list}});
}

/// %XX read.
std::string decoded(const std::string& text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) -> int {
      const char c = at < text.size() ? text[at] : 'x';
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    const bool coded = text[i] == '%' && digit(i + 1) >= 0 && digit(i + 2) >= 0;
    name += coded ? static_cast<char>(digit(i + 1) * 16 + digit(i + 2)) : text[i];
    i += coded ? 2 : 0;
  }
  return name;
}

/// GET /v1/models/NAME.
void one_model(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const std::string name = decoded(request.path.substr(sizeof "/v1/models/" - 1));
  const auto views = api.models.view();
  const auto found =
      std::find_if(views.begin(), views.end(), [&](const auto& view) { return view.name == name; });
  if (found == views.end())
    throw serving::UnknownModel("model", "a model of /v1/models", printable(name.substr(0, 100)),
                                "GET /v1/models lists them");
  reply->Reply::send(200, model_json(*found));
}

/// "model=NAME" of a query; empty: none.
std::string model_of(const std::string& query) {
  constexpr std::string_view kName = "model=";
  if (query.empty()) return "";
  if (!query.starts_with(kName)) throw ApiError(400, "", "?model=NAME", "another query");
  return decoded(query.substr(kName.size()));
}

void props(Api& api, const Request& request, const std::shared_ptr<Reply>& reply) {
  const serving::ModelUse use = api.model(request, model_of(request.query));
  const ModelConfig& config = use->model->config();
  const Tokenizer& tokenizer = use->model->tokenizer();
  const auto spelled = [&](const std::optional<Token>& token) {
    return token ? Json(tokenizer.decode(*token, true)) : Json(nullptr);
  };
  Json methods = Json::array();
  for (const MethodInfo& each : Registry<MethodInfo>::all())
    methods.push_back({{"name", each.name}, {"summary", each.title}});
  reply->Reply::send(
      200, {{"model", use->name},
            {"n_ctx_train", config.n_ctx_train},
            {"n_ctx", api.options.n_ctx > 0
                          ? api.options.n_ctx
                          : serving::most_that_fit(*use->model, MethodSpec::parse("none"), kMostTokens)},
            {"n_parallel", api.options.scheduler.n_parallel},
            {"method", api.options.method},
            {"chat_template", tokenizer.chat_template},
            {"bos_token", spelled(tokenizer.bos)},
            {"eos_token", spelled(tokenizer.eos)},
            {"build_info", "ropewalk " + api.options.version},
            {"methods", methods}});
}

const char* name_of(serving::JobState state) {
  switch (state) {
    case serving::JobState::kQueued:
      return "queued";
    case serving::JobState::kReading:
      return "reading";
    case serving::JobState::kWriting:
      return "writing";
    case serving::JobState::kEnded:
      break;
  }
  return "ended";
}

void slots(Api& api, const Request&, const std::shared_ptr<Reply>& reply) {
  Json list = Json::array();
  for (const auto& job : api.scheduler.jobs()) {
    const serving::JobState state = job->state;
    if (state == serving::JobState::kEnded || job->cancelled) continue;
    list.push_back({{"id", list.size()},
                    {"state", name_of(state)},
                    {"model", job->request.model->name},
                    {"method", job->request.method.text()},
                    {"n_prompt", job->request.n_prompt()},
                    {"n_read", job->n_read.load()},
                    {"n_written", job->n_written.load()},
                    {"n_predict", job->request.n_predict},
                    {"seconds", now_seconds() - job->submitted}});
  }
  reply->Reply::send(200, list);
}

void metrics(Api& api, const Request&, const std::shared_ptr<Reply>& reply) {
  const serving::Counters& c = api.scheduler.counters();
  std::string text;
  const auto add = [&](const char* name, const char* type, const char* help, double value) {
    text += fmt::format("# HELP ropewalk_{0} {1}\n# TYPE ropewalk_{0} {2}\nropewalk_{0} {3}\n", name, help,
                        type, value);
  };
  const auto count = [&](const char* name, const char* help, const auto& value) {
    add(name, "counter", help, static_cast<double>(value.load()));
  };
  count("prompt_tokens_total", "Prompt tokens read.", c.prompt_tokens);
  count("cached_prompt_tokens_total", "Prompt tokens that were there already.", c.cached_tokens);
  count("prompt_seconds_total", "Seconds of steps that read.", c.reading_seconds);
  count("tokens_predicted_total", "Tokens written.", c.written_tokens);
  count("tokens_predicted_seconds_total", "Seconds of steps that wrote alone.", c.writing_seconds);
  count("n_decode_total", "Steps.", c.steps);
  count("cancelled_total", "Texts whose client went.", c.cancelled);
  count("failed_total", "Texts that could not be begun or went wrong.", c.failed);
  std::size_t queued = 0, running = 0;
  for (const auto& job : api.scheduler.jobs())
    ++(job->state == serving::JobState::kQueued ? queued : running);
  add("requests_processing", "gauge", "Texts that run.", static_cast<double>(running));
  add("requests_deferred", "gauge", "Texts that wait.", static_cast<double>(queued));
  const auto steps = static_cast<double>(c.steps.load());
  add("n_busy_slots_per_decode", "gauge", "Texts in a step, on average.",
      steps > 0 ? static_cast<double>(c.step_rows.load()) / steps : 0);
  add("cache_bytes", "gauge", "Keys and values of prompts that were read.",
      static_cast<double>(c.cache_bytes.load()));
  text += "# HELP ropewalk_requests_total Answers.\n# TYPE ropewalk_requests_total counter\n";
  for (int kind = 2; kind <= 5; ++kind)
    text += fmt::format("ropewalk_requests_total{{status=\"{}xx\"}} {}\n", kind, api.statuses[kind].load());
  reply->send(200, "text/plain; version=0.0.4", text, {});
}

const Register<Route> registered_health{{"GET /health", {"GET /v1/health"}, health, true}};
const Register<Route> registered_models{{"GET /v1/models", {"GET /models"}, models}};
const Register<Route> registered_model{{"GET /v1/models/*", {}, one_model}};
const Register<Route> registered_props{{"GET /props", {}, props}};
const Register<Route> registered_slots{{"GET /slots", {}, slots, true}};
const Register<Route> registered_metrics{{"GET /metrics", {}, metrics, true}};

}  // namespace
}  // namespace rw::server::state
