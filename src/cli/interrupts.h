// SPDX-License-Identifier: Apache-2.0
/// Ctrl-C as an end of what is being written, and not of the program.
#pragma once
#include <atomic>

namespace rw {

/// Set by ctrl-C behind catch_interrupts(); who looks at it sets it back.
extern std::atomic<bool> ctrl_c_pressed;

/// A system call that waits is woken.
void catch_interrupts();

}  // namespace rw
