// SPDX-License-Identifier: Apache-2.0
/// A request and the way back to who asked, for handlers, which know nothing of sockets.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "serving/served_models.h"

namespace rw::server {

struct Request {
  std::string method;  ///< "GET"
  std::string path;    ///< of the target, before '?'
  std::string query;   ///< behind it, as it came
  std::string body;
  serving::ModelUse loaded = {};  ///< for it, where its model was not there
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One answer: either send(), or begin_events(), event() ..., end_events(). What comes behind the end, or for
/// a client that has gone, is dropped. Any thread; in order where one thread calls.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void send(int status, std::string type, std::string body, Headers more = {}) = 0;
  virtual void begin_events() = 0;
  virtual void event(std::string data) = 0;
  virtual void end_events() = 0;
  /// `gone` is called, once, by the server's thread, if the client goes before the answer's end: at once
  /// where it has gone already.
  virtual void when_gone(std::function<void()> gone) = 0;
  /// Whether it has gone, as far as is known: what is done for it then is for nobody. Any thread.
  virtual bool gone() const = 0;

  void send(int status, const Json& body, Headers more = {}) {
    send(status, "application/json", dump_json(body) + "\n", std::move(more));
  }
};

}  // namespace rw::server
