// SPDX-License-Identifier: Apache-2.0
#include "remote/url.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"

namespace rw::remote {
namespace {

constexpr std::string_view kHttp = "http://", kHttps = "https://", kV1 = "/v1";

bool may_stand_in_url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~/:[]%").find(c) != std::string_view::npos;
}

}  // namespace

std::string Url::root() const {
  return base.ends_with(kV1) ? base.substr(0, base.size() - kV1.size()) : base;
}

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

std::string Url::origin() const { return std::string(tls ? kHttps : kHttp) + authority(); }

std::string Url::text() const { return origin() + base; }

bool is_url(std::string_view text) { return text.starts_with(kHttp) || text.starts_with(kHttps); }

Url parse_url(std::string_view text, std::string_view place) {
  const auto wrong = [&](std::string_view found, std::string_view hint) {
    throw UsageError(place, "the address of a server, such as http://localhost:8000/v1", found, hint);
  };
  if (!is_url(text)) wrong("'" + std::string(text) + "'", "it begins with http:// or https://");
  Url url;
  url.tls = text.starts_with(kHttps), url.port = url.tls ? 443 : 80;
  std::string_view rest = text.substr(url.tls ? kHttps.size() : kHttp.size());
  if (rest.find('@') != rest.npos) wrong("a name or password in it", "--api-key-file holds a key");
  if (!std::all_of(rest.begin(), rest.end(), may_stand_in_url))
    wrong("'" + std::string(text) + "'", "no query, no spaces");
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  url.base = std::string(rest.substr(slash));
  while (url.base.ends_with('/')) url.base.pop_back();
  std::string_view host = rest.substr(0, slash), port;
  if (host.starts_with('[')) {  // IPv6
    const std::size_t end = host.find(']');
    if (end == host.npos) wrong("'" + std::string(text) + "'", "an IPv6 address ends with ]");
    url.host = std::string(host.substr(1, end - 1)), port = host.substr(end + 1);
  } else {
    const std::size_t colon = std::min(host.find(':'), host.size());
    url.host = std::string(host.substr(0, colon)), port = host.substr(colon);
  }
  if (!port.empty()) {
    const char* end = port.data() + port.size();
    const auto [read, error] = std::from_chars(port.data() + 1, end, url.port);
    if (port[0] != ':' || error != std::errc() || read != end || url.port < 1 || url.port > 65535)
      wrong("'" + std::string(text) + "'", "a port is a number from 1 to 65535");
  }
  if (url.host.empty()) wrong("no host", "http://HOST:PORT/v1");
  return url;
}

}  // namespace rw::remote
