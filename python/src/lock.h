// SPDX-License-Identifier: Apache-2.0
/// The interpreter's lock, given back while C++ computes. Where Python has begun to end, a thread that would
/// take it (a daemon's) sleeps for good: CPython would end it by pthread_exit, through frames of C++ that may
/// not be unwound. Who waits for it already gets it before the end goes on.
#pragma once
#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace ropewalk::python {

/// How Python ends: end_python is an exit function of the module.
struct Ending {
  std::atomic<bool> begun = false;
  std::atomic<int> n_inside = 0;  ///< threads that wait for the lock, or are in what is called back
  std::thread::id by;             ///< the thread that ends it: its later exit functions may call us

  void enter() {
    ++n_inside;  // before the look: end_python sets, then counts
    if (!begun || std::this_thread::get_id() == by) return;
    --n_inside;
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  void leave() { --n_inside; }
};
inline Ending ending;

class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    ending.enter();
    PyEval_RestoreThread(state_);
    ending.leave();
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

/// Inside of Unlocked: what is called back.
class Locked {
 public:
  Locked() : state_((ending.enter(), PyGILState_Ensure())) {}
  ~Locked() {
    PyGILState_Release(state_);
    ending.leave();
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  PyGILState_STATE state_;
};

/// With the lock. Waits for who is inside, but not for ever: what is called back may wait for the end itself.
inline void end_python() {
  ending.by = std::this_thread::get_id();
  ending.begun = true;
  constexpr int kRounds = 5000,
                kQuiet = 20;  // of 1 ms; who has the lock may give it away and come back for it
  for (int round = 0, quiet = 0; round < kRounds && quiet < kQuiet; ++round) {
    PyThreadState* state = PyEval_SaveThread();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    PyEval_RestoreThread(state);
    quiet = ending.n_inside == 0 ? quiet + 1 : 0;
  }
}

}  // namespace ropewalk::python
