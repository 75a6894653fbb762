// SPDX-License-Identifier: Apache-2.0
#include "remote/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <chrono>

namespace rw::remote {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

/// A connection, by TLS or without; what is sent and read is the same.
class HttpConnection {
 public:
  HttpConnection(asio::io_context& io, asio::ssl::context* tls) {
    tls ? void(secure_.emplace(io, *tls)) : void(plain_.emplace(io));
  }
  beast::tcp_stream& tcp() { return secure_ ? secure_->next_layer() : *plain_; }
  /// `f`: called with the stream that requests go to.
  template <class F>
  void with(const F& f) {
    secure_ ? f(*secure_) : f(*plain_);
  }
  using Secure = beast::ssl_stream<beast::tcp_stream>;
  Secure& secure() { return *secure_; }

 private:
  std::optional<beast::tcp_stream> plain_;
  std::optional<Secure> secure_;
};

struct HttpClient::Impl {
  Impl(Url where, HttpLimits l) : url(std::move(where)), limits(l) {
    if (!url.tls) return;
    tls.emplace(asio::ssl::context::tls_client);
    tls->set_default_verify_paths();
    tls->set_verify_mode(asio::ssl::verify_peer);
  }

  void connect();
  void shake_hands();
  HttpAnswer ask(http::verb verb, const std::string& path, const std::string& key, std::string json);
  HttpAnswer ask_once(const http::request<http::string_body>& request, bool& reused);
  void read_some(http::response_parser<http::string_body>& parser, error_code& error);

  [[noreturn]] void fail(const std::string& doing, const error_code& error) {
    connection.reset();
    const bool late = error == beast::error::timeout, big = error == http::error::body_limit;
    // No HTTP, or not as it should be: another try would be answered alike. An early end may pass.
    const bool odd = error.category() == http::make_error_code(http::error::body_limit).category() &&
                     error != http::error::end_of_stream && error != http::error::partial_message;
    throw NoAnswer(
        !odd && !(late && asked), asked, url.text(), "a server that answers",
        fmt::format("{}: {}", doing,
                    late  ? "nothing came in time"
                    : big ? fmt::format("an answer of more than {} MB", limits.most_bytes >> 20)
                          : error.message()),
        late ? "is it still reading? --answer-time waits longer" : "is it running, and is this its address?");
  }
  /// Runs what was started to its end, which `expires_after` bounds.
  void finish() {
    io.restart();
    io.run();
  }

  Url url;
  HttpLimits limits;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
  std::optional<HttpConnection> connection;
  beast::flat_buffer buffer;
  bool asked = false;  // the request was taken
};

void HttpClient::Impl::connect() {
  error_code error;
  tcp::resolver resolver(io);
  tcp::resolver::results_type found;
  resolver.async_resolve(
      url.host, std::to_string(url.port),
      [&](error_code e, tcp::resolver::results_type r) { error = e, found = std::move(r); });
  finish();
  if (error) fail("its name is not known", error);
  connection.emplace(io, tls ? &*tls : nullptr);
  buffer.clear();
  beast::tcp_stream& stream = connection->tcp();
  stream.expires_after(std::chrono::milliseconds(static_cast<int>(1000 * limits.connect_seconds)));
  stream.async_connect(found, [&](error_code e, const tcp::endpoint&) { error = e; });
  finish();
  if (error) fail("no connection", error);
  stream.socket().set_option(tcp::no_delay(true), error);
  if (tls) shake_hands();
}

void HttpClient::Impl::shake_hands() {
  HttpConnection::Secure& secure = connection->secure();
  SSL_set_tlsext_host_name(secure.native_handle(), url.host.c_str());  // servers of several names
  secure.set_verify_callback(asio::ssl::host_name_verification(url.host));
  error_code error;
  secure.async_handshake(asio::ssl::stream_base::client, [&](error_code e) { error = e; });
  finish();
  if (!error) return;
  connection.reset();
  const bool unknown = error.message().find("certificate") != std::string::npos;
  throw NoAnswer(false, false, url.text(), "a secure connection to this name", error.message(),
                 unknown
                     ? "SSL_CERT_FILE names the certificate of an authority that this system does not know"
                     : "does it speak https, or http?");
}

void HttpClient::Impl::read_some(http::response_parser<http::string_body>& parser, error_code& error) {
  connection->with([&](auto& stream) {
    http::async_read_some(stream, buffer, parser, [&](error_code e, std::size_t) { error = e; });
  });
  finish();
}

HttpAnswer HttpClient::Impl::ask_once(const http::request<http::string_body>& request, bool& reused) {
  reused = connection.has_value(), asked = false;
  if (!connection) connect();
  error_code error;
  const std::chrono::milliseconds limit(static_cast<std::int64_t>(1000 * limits.answer_seconds));
  connection->tcp().expires_after(limit);
  connection->with([&](auto& stream) {
    http::async_write(stream, request, [&](error_code e, std::size_t) { error = e; });
  });
  finish();
  if (error) fail("the request was not taken", error);
  asked = true;
  const auto end = std::chrono::steady_clock::now() + limit;
  std::optional<http::response_parser<http::string_body>> parser;
  do {  // 1xx is no answer yet
    parser.emplace();
    parser->header_limit(64u << 10);
    parser->body_limit(limits.most_bytes);
    while (!parser->is_done()) {
      read_some(*parser, error);
      // Its own timer waits for a moment without bytes.
      if (!error && std::chrono::steady_clock::now() > end) error = beast::error::timeout;
      if (error) fail("no answer", error);
    }
  } while (parser->get().result_int() / 100 == 1);
  HttpAnswer answer{static_cast<int>(parser->get().result_int()), std::move(parser->get().body()), {}};
  const auto after = parser->get()[http::field::retry_after];
  double seconds = 0;
  if (std::from_chars(after.data(), after.data() + after.size(), seconds).ec == std::errc() && seconds >= 0)
    answer.retry_after = seconds;
  // What stands behind the answer would be taken for the next one.
  if (!parser->get().keep_alive() || buffer.size() > 0) connection.reset();
  return answer;
}

HttpAnswer HttpClient::Impl::ask(http::verb verb, const std::string& path, const std::string& key,
                                 std::string json) {
  http::request<http::string_body> request{verb, path, 11};
  request.set(http::field::host, url.authority());
  request.set(http::field::user_agent, "ropewalk");
  request.set(http::field::accept, "application/json");
  if (!key.empty()) request.set(http::field::authorization, "Bearer " + key);
  if (verb == http::verb::post) request.set(http::field::content_type, "application/json");
  request.body() = std::move(json);
  request.prepare_payload();
  bool reused = false;
  try {
    return ask_once(request, reused);
  } catch (const NoAnswer& none) {
    if (!reused || !none.may_pass())
      throw;  // a kept connection may have been closed meanwhile: that says nothing
  }
  return ask_once(request, reused);
}

HttpClient::HttpClient(Url url, HttpLimits limits) : impl_(std::make_unique<Impl>(std::move(url), limits)) {}
HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::get(const std::string& path, const std::string& key) {
  return impl_->ask(http::verb::get, path, key, "");
}
HttpAnswer HttpClient::post(const std::string& path, const std::string& key, std::string json) {
  return impl_->ask(http::verb::post, path, key, std::move(json));
}

}  // namespace rw::remote
