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

namespace ropewalk::server {

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
  /// Finds the route and runs it on a thread of its own; never throws. The answer may come later.
  void handle(Request request, std::shared_ptr<Reply> reply);
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
  void run(const Request& request, const std::shared_ptr<Reply>& reply);
  boost::asio::thread_pool threads_{2}, long_{1};
};

/// One file of server/routes/ each.
struct Route {
  std::string name;  ///< "POST /tokenize"; "GET /v1/models/*": all that begin so
  std::vector<std::string> aliases = {};
  /// Errors: what failure_of turns into an answer.
  std::function<void(Api&, const Request&, const std::shared_ptr<Reply>&)> run;
};

}  // namespace ropewalk::server
