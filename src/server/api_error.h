// SPDX-License-Identifier: Apache-2.0
/// What a client did wrong, or cannot have now, in OpenAI's form.
#pragma once
#include <optional>
#include <string>

#include "core/error.h"
#include "core/json.h"
#include "server/exchange.h"

namespace rw::server {

class ApiError : public Error {
 public:
  /// `param`: the field that is wrong; empty: none alone.
  ApiError(int code, std::string field, std::string_view expected, std::string_view found,
           std::string_view hint = "docs/server.md has every field")
      : Error(field.empty() ? "request" : field, expected, found, hint),
        status(code),
        param(std::move(field)) {}
  /// What `inner` says, as it is or with another hint, of the field.
  ApiError(int code, std::string field, const Error& inner, std::string_view hint)
      : Error(inner, hint), status(code), param(std::move(field)) {}
  ApiError(int code, std::string field, const Error& inner)
      : Error(inner), status(code), param(std::move(field)) {}
  int status;
  std::string param;
};

/// {"error": {"message", "type", "param", "code"}}.
Json error_body(int status, const std::string& message, const std::string& param = "");

/// Of whatever a handler threw: the status and the body. What is not the client's fault tells nothing of the
/// inside.
struct Failure {
  int status = 500;
  Json body;
  Headers headers() const;  ///< Retry-After, where another time is better
};
Failure failure_of(const std::exception& error);

}  // namespace rw::server
