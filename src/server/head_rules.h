// SPDX-License-Identifier: Apache-2.0
/// What the head of a request must be beyond what Beast asks: where Beast is kinder than a proxy before it,
/// or less kind, what follows on the connection would be read otherwise there (request smuggling).
#pragma once
#include <boost/beast/http/fields.hpp>
#include <string>
#include <string_view>

namespace rw::server {

/// Bytes of a head, its empty line too, whatever ends its lines; 0: it is not whole. The first `seen` bytes
/// hold no end.
std::size_t end_of_head(std::string_view bytes, std::size_t seen);

/// Of a head's bytes: a line that goes on in the next, ends that are not CRLF, or too many lines, as
/// "expected and found"; empty: nothing.
std::string trouble_of(std::string_view head);

/// One Content-Length, a number, or one Transfer-Encoding, which is chunked, or none of both.
bool length_is_plain(const boost::beast::http::fields& fields);

}  // namespace rw::server
