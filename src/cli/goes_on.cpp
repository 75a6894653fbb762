// SPDX-License-Identifier: Apache-2.0
#include "cli/goes_on.h"

#include <unistd.h>

#include <csignal>

#include "core/error.h"

namespace rw {
namespace {

// A handler may read what was written before it was set, and call access(), write(), sigaction(), raise().
std::string results_file, how_to_go_on;  // NOLINT: set once, before the handler
constexpr std::string_view kNothing = "\nstopped; nothing was finished yet\n";
constexpr int kSignals[] = {SIGINT, SIGTERM};
struct sigaction before[2];  // who is to end us, in the order of kSignals: OutputFile removes its parts

void on_signal(int signal) {
  const std::string_view said =
      ::access(results_file.c_str(), F_OK) == 0 ? std::string_view(how_to_go_on) : kNothing;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, said.data(), said.size());
  sigaction(signal, &before[signal == SIGINT ? 0 : 1], nullptr);
  ::raise(signal);  // comes when this handler has returned
}

}  // namespace

void say_that_it_goes_on(const std::string& out, const std::string& command) {
  if (out.empty() || !how_to_go_on.empty()) return;
  results_file = out;
  how_to_go_on = fmt::format("\nstopped; {} goes on: what is done is in {}\n", command, printable(out));
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < 2; ++i) {
    sigaction(kSignals[i], &action, &before[i]);
    if (before[i].sa_handler == SIG_IGN) sigaction(kSignals[i], &before[i], nullptr);  // nohup stays nohup
  }
}

}  // namespace rw
