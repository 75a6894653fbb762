// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupts.h"

#include <csignal>

namespace rw {

std::atomic<bool> ctrl_c_pressed{false};

extern "C" {
static void interrupt(int) { ctrl_c_pressed = true; }
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = interrupt;
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace rw
