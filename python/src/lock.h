// SPDX-License-Identifier: Apache-2.0
/// The interpreter's lock, given back while C++ computes. Where Python has begun to end, a thread that would
/// take it (a daemon's) sleeps for good: CPython would end it by pthread_exit, through frames of C++ that may
/// not be unwound.
#pragma once
#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace ropewalk::python {

inline std::atomic<bool> python_ends = false;  ///< set by an exit function of the module

inline void sleep_where_python_ends() {
  while (python_ends) std::this_thread::sleep_for(std::chrono::hours(1));
}

class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    sleep_where_python_ends();
    PyEval_RestoreThread(state_);
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

/// Inside of Unlocked: what is called back.
class Locked {
 public:
  Locked() : state_((sleep_where_python_ends(), PyGILState_Ensure())) {}
  ~Locked() { PyGILState_Release(state_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace ropewalk::python
