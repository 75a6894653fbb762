// SPDX-License-Identifier: Apache-2.0
/// Any bytes from a client, over a real socket: answers that are HTTP, and the connection's end.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "server/http_server.h"

namespace {

using rw::server::Access;
using rw::server::HttpHandler;
using rw::server::HttpServer;

/// Answers at once, whole or as events.
HttpHandler handler() {
  static const Access access;
  HttpHandler made;
  made.access = &access;
  made.limits.body_bytes = 4096, made.limits.header_bytes = 4096;
  made.limits.header_seconds = made.limits.body_seconds = made.limits.idle_seconds = 1;
  made.handle = [](rw::server::Request request, std::shared_ptr<rw::server::Reply> reply) {
    if (request.path != "/events") return reply->Reply::send(200, rw::Json{{"n", request.body.size()}});
    reply->begin_events();
    reply->event(request.query);
    reply->end_events();
  };
  return made;
}

/// The port that it listens on.
int serve() {
  static HttpServer& server = *new HttpServer("127.0.0.1", 0, handler());  // its thread outlives main's end
  std::thread([] { server.run([] {}); }).detach();
  const std::string url = server.url();
  return std::stoi(url.substr(url.rfind(':') + 1));
}

/// A connection to it. Each comes from an address of its own in 127.0.0.0/8: from one address a closed
/// connection holds its port for a minute (TIME_WAIT), and a fuzzer opens more than there are ports.
/// libFuzzer's clock is a signal, and connect() that it interrupts is begun again.
int connect_to(int port) {
  static std::uint32_t n_made = 0;
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK), to.sin_port = htons(static_cast<std::uint16_t>(port));
  for (;;) {
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + n_made++ % 60000);
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    if (client >= 0 && ::bind(client, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
        ::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
      return client;
    if (client < 0 || errno != EINTR) break;
    ::close(client);
  }
  std::perror("fuzz_http: expected a connection to the server");
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int port = serve();
  const int client = connect_to(port);
  for (std::size_t sent = 0; sent < size;) {
    const ssize_t n = ::send(client, data + sent, size - sent, MSG_NOSIGNAL);
    if (n <= 0) break;  // it has closed: what follows a wrong request is not read
    sent += static_cast<std::size_t>(n);
  }
  ::shutdown(client, SHUT_WR);
  std::string answer;
  char part[4096];
  for (ssize_t n = 0; (n = ::recv(client, part, sizeof part, 0)) > 0;)
    answer.append(part, static_cast<std::size_t>(n));
  ::close(client);
  if (answer.empty() || answer.starts_with("HTTP/1.1 ")) return 0;
  std::fprintf(stderr, "fuzz_http: expected HTTP/1.1; found %s\n", answer.c_str());
  std::abort();
}
