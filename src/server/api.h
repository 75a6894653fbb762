// SPDX-License-Identifier: Apache-2.0
/// What the routes work with: models, the scheduler, and what is taken where a request says nothing.
#pragma once
#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "core/registry.h"
#include "server/exchange.h"
#include "server/fields.h"
#include "serving/scheduler.h"

namespace rw::server {

struct ApiOptions {
  std::string method = "auto";
  SamplerSettings sampling = {};
  std::vector<std::string> stops = {};
  Index n_ctx = 0;         ///< most tokens of a request, prompt and answer; 0: what the memory holds
  Index n_predict = 1024;  ///< most tokens of an answer that says no number
  double seconds = 3600;   ///< that a completion may take, from the request on; 0: any
  bool page = true;
  std::string version;
  serving::SchedulerOptions scheduler = {};
};

/// A request's JSON object. Errors: ApiError 400.
JsonInput parse_body(const std::string& body);

class Api {
 public:
  Api(ApiOptions options, serving::ServedModels& models);
  ~Api();  ///< as stop()
  /// Nothing runs any more, and no Reply is held. Not by its own threads.
  void stop();
  /// Finds the route and runs it, beside the caller unless it takes no time; never throws. The answer may
  /// come later. What would wait behind too many bytes of others' is a 429; of a client that has gone,
  /// nothing.
  void handle(Request request, std::shared_ptr<Reply> reply);
  /// The model `name` that a request asks for. Errors: ServedModels::loaded's; of NotLoaded handle() has it
  /// loaded for this request, whoever else waits for what, and runs the route again, from its begin.
  serving::ModelUse model(const Request& request, const std::string& name) {
    return request.loaded ? request.loaded : models.loaded(name);
  }
  /// For HttpHandler::sent.
  void count_status(int status);

  const ApiOptions options;
  serving::ServedModels& models;
  serving::Scheduler scheduler;
  std::atomic<bool> checking{false};  ///< one check at a time: it takes all cores
  /// requests_total by class of status: [2] 2xx ...
  std::atomic<std::uint64_t> statuses[6] = {};
  /// Runs what would hold the caller up, as a request. `work` throws nothing.
  void run_beside(std::function<void()> work);
  /// Runs work that takes long beside the requests'.
  void run_long(std::function<void()> work);
  /// The server ends: long work shall, too.
  std::atomic<bool> ending{false};

 private:
  struct Waiting;
  void take(const std::shared_ptr<Waiting>& waiting);
  void load(const std::shared_ptr<Waiting>& waiting, const std::string& name);
  void run(const Request& request, const std::shared_ptr<Reply>& reply);
  std::atomic<std::size_t> waiting_bytes_{0};  // of bodies
  boost::asio::thread_pool threads_{2}, long_{1}, loads_{1};
};

/// One file of server/routes/ each.
struct Route {
  std::string name;  ///< "POST /tokenize"; "GET /v1/models/*": all that begin so
  std::vector<std::string> aliases = {};
  /// Errors: what failure_of turns into an answer.
  std::function<void(Api&, const Request&, const std::shared_ptr<Reply>&)> run;
  bool at_once = false;  ///< takes no time: the server's own thread runs it
};

}  // namespace rw::server
