// SPDX-License-Identifier: Apache-2.0
/// Listens, and gives each client a Connection.
#pragma once
#include <memory>
#include <string>

#include "server/connection.h"

namespace rw::server {

/// One thread, the one that calls run(), does all of it.
class HttpServer {
 public:
  /// Errors: Error where the address cannot be listened on. Port 0: any free one.
  HttpServer(const std::string& host, int port, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;  ///< "http://127.0.0.1:8080"
  /// Until stop(). `ending`: called in this thread at the first SIGINT or SIGTERM, from when on no client is
  /// accepted; at the second the process ends at once.
  void run(const std::function<void()>& ending);
  /// No new clients; those that are there get their answers' ends, for so long. run() returns when none is
  /// left. Any thread.
  void end_soon(double most_seconds);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rw::server
