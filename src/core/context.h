// SPDX-License-Identifier: Apache-2.0
/// What an engine works with: the one owner of threads, memory and measurements.
#pragma once
#include <algorithm>
#include <string>

#include "core/page_pool.h"
#include "core/parallel.h"
#include "core/profile.h"

namespace rw {

struct ContextOptions {
  int threads = 0;  ///< 0: usable_cores()
  std::string isa;  ///< instruction set; empty: the one ROPEWALK_ISA names, or the fastest of this machine
};

/// Threads, instruction set, memory and profile of one engine. Owned by who makes it (a shared_ptr); two of
/// them live side by side, and nothing of one is seen by the other. Shared by backends and models: several
/// threads may call them at once.
class Context {
 public:
  explicit Context(const ContextOptions& options = {});

  int threads() const { return threads_.count(); }
  /// 0: usable_cores(). Not while work runs.
  void set_threads(int n) { threads_.set_count(n); }
  /// The instruction set asked for; empty: the fastest of this machine. A backend finds out whether there is
  /// such a one.
  const std::string& isa() const { return isa_; }
  /// As Threads::parallel_for.
  template <class F>
  void parallel_for(Index n, const F& body) {
    threads_.parallel_for(n, body);
  }
  /// body(begin, end) for blocks of `size` of [0, n), the last one shorter: of constant size, so that what a
  /// thread gets never changes a result.
  template <class F>
  void parallel_blocks(Index n, Index size, const F& body) {
    parallel_for((n + size - 1) / size,
                 [&](Index block, int) { body(block * size, std::min(n, (block + 1) * size)); });
  }
  PagePool& pages() { return pages_; }
  /// Bytes that weights of a model's file may take of the memory; 0: what is free beside texts
  /// (model/weight_pager.h). Set before a model is loaded.
  std::size_t weight_memory() const { return weight_memory_; }
  void set_weight_memory(std::size_t bytes) { weight_memory_ = bytes; }
  Profile& profile() { return profile_; }

 private:
  Threads threads_;
  std::string isa_;
  PagePool pages_;
  Profile profile_;
  std::size_t weight_memory_ = 0;
};

}  // namespace rw
