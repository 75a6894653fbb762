// SPDX-License-Identifier: Apache-2.0
#include "server/connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include "server/api_error.h"
#include "server/head_rules.h"

namespace rw::server {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr auto kWatch = std::chrono::milliseconds(50);
constexpr double kLingerSeconds = 2;
// A line of a header, a chunk or a trailer must fit; a field of 64 KiB would make Beast's fields throw.
constexpr std::size_t kMostBuffered = std::size_t{48} << 10;
constexpr std::size_t kMostDiscarded = std::size_t{64} << 20;
// What a client must accept within HttpLimits::write_seconds: an answer may be as long as it likes.
constexpr std::size_t kPiece = std::size_t{64} << 10;

auto seconds(double n) { return std::chrono::milliseconds(static_cast<long>(n * 1000)); }

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool too_long(error_code failed) {
  return failed == http::error::header_limit || failed == http::error::buffer_overflow;
}

std::string body_too_long(std::uint64_t most, const std::string& found = "more") {
  return fmt::format("body: expected {} bytes at most; found {}; hint: serve --body allows more", most,
                     found);
}

}  // namespace

/// What handlers hold. Its words cross to the server's thread; one whose connection has ended drops them.
class Connection::Answer : public Reply, public std::enable_shared_from_this<Connection::Answer> {
 public:
  explicit Answer(const std::shared_ptr<Connection>& connection)
      : connection_(connection), executor_(connection->stream_.get_executor()) {}

  void send(int status, std::string type, std::string body, Headers more) override {
    post([status, type = std::move(type), body = std::move(body), more = std::move(more)](Connection& c) {
      if (c.handler_.sent) c.handler_.sent(status);
      Headers headers = more;
      headers.emplace_back("Content-Length", std::to_string(body.size()));
      std::string bytes = c.head(status, type, headers);
      if (!c.head_only_) bytes += body;
      c.write(std::move(bytes), true);
    });
  }
  void begin_events() override {
    post([](Connection& c) {
      if (c.handler_.sent) c.handler_.sent(200);
      if (c.old_) c.keep_alive_ = false;  // HTTP/1.0: the end of the connection ends the answer
      Headers headers{{"Cache-Control", "no-store"}};
      if (!c.old_) headers.emplace_back("Transfer-Encoding", "chunked");
      c.write(c.head(200, "text/event-stream", headers), false);
    });
  }
  void event(std::string data) override {
    post([data = "data: " + std::move(data) + "\n\n"](Connection& c) { c.write(c.chunk(data), false); });
  }
  void end_events() override {
    post([](Connection& c) { c.write(c.old_ ? "" : "0\r\n\r\n", true); });
  }
  void when_gone(std::function<void()> gone) override {
    asio::post(executor_, [self = shared_from_this(), gone = std::move(gone)] {
      const auto connection = self->connection_.lock();
      if (!connection || connection->answer_ != self)
        gone();  // it has ended, before its answer or behind it
      else
        self->gone_ = gone;
    });
  }

  bool gone() const override { return lost_; }

  std::function<void()> gone_;  // the server's thread's
  std::atomic<bool> lost_{false};

 private:
  template <class F>
  void post(F work) {
    asio::post(executor_, [self = shared_from_this(), work = std::move(work)] {
      const auto connection = self->connection_.lock();
      if (connection && connection->answer_ == self && !connection->dead_) work(*connection);
    });
  }
  std::weak_ptr<Connection> connection_;
  boost::beast::tcp_stream::executor_type executor_;
};

Connection::Connection(asio::ip::tcp::socket socket, const HttpHandler& handler, std::function<void()> closed)
    : stream_(std::move(socket)),
      handler_(handler),
      closed_(std::move(closed)),
      watch_(stream_.get_executor()) {
  error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
}

Connection::~Connection() { closed_(); }

void Connection::start() { read_request(); }

void Connection::end_soon() {
  ending_ = true, keep_alive_ = false;
  if (!answer_ && !writing_) close();
}

/// Behind an answer a client may take its time; a request that has begun may not.
void Connection::await_request() {
  if (buffer_.size() > 0) return read_request();
  stream_.expires_after(seconds(handler_.limits.idle_seconds));
  stream_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](error_code failed, std::size_t n) {
                            self->buffer_.commit(n);
                            failed || self->ending_ ? self->close() : self->read_request();
                          });
}

void Connection::read_request() {
  parser_.emplace();
  head_only_ = old_ = passed_empty_ = false;  // until this request's head says otherwise
  parser_->header_limit(handler_.limits.header_bytes);
  parser_->body_limit(handler_.limits.body_bytes);
  stream_.expires_after(seconds(handler_.limits.header_seconds));
  buffer_.max_size(kMostBuffered);
  read_head(0);
}

