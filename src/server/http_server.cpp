// SPDX-License-Identifier: Apache-2.0
#include "server/http_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <vector>

#include "core/error.h"
#include "core/tell.h"

namespace rw::server {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int kForced = 130;

/// As many connections as were asked for need as many files, and some.
void raise_file_limit(std::size_t connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const auto wanted = static_cast<rlim_t>(connections + 128);
  if (files.rlim_cur >= wanted) return;
  files.rlim_cur = std::min(wanted, files.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(HttpHandler h) : handler(std::move(h)), acceptor(io), again(io), signals(io) {}

  void accept();
  void accepted(error_code failed, tcp::socket socket);
  void begin(tcp::socket socket);
  void closed();
  void await_signal(const std::function<void()>& ending, bool first);

  HttpHandler handler;
  std::vector<std::weak_ptr<Connection>> connections;
  std::size_t n_open = 0;
  bool accepting = false, ending = false, running = true;
  asio::io_context io{1};  // behind what connections touch when they end with it
  tcp::acceptor acceptor;
  asio::steady_timer again;
  asio::signal_set signals;
};

HttpServer::HttpServer(const std::string& host, int port, HttpHandler handler)
    : impl_(std::make_unique<Impl>(std::move(handler))) {
  std::signal(SIGPIPE, SIG_IGN);
  impl_->signals.add(SIGINT);  // from here on they wait for run()
  impl_->signals.add(SIGTERM);
  raise_file_limit(impl_->handler.limits.connections);
  try {
    const tcp::endpoint where(
        asio::ip::make_address(host == "localhost" ? "127.0.0.1" : without_brackets(host)),
        static_cast<unsigned short>(port));
    impl_->acceptor.open(where.protocol());
    impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl_->acceptor.bind(where);
    impl_->acceptor.listen();
  } catch (const boost::system::system_error& failed) {
    throw Error(fmt::format("{}:{}", host, port), "an address that is free to listen on",
                failed.code().message(), "--port 0 takes any free one; --host takes an address");
  }
}

HttpServer::~HttpServer() { impl_->running = false; }

std::string HttpServer::url() const {
  const tcp::endpoint where = impl_->acceptor.local_endpoint();
  const std::string address = where.address().to_string();
  return fmt::format("http://{}:{}", where.address().is_v6() ? "[" + address + "]" : address, where.port());
}

void HttpServer::Impl::accept() {
  if (ending || accepting || n_open >= handler.limits.connections) return;
  accepting = true;
  acceptor.async_accept(
      [this](error_code failed, tcp::socket socket) { accepted(failed, std::move(socket)); });
}

void HttpServer::Impl::accepted(error_code failed, tcp::socket socket) {
  accepting = false;
  if (ending || failed == asio::error::operation_aborted) return;
  if (!failed) try {
      begin(std::move(socket));
      return accept();
    } catch (const std::exception&) {  // no memory for it: it is closed
    }
  again.expires_after(std::chrono::milliseconds(100));  // no more files, or memory: those that end make room
  again.async_wait([this](error_code error) {
    if (!error) accept();
  });
}

void HttpServer::Impl::begin(tcp::socket socket) {
  std::erase_if(connections, [](const auto& weak) { return weak.expired(); });
  const auto connection = std::make_shared<Connection>(std::move(socket), handler, [this] { closed(); });
  ++n_open;  // closed() is called from here on
  connections.push_back(connection);
  connection->start();
}

void HttpServer::Impl::closed() {
  --n_open;
  if (!running) return;
  if (ending && n_open == 0) io.stop();
  accept();
}

void HttpServer::Impl::await_signal(const std::function<void()>& on_end, bool first) {
  signals.async_wait([this, &on_end, first](error_code failed, int) {
    if (failed) return;
    if (!first) ::_exit(kForced);
    await_signal(on_end, false);
    on_end();
  });
}

void HttpServer::run(const std::function<void()>& ending) {
  impl_->await_signal(ending, true);
  impl_->accept();
  for (;;) try {
      return void(impl_->io.run());
    } catch (const std::exception& error) {  // a library's, of one connection, which ends with its handler
      tell("connection: {}\n", error.what());
    }
}

void HttpServer::end_soon(double most_seconds) {
  asio::post(impl_->io, [&server = *impl_, most_seconds] {
    server.ending = true;
    error_code ignored;
    server.acceptor.close(ignored);
    server.again.expires_after(std::chrono::milliseconds(static_cast<long>(most_seconds * 1000)));
    server.again.async_wait([&server](error_code failed) {
      if (!failed) server.io.stop();
    });
    const auto connections = server.connections;
    for (const auto& weak : connections)
      if (const auto connection = weak.lock()) connection->end_soon();
    if (server.n_open == 0) server.io.stop();
  });
}

}  // namespace rw::server
