// SPDX-License-Identifier: Apache-2.0
/// Where a server is.
#pragma once
#include <string>
#include <string_view>

namespace rw::remote {

struct Url {
  bool tls = false;  ///< https
  std::string host;  ///< a name or an address; of IPv6 without its brackets
  int port = 80;
  std::string base;               ///< the path of the OpenAI routes, such as "/v1"; may be empty
  std::string root() const;       ///< base without its /v1: where engines have their own routes
  std::string authority() const;  ///< "host:8000"
  std::string origin() const;     ///< "http://host:8000"
  std::string text() const;       ///< "http://host:8000/v1"
};

/// Whether somebody means a server, not a file.
bool is_url(std::string_view text);
/// "http://host:port/v1", or https. Errors: UsageError naming `place`: a name or password in it, which would
/// be shown; a query; characters that no such address has.
Url parse_url(std::string_view text, std::string_view place);

}  // namespace rw::remote