/// Until an empty line is there, which is not among the first `seen` bytes.
void Connection::read_head(std::size_t seen) {
  const auto bytes = buffer_.data();
  const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\r\n") && !std::exchange(passed_empty_, true)) {  // RFC 9112, 2.2: one at least
    buffer_.consume(2);
    return read_head(0);
  }
  const std::size_t n = end_of_head(text, seen);
  if (n > 0) return parse_head(n);
  if (buffer_.size() >= handler_.limits.header_bytes) return got_header(http::error::header_limit);
  stream_.async_read_some(
      buffer_.prepare(handler_.limits.header_bytes - buffer_.size()),
      [self = shared_from_this(), seen = buffer_.size()](error_code failed, std::size_t n_more) {
        self->buffer_.commit(n_more);
        if (failed == asio::error::eof && self->buffer_.size() > 0)
          return self->refuse(400, "request: expected a whole header; found its end too early");
        failed ? self->got_header(failed) : self->read_head(seen);
      });
}

void Connection::parse_head(std::size_t n) {
  const auto bytes = buffer_.data();
  const std::string trouble = trouble_of({static_cast<const char*>(bytes.data()), n});
  if (!trouble.empty()) return refuse(400, "header: expected " + trouble);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->got_header(error); });
}

void Connection::got_header(error_code failed) {
  if (ending_ && !parser_->got_some()) return close();
  if (failed == http::error::end_of_stream || failed == asio::error::eof ||
      failed == boost::beast::error::timeout || failed == asio::error::operation_aborted)
    return close();
  if (failed == http::error::body_limit) return refuse(413, body_too_long(handler_.limits.body_bytes));
  if (too_long(failed)) return refuse(431, "header: expected 16 KiB at most; found more");
  if (failed == http::error::bad_version) return refuse(400, "version: expected HTTP/1.1; found another");
  if (failed) {
    if (failed.category() == http::make_error_code(http::error::bad_method).category())
      return refuse(400, "request: expected HTTP/1.1; found " + failed.message());
    return close();
  }
  const auto& request = parser_->get();
  old_ = request.version() < 11;
  head_only_ = request.method() == http::verb::head;
  keep_alive_ = parser_->keep_alive() && !ending_;
  if (const auto refused = refusal()) return refuse(refused->status, refused->message, refused->more);
  if (const auto length = parser_->content_length(); length && *length > handler_.limits.body_bytes)
    return refuse(413, body_too_long(handler_.limits.body_bytes, std::to_string(*length)));
  stream_.expires_after(seconds(handler_.limits.body_seconds));
  if (!boost::beast::iequals(request[http::field::expect], "100-continue")) return read_body();
  asio::async_write(stream_, asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25),
                    [self = shared_from_this()](error_code error, std::size_t) {
                      error ? self->close() : self->read_body();
                    });
}

void Connection::read_body() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](error_code failed, std::size_t) { self->got_body(failed); });
}

std::optional<Connection::Refusal> Connection::refusal() const {
  const auto& request = parser_->get();
  const auto value = [&](http::field name) { return text_of(request[name]); };
  if (parser_->chunked() && request.count(http::field::content_length) > 0)
    return Refusal{400, "request: expected Content-Length or Transfer-Encoding; found both"};
  if (!length_is_plain(request))
    return Refusal{
        400, "request: expected one Content-Length, a number, or Transfer-Encoding: chunked; found another"};
  if (request.count(http::field::host) > 1 ||
      (request.version() >= 11 && request.count(http::field::host) == 0))
    return Refusal{400, "Host: expected one; found none, or several"};
  if (const std::string wanted = value(http::field::expect);
      !wanted.empty() && !boost::beast::iequals(wanted, "100-continue"))
    return Refusal{417, "Expect: expected 100-continue or none; found another"};
  const std::string target = text_of(request.target());
  if (!target.starts_with('/')) return Refusal{400, "path: expected one that begins with /; found another"};
  const bool open = target == "/health" || target == "/v1/health";
  const Access& access = *handler_.access;
  if (request.count(http::field::host) > 0 && !access.host_allowed(value(http::field::host)))
    return Refusal{403, "Host: expected an address, localhost or a name of --allow-host; found another"};
  if (request.count(http::field::origin) > 0 &&
      !Access::origin_allowed(value(http::field::origin), value(http::field::host)))
    return Refusal{403, "Origin: expected this server's own page; found another's"};
  if (!open && !access.keys.none() && !access.keys.allow(value(http::field::authorization)))
    return Refusal{401,
                   "key: expected 'Authorization: Bearer KEY'; found none that is known",
                   {{"WWW-Authenticate", "Basic realm=\"ropewalk\", charset=\"UTF-8\""}}};
  if (request.method() == http::verb::post) {
    if (const std::string coding = value(http::field::content_encoding);
        !coding.empty() && !boost::beast::iequals(coding, "identity"))
      return Refusal{415, "Content-Encoding: expected none; found another"};
    std::string type = value(http::field::content_type);
    type = type.substr(0, type.find(';'));
    while (!type.empty() && type.back() == ' ') type.pop_back();
    if (!boost::beast::iequals(type, "application/json"))
      return Refusal{415,
                     "Content-Type: expected application/json; found another; hint: curl -H 'Content-Type: "
                     "application/json'"};
  }
  return std::nullopt;
}

