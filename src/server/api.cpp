// SPDX-License-Identifier: Apache-2.0
#include "server/api.h"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "core/progress.h"
#include "core/tell.h"

namespace rw::server {
namespace {

constexpr std::size_t kMostBody = std::size_t{64} << 20;  // the connection's own limit is smaller
constexpr int kMostDepth = 64;
constexpr std::size_t kMostWaiting = std::size_t{128} << 20;

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
      verbs += (verbs.empty() ? "" : ", ") + (name.starts_with("GET ") ? "GET, HEAD" : name.substr(0, space));
  };
  for (const Route& route : Registry<Route>::all()) look(route, route.name);
  return verbs;
}

/// HEAD is answered as GET.
const Route* route_of(const Request& request) {
  return find_route((request.method == "HEAD" ? "GET" : request.method) + " " + request.path);
}

void fail(const Request& request, Reply& reply, const std::exception& error) {
  const Failure failure = failure_of(error);
  if (failure.status >= 500) tell("{} {}: {}\n", request.method, printable(request.path), error.what());
  reply.send(failure.status, failure.body, failure.headers());
}

}  // namespace

JsonInput parse_body(const std::string& body) {
  try {
    return parse_json(body, "body", kMostBody, kMostDepth);
  } catch (const Error& error) {
    throw ApiError(400, "", error, "a JSON object is wanted, in UTF-8");
  }
}

Api::Api(ApiOptions asked, serving::ServedModels& served)
    : options(std::move(asked)), models(served), scheduler(options.scheduler) {
  models.set_forget([this](const Model& model) { scheduler.forget(model); });
}

Api::~Api() { stop(); }

void Api::stop() {
  ending = true;
  loads_.join();
  threads_.join();
  long_.join();
  scheduler.end();
}

void Api::count_status(int status) { ++statuses[std::clamp(status / 100, 0, 5)]; }

void Api::run_beside(std::function<void()> work) { boost::asio::post(threads_, std::move(work)); }

void Api::run_long(std::function<void()> work) { boost::asio::post(long_, std::move(work)); }

/// A request whose answer has not been begun; its bytes count as long as it is held.
struct Api::Waiting {
  Waiting(std::atomic<std::size_t>& bytes, Request asked, std::shared_ptr<Reply> to)
      : sum(bytes), n_bytes(asked.body.size()), request(std::move(asked)), reply(std::move(to)) {
    sum += n_bytes;
  }
  ~Waiting() { sum -= n_bytes; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  std::atomic<std::size_t>& sum;
  const std::size_t n_bytes;
  const double since = now_seconds();
  Request request;
  const std::shared_ptr<Reply> reply;
};

void Api::handle(Request request, std::shared_ptr<Reply> reply) {
  const Route* route = route_of(request);
  const auto waiting = std::make_shared<Waiting>(waiting_bytes_, std::move(request), std::move(reply));
  if (waiting_bytes_ > std::max(kMostWaiting, waiting->n_bytes))
    return fail(waiting->request, *waiting->reply,
                serving::Busy("requests", fmt::format("{} MiB at most that wait", kMostWaiting >> 20), "more",
                              "ask again in a while"));
  if (route != nullptr && route->at_once) return take(waiting);
  boost::asio::post(threads_, [this, waiting] { take(waiting); });
}

void Api::take(const std::shared_ptr<Waiting>& waiting) {
  if (waiting->reply->gone()) return;
  try {
    run(waiting->request, waiting->reply);
  } catch (const serving::NotLoaded& missing) {
    boost::asio::post(loads_, [this, waiting, name = missing.name] { load(waiting, name); });
  } catch (const std::exception& error) {
    fail(waiting->request, *waiting->reply, error);
  }
}

/// Beside the requests of models that are there.
void Api::load(const std::shared_ptr<Waiting>& waiting, const std::string& name) {
  if (waiting->reply->gone()) return;
  try {
    waiting->request.loaded = models.use(name, waiting->since);
    boost::asio::post(threads_, [this, waiting] { take(waiting); });
  } catch (const std::exception& error) {
    fail(waiting->request, *waiting->reply, error);
  }
}

void Api::run(const Request& request, const std::shared_ptr<Reply>& reply) {
  if (const Route* route = route_of(request)) return route->run(*this, request, reply);
  const std::string verbs = verbs_of(request.path);
  if (verbs.empty())
    throw ApiError(404, "", "a route of this server", printable(request.path.substr(0, 100)),
                   "docs/server.md lists them");
  const ApiError wrong(405, "", verbs, printable(request.method));
  reply->Reply::send(405, failure_of(wrong).body, {{"Allow", verbs}});
}

}  // namespace rw::server
