// SPDX-License-Identifier: Apache-2.0
/// A server inside a test: one thread, one connection after the other, answers that the test makes.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <functional>
#include <mutex>
#include <thread>

#include "core/json.h"

namespace rw::remote {

struct FakeAnswer {
  int status = 200;
  std::string body;
  bool hangs_up = false;  ///< closes without an answer
};
/// `path` and body of a request; GET has no body.
using FakeHandler = std::function<FakeAnswer(const std::string& path, const JsonInput& body)>;

class FakeServer {
 public:
  /// `tls`: with its certificate; null: without TLS.
  explicit FakeServer(FakeHandler handler, boost::asio::ssl::context* tls = nullptr)
      : handler_(std::move(handler)),
        tls_(tls),
        acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this] { serve(); }) {}
  ~FakeServer() {
    ends_ = true;
    boost::system::error_code none;
    boost::asio::ip::tcp::socket last(io_);
    last.connect(acceptor_.local_endpoint(), none);  // wakes accept()
    thread_.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()) + "/v1"; }
  /// Authorization of the last request.
  std::string authorization() {
    const std::lock_guard lock(mutex_);
    return authorization_;
  }

 private:
  void serve() {
    while (!ends_) {
      boost::system::error_code error;
      boost::asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      if (error || ends_) continue;
      if (!tls_) {
        answer_one(socket);
        continue;
      }
      boost::asio::ssl::stream<boost::asio::ip::tcp::socket&> secure(socket, *tls_);
      secure.handshake(boost::asio::ssl::stream_base::server, error);
      if (!error) answer_one(secure);
    }
  }

  template <class Stream>
  void answer_one(Stream& stream) {
    namespace http = boost::beast::http;
    boost::system::error_code error;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::read(stream, buffer, request, error);
    if (error) return;
    {
      const std::lock_guard lock(mutex_);
      authorization_ = std::string(request[http::field::authorization]);
    }
    const FakeAnswer answer =
        handler_(std::string(request.target()), JsonInput::parse(request.body(), nullptr, false));
    if (answer.hangs_up) return;
    http::response<http::string_body> response{static_cast<http::status>(answer.status), 11};
    response.set(http::field::content_type, "application/json");
    if (answer.status == 429) response.set(http::field::retry_after, "0");
    response.keep_alive(false);
    response.body() = answer.body;
    response.prepare_payload();
    http::write(stream, response, error);
  }

  FakeHandler handler_;
  boost::asio::ssl::context* tls_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> ends_{false};
  std::mutex mutex_;
  std::string authorization_;
  std::thread thread_;
};

}  // namespace rw::remote
