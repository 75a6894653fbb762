// SPDX-License-Identifier: Apache-2.0
#include "server/api.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "core/tell.h"

namespace ropewalk::server {
namespace {

constexpr std::size_t kMostBody = std::size_t{64} << 20;  // the connection's own limit is smaller
constexpr int kMostDepth = 64;

/// The route of "GET /path", or nullptr.
const Route* find_route(const std::string& asked) {
  if (const Route* route = Registry<Route>::find(asked)) return route;
  for (const Route& route : Registry<Route>::all())
    if (route.name.ends_with("/*") && asked.starts_with(route.name.substr(0, route.name.size() - 1)))
      return &route;
  return nullptr;
}

/// The verbs of a path that has routes, for 405; empty: it has none.
std::string verbs_of(const std::string& path) {
  std::string verbs;
  const auto look = [&](const Route& route, const std::string& name) {
    const std::size_t space = name.find(' ');
    if (find_route(name.substr(0, space + 1) + path) == &route)
      verbs += (verbs.empty() ? "" : ", ") + name.substr(0, space);
  };
  for (const Route& route : Registry<Route>::all()) {
    look(route, route.name);
  }
  return verbs;
}

}  // namespace

JsonInput parse_body(const std::string& body) {
  try {
    return parse_json(body, "body", kMostBody, kMostDepth);
  } catch (const Error& error) {
    throw ApiError(400, "", "a JSON object", error.what(), "Content-Type: application/json");
  }
}

Api::Api(ApiOptions asked, serving::ServedModels& served)
    : options(std::move(asked)), models(served), scheduler(options.scheduler) {
  models.set_forget([this](const Model& model) { scheduler.forget(model); });
}

Api::~Api() { stop(); }

void Api::stop() {
  ending = true;
  threads_.join();
  long_.join();
  scheduler.end();
}

void Api::count_status(int status) { ++statuses[std::clamp(status / 100, 0, 5)]; }

void Api::run_beside(std::function<void()> work) { boost::asio::post(threads_, std::move(work)); }

void Api::run_long(std::function<void()> work) { boost::asio::post(long_, std::move(work)); }

void Api::handle(Request request, std::shared_ptr<Reply> reply) {
  boost::asio::post(threads_, [this, request = std::move(request), reply = std::move(reply)] {
    try {
      run(request, reply);
    } catch (const std::exception& error) {
      const Failure failure = failure_of(error);
      if (failure.status >= 500) tell("{} {}: {}\n", request.method, printable(request.path), error.what());
      reply->Reply::send(failure.status, failure.body,
                         failure.status == 429 ? Headers{{"Retry-After", "1"}} : Headers{});
    }
  });
}

void Api::run(const Request& request, const std::shared_ptr<Reply>& reply) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (const Route* route = find_route(method + " " + request.path)) return route->run(*this, request, reply);
  const std::string verbs = verbs_of(request.path);
  if (verbs.empty())
    throw ApiError(404, "", "a route of this server", printable(request.path.substr(0, 100)),
                   "docs/server.md lists them");
  const ApiError wrong(405, "", verbs, printable(request.method));
  reply->Reply::send(405, failure_of(wrong).body, {{"Allow", verbs}});
}

}  // namespace ropewalk::server
