// SPDX-License-Identifier: Apache-2.0
#include "server/api_error.h"

#include "serving/served_models.h"

namespace rw::server {
namespace {

const char* type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 404) return "not_found_error";
  if (status == 429) return "overloaded_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

}  // namespace

Json error_body(int status, const std::string& message, const std::string& param) {
  return {{"error",
           {{"message", message},
            {"type", type_of(status)},
            {"param", param.empty() ? Json(nullptr) : Json(param)},
            {"code", status}}}};
}

Headers Failure::headers() const {
  return status == 429 || status == 503 ? Headers{{"Retry-After", "1"}} : Headers{};
}

Failure failure_of(const std::exception& error) {
  const auto made = [](int status, const std::string& message, const std::string& param = "") {
    return Failure{status, error_body(status, message, param)};
  };
  if (const auto* api = dynamic_cast<const ApiError*>(&error))
    return made(api->status, api->what(), api->param);
  if (dynamic_cast<const serving::Busy*>(&error)) return made(429, error.what());
  if (dynamic_cast<const serving::UnknownModel*>(&error)) return made(404, error.what(), "model");
  if (dynamic_cast<const serving::TooLarge*>(&error)) return made(500, error.what(), "model");
  if (dynamic_cast<const UsageError*>(&error)) return made(400, error.what());
  if (dynamic_cast<const Error*>(&error))  // it may name a path of this machine
    return made(
        500,
        "server: expected to do this; found a fault of its files or its memory; hint: its log says more");
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return made(503, "memory: none left; ask for less, or later");
  return made(500, "a bug in ropewalk: the server's log says more");
}

}  // namespace rw::server
