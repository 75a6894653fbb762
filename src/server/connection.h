// SPDX-License-Identifier: Apache-2.0
/// One client: reads its requests, one after the other, and writes the answers. All of it runs in the
/// server's one thread, but for Reply, which any thread may call.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/access.h"
#include "server/exchange.h"

namespace rw::server {

struct HttpLimits {
  std::uint32_t header_bytes = 16u << 10;
  std::uint64_t body_bytes = 8u << 20;
  double header_seconds = 10, body_seconds = 60, idle_seconds = 60;
  double write_seconds = 30;  ///< that a client may take to accept the next 64 KiB of what was sent
  /// Of events behind the one that is being sent, that a client has not accepted yet.
  std::size_t unsent_bytes = std::size_t{4} << 20;
  std::size_t connections = 1024;
};

/// What the server does with requests.
struct HttpHandler {
  const Access* access = nullptr;
  HttpLimits limits = {};
  /// Of a whole request whose sender may ask. Called by the server's thread, which it must not hold up.
  std::function<void(Request, std::shared_ptr<Reply>)> handle;
  /// A status was sent.
  std::function<void(int status)> sent;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `closed`: called when it has ended.
  Connection(boost::asio::ip::tcp::socket socket, const HttpHandler& handler, std::function<void()> closed);
  ~Connection();
  void start();
  /// Ends behind the answer that is on its way.
  void end_soon();

 private:
  class Answer;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void await_request();
  void read_request();
  void read_head(std::size_t seen);
  void parse_head(std::size_t n);
  void got_header(boost::system::error_code failed);
  void read_body();
  void got_body(boost::system::error_code failed);
  /// Why a request's header is refused; its body is not read then.
  struct Refusal {
    int status;
    std::string message;
    Headers more = {};
  };
  std::optional<Refusal> refusal() const;
  void refuse(int status, const std::string& message, Headers more = {});
  void dispatch();

  void watch();
  bool peer_gone();
  void write(std::string bytes, bool last);
  void write_next();
  void wrote(boost::system::error_code failed, std::size_t n);
  void linger();
  void discard();
  void close();
  std::string chunk(const std::string& data) const;
  std::string head(int status, const std::string& type, const Headers& more) const;

  boost::beast::tcp_stream stream_;
  const HttpHandler& handler_;
  std::function<void()> closed_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  boost::asio::steady_timer watch_;
  std::shared_ptr<Answer> answer_;  // on its way
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0, sent_ = 0, discarded_ = 0;  // sent_: of the first that is unsent
  bool writing_ = false, last_ = false, keep_alive_ = false, head_only_ = false, old_ = false,
       passed_empty_ = false, ending_ = false, dead_ = false;
};

}  // namespace rw::server
