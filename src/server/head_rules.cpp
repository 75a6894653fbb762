// SPDX-License-Identifier: Apache-2.0
#include "server/head_rules.h"

#include <fmt/format.h>

namespace rw::server {
namespace {

constexpr std::size_t kMostLines = 128;

}  // namespace

std::size_t end_of_head(std::string_view bytes, std::size_t seen) {
  for (std::size_t at = bytes.find('\n', seen < 2 ? 0 : seen - 2); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    if (bytes.substr(at + 1, 1) == "\n") return at + 2;
    if (bytes.substr(at + 1, 2) == "\r\n") return at + 3;
  }
  return 0;
}

std::string trouble_of(std::string_view head) {
  std::size_t lines = 0;
  for (std::size_t at = 0; at < head.size(); ++at) {
    const char next = at + 1 < head.size() ? head[at + 1] : '\0';
    if (head[at] == '\n' && (at == 0 || head[at - 1] != '\r'))
      return "lines that end by CRLF; found a bare LF";
    if (head[at] == '\r' && next != '\n') return "lines that end by CRLF; found a bare CR";
    if (head[at] == '\n' && (next == ' ' || next == '\t')) return "a field on one line; found a folded one";
    if (head[at] == '\n' && ++lines > kMostLines)
      return fmt::format("{} lines at most; found more", kMostLines);
  }
  return "";
}

bool length_is_plain(const boost::beast::http::fields& fields) {
  namespace http = boost::beast::http;
  const auto value = [&](http::field name) { return std::string(fields[name].data(), fields[name].size()); };
  const std::string coding = value(http::field::transfer_encoding),
                    length = value(http::field::content_length);
  const bool coded = fields.count(http::field::transfer_encoding) > 0,
             counted = fields.count(http::field::content_length) > 0;
  return (!coded ||
          (fields.count(http::field::transfer_encoding) == 1 && boost::beast::iequals(coding, "chunked"))) &&
         (!counted || (fields.count(http::field::content_length) == 1 && !length.empty() &&
                       length.find_first_not_of("0123456789") == std::string::npos));
}

}  // namespace rw::server
