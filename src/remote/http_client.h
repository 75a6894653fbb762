// SPDX-License-Identifier: Apache-2.0
/// One connection to a server: what is asked and what is answered, within stated times and sizes.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "core/error.h"
#include "remote/url.h"

namespace rw::remote {

struct HttpLimits {
  double connect_seconds = 10;
  double answer_seconds = 600;                      ///< from the request's first byte to the answer's last
  std::size_t most_bytes = std::size_t{256} << 20;  ///< of an answer's body
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::optional<double> retry_after;  ///< seconds, where the server says so
};

/// Nobody answered: no such host, a refused or broken connection, too late, or too much.
class NoAnswer : public Error {
 public:
  NoAnswer(bool may_pass, bool reached, std::string_view place, std::string_view expected,
           std::string_view found, std::string_view hint)
      : Error(place, expected, found, hint), may_pass_(may_pass), reached_(reached) {}
  bool reached() const { return reached_; }  ///< whether somebody took the request
  /// Whether asking again may help: not where the answer is too large, or took all of its time.
  bool may_pass() const { return may_pass_; }

 private:
  bool may_pass_, reached_;
};

/// An answer of another form than engines document.
class OddAnswer : public Error {
 public:
  OddAnswer(std::string_view place, std::string_view expected, std::string_view found,
            std::string_view hint = "is this an engine's own server, and does its address end in /v1?")
      : Error(place, expected, found, hint) {}
};

/// Keeps its connection between requests, and opens another where the server closed it. Of https the server's
/// certificate must be its own, by an authority that this system trusts (SSL_CERT_FILE and SSL_CERT_DIR name
/// others). One thread at a time.
class HttpClient {
 public:
  HttpClient(Url url, HttpLimits limits);
  ~HttpClient();
  /// `key`: for Authorization: Bearer; empty: none. It stands in no error. Errors: NoAnswer.
  HttpAnswer get(const std::string& path, const std::string& key);
  HttpAnswer post(const std::string& path, const std::string& key, std::string json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rw::remote