void Connection::got_body(error_code failed) {
  if (failed == http::error::body_limit) return refuse(413, body_too_long(handler_.limits.body_bytes));
  if (too_long(failed)) return refuse(431, "trailer: expected 16 KiB at most; found more");
  if (failed.category() == http::make_error_code(http::error::bad_method).category() &&
      failed != http::error::partial_message && failed != http::error::end_of_stream)
    return refuse(400, "request: expected HTTP/1.1; found " + failed.message());
  if (failed) return close();
  dispatch();
}

/// What follows on this connection cannot be trusted.
void Connection::refuse(int status, const std::string& message, Headers more) {
  keep_alive_ = false;
  answer_ = std::make_shared<Answer>(shared_from_this());
  watch();
  answer_->Reply::send(status, error_body(status, message), std::move(more));
}

void Connection::dispatch() {
  stream_.expires_never();
  const auto& request = parser_->get();
  const std::string target = text_of(request.target());
  const std::size_t query = target.find('?');
  Request asked{text_of(request.method_string()), target.substr(0, query),
                query == std::string::npos ? "" : target.substr(query + 1), std::move(parser_->get().body())};
  answer_ = std::make_shared<Answer>(shared_from_this());
  watch();
  handler_.handle(std::move(asked), answer_);
}

/// A client that goes while it is answered is noticed though it is not read from. It keeps the connection
/// while nothing is read or written.
void Connection::watch() {
  watch_.expires_after(kWatch);
  watch_.async_wait([self = shared_from_this()](error_code failed) {
    if (failed || !self->answer_) return;
    self->peer_gone() ? self->close() : self->watch();
  });
}

bool Connection::peer_gone() {
  pollfd socket{stream_.socket().native_handle(), POLLRDHUP, 0};
  return ::poll(&socket, 1, 0) > 0;
}

std::string Connection::chunk(const std::string& data) const {
  return old_ ? data : fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

std::string Connection::head(int status, const std::string& type, const Headers& more) const {
  std::string text =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nX-Content-Type-Options: nosniff\r\n", status,
                  text_of(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)))), type);
  for (const auto& [name, value] : more) text += fmt::format("{}: {}\r\n", name, value);
  return text + (keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
}

void Connection::write(std::string bytes, bool last) {
  last_ = last_ || last;
  const std::size_t behind = unsent_bytes_ - (unsent_.empty() ? 0 : unsent_.front().size());
  if (!last && behind > handler_.limits.unsent_bytes) return close();  // it does not read
  unsent_bytes_ += bytes.size();
  unsent_.push_back(std::move(bytes));
  if (!writing_) write_next();
}

void Connection::write_next() {
  writing_ = true;
  stream_.expires_after(seconds(handler_.limits.write_seconds));
  const std::string& front = unsent_.front();
  asio::async_write(
      stream_, asio::buffer(front.data() + sent_, std::min(kPiece, front.size() - sent_)),
      [self = shared_from_this()](error_code failed, std::size_t n) { self->wrote(failed, n); });
}

void Connection::wrote(error_code failed, std::size_t n) {
  writing_ = false;
  if (dead_) return;
  if (failed) return close();
  sent_ += n;
  if (sent_ < unsent_.front().size()) return write_next();
  unsent_bytes_ -= sent_, sent_ = 0;
  unsent_.pop_front();
  if (!unsent_.empty()) return write_next();
  stream_.expires_never();
  if (!last_) return;
  answer_ = nullptr, last_ = false;
  watch_.cancel();
  keep_alive_ ? await_request() : linger();
}

/// A client that is still sending would lose the answer if the connection were closed at once.
void Connection::linger() {
  error_code failed;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, failed);
  if (failed) return close();
  stream_.expires_after(seconds(kLingerSeconds));
  discard();
}

void Connection::discard() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kMostBuffered),
                          [self = shared_from_this()](error_code failed, std::size_t n) {
                            self->discarded_ += n;
                            failed || self->discarded_ > kMostDiscarded ? self->close() : self->discard();
                          });
}

/// An answer that has not ended is for nobody from here on.
void Connection::close() {
  if (std::exchange(dead_, true)) return;
  watch_.cancel();
  error_code ignored;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
  const std::shared_ptr<Answer> answer = std::exchange(answer_, nullptr);
  if (!answer) return;
  answer->lost_ = true;
  if (answer->gone_) std::exchange(answer->gone_, nullptr)();
}

}  // namespace rw::server
