// SPDX-License-Identifier: Apache-2.0
/// The only place that makes threads: a pool whose threads wait briefly in a loop (a step of a model has some
/// 200 parallel parts) and then sleep, so that they do not take the cores of other programs.
#pragma once
#include <atomic>

#include "core/memory_nodes.h"
#include "core/types.h"

namespace rw {

/// Cores that this process may use: those of its affinity and cpuset, as far as its container's quota of
/// processor time goes (machine_limits.h). Read once.
int usable_cores();
/// The same, where `n` processes on this machine were started together and share its cores: an equal part of
/// those that who started them may use, and no more than this one may.
int usable_cores_of(int n);

/// Threads of one owner (Context). Several live side by side, and each has threads of its own.
/// Where the machine has several memory nodes, each thread but the caller's stays on one of them, and the
/// items of a call are divided among nodes in blocks, the same way for each call with as many: what an item
/// reads was first touched, and so lies, on the node that reads it again.
class Threads {
 public:
  /// n <= 0: usable_cores(). They are made when they are first needed. Errors: std::bad_alloc.
  explicit Threads(int n = 0, MemoryNodes nodes = usable_nodes());
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int count() const;
  /// As the constructor. Not while parallel_for runs.
  void set_count(int n);

  /// Calls body(i, thread) for i in [0, n), each once, in any order; threads take the next free i of their
  /// node, and of other nodes when it has none left.
  /// `thread` is in [0, count()). Inside a body, also one of other Threads, it runs in the calling thread
  /// alone, and calls from several threads take turns. Does not allocate once the threads are there.
  /// Errors: what a body throws, in whichever thread, is thrown again here once all bodies that began have
  /// ended; of several the one of the smallest i, so that the error is the same for any number of threads.
  /// Later i may not have run. Error when the system gives too few threads. A child of fork() makes threads
  /// of its own when it first needs them. REQUIRES: no fork() inside a body.
  template <class F>
  void parallel_for(Index n, const F& body) {
    run(
        n, [](const void* f, Index i, int thread) { (*static_cast<const F*>(f))(i, thread); }, &body);
  }

 private:
  class Pool;
  struct Page;
  using Body = void (*)(const void* data, Index i, int thread);
  void run(Index n, Body body, const void* data);
  Pool& pool();
  /// Whether it is of this process.
  bool ours(const Pool* pool) const;
  void end_pool();

  const MemoryNodes nodes_;
  std::atomic<int> wanted_;
  Page* page_ = nullptr;
  bool wiped_ = false;  // whether the system wipes the page in a child
};

}  // namespace rw
