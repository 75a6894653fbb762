// SPDX-License-Identifier: Apache-2.0
#include "remote/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>

namespace rw::remote {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

struct HttpClient::Impl {
  Impl(Url where, HttpLimits l) : url(std::move(where)), limits(l) {}

  void connect();
  HttpAnswer ask(http::verb verb, const std::string& path, const std::string& key, std::string json);
  HttpAnswer ask_once(const http::request<http::string_body>& request, bool& reused);

  [[noreturn]] void fail(const std::string& doing, const error_code& error) {
    stream.reset();
    const bool late = error == beast::error::timeout, big = error == http::error::body_limit;
    throw NoAnswer(
        !big && !(late && asked), url.text(), "a server that answers",
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
  std::optional<beast::tcp_stream> stream;
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
  stream.emplace(io);
  buffer.clear();
  stream->expires_after(std::chrono::milliseconds(static_cast<int>(1000 * limits.connect_seconds)));
  stream->async_connect(found, [&](error_code e, const tcp::endpoint&) { error = e; });
  finish();
  if (error) fail("no connection", error);
  stream->socket().set_option(tcp::no_delay(true), error);
}

HttpAnswer HttpClient::Impl::ask_once(const http::request<http::string_body>& request, bool& reused) {
  reused = stream.has_value(), asked = false;
  if (!stream) connect();
  error_code error;
  stream->expires_after(std::chrono::milliseconds(static_cast<std::int64_t>(1000 * limits.answer_seconds)));
  http::async_write(*stream, request, [&](error_code e, std::size_t) { error = e; });
  finish();
  if (error) fail("the request was not taken", error);
  asked = true;
  http::response_parser<http::string_body> parser;
  parser.header_limit(64u << 10);
  parser.body_limit(limits.most_bytes);
  http::async_read(*stream, buffer, parser, [&](error_code e, std::size_t) { error = e; });
  finish();
  if (error) fail("no answer", error);
  HttpAnswer answer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body()), {}};
  const auto after = parser.get()[http::field::retry_after];
  double seconds = 0;
  if (std::from_chars(after.data(), after.data() + after.size(), seconds).ec == std::errc() && seconds >= 0)
    answer.retry_after = seconds;
  if (!parser.get().keep_alive()) stream.reset();
  return answer;
}

HttpAnswer HttpClient::Impl::ask(http::verb verb, const std::string& path, const std::string& key,
                                 std::string json) {
  http::request<http::string_body> request{verb, path, 11};
  request.set(http::field::host, url.host + ":" + std::to_string(url.port));
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
