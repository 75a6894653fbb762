// SPDX-License-Identifier: Apache-2.0
/// A server with one model of it: JSON asked and answered, again where that helps.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/json.h"
#include "remote/http_client.h"

namespace rw::remote {

struct ServerOptions {
  std::string model;        ///< the name under which it is served; empty: the only one, or the first
  std::string key;          ///< for Authorization: Bearer; empty: none. It stands in no error and no result
  int tries = 6;            ///< where nobody answers, or with 408, 425, 429, 500, 502, 503 or 504
  double first_wait = 0.5;  ///< seconds before the second try; twice as long before each further one
  HttpLimits limits = {};
};

/// The server answered, and would not.
class Refused : public Error {
 public:
  Refused(int status, std::string_view place, std::string_view expected, std::string_view found,
          std::string_view hint)
      : Error(place, expected, found, hint), status_(status) {}
  int status() const { return status_; }
  /// Whether that says something of what the server can do: not of the key, of the load or of a proxy.
  bool cannot() const;

 private:
  int status_;
};

/// Why a server cannot do what `ask` asks of it; nothing: it can. Errors: NoAnswer, Refused where that says
/// nothing of what it can do.
std::optional<Error> why_not(const std::function<void()>& ask);

/// Thread-safe: as many connections are kept as were in use at once.
class Server {
 public:
  /// Asks for its models. Errors: NoAnswer; Refused; Error where it serves none of that name.
  Server(Url url, ServerOptions options);

  const Url& url() const { return url_; }
  const std::string& model() const { return model_; }  ///< as it is asked for
  /// Its entry in the list of models; an empty object where it has none.
  const JsonInput& about() const { return about_; }

  /// While it lives 500 is an answer, and not asked again: what a server cannot do is found out by asking,
  /// and some say it so. Not while others ask.
  class Trial {
   public:
    explicit Trial(Server& server) : server_(server) { server.trial_ = true; }
    ~Trial() { server_.trial_ = false; }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

   private:
    Server& server_;
  };

  /// `path` behind the base (/v1), such as "/completions"; the body without "model", which is added. Errors:
  /// Refused; NoAnswer after all tries; Error for an answer that is not JSON (32 deep at most).
  JsonInput ask(const std::string& path, Json body) const;
  /// The same behind the root, where engines have their own routes.
  JsonInput ask_root(const std::string& path, Json body) const;

 private:
  JsonInput send(const std::string& path, const Json* body) const;
  JsonInput read_answer(const std::string& body, const std::string& place) const;
  HttpAnswer try_once(const std::string& path, const Json* body) const;

  Url url_;
  ServerOptions options_;
  bool trial_ = false;
  mutable std::atomic<bool> met_ = false;  // it has answered once
  std::string model_;
  JsonInput about_ = JsonInput::object();
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace rw::remote
