// SPDX-License-Identifier: Apache-2.0
#include "core/parallel.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ropewalk {
namespace {

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency() > 0 ? std::thread::hardware_concurrency() : 1);
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

/// The caller of a job works too, and waits for those helpers only that have begun: a helper that the system
/// has put aside delays nobody.
class Pool {
 public:
  explicit Pool(int n) {
    for (int t = 1; t < n; ++t) helpers_.emplace_back([this, t] { help(t); });
  }
  ~Pool() {
    stop_ = true;
    wake();
    for (std::thread& helper : helpers_) helper.join();
  }
  int size() const { return static_cast<int>(helpers_.size()) + 1; }

  void run(Index n, detail::Body body, const void* context) {
    const std::lock_guard turn(turn_);
    n_ = n, body_ = body, context_ = context;
    next_.store(0, std::memory_order_relaxed);
    open_ = true;
    wake();
    take_items(0);
    open_ = false;
    for (int i = 0; inside_.load() != 0; ++i) i < 10000 ? relax() : std::this_thread::yield();
  }

 private:
  void wake() {
    job_.fetch_add(1);
    if (asleep_.load() > 0) job_.notify_all();
  }
  void take_items(int thread) {
    for (Index i = next_.fetch_add(1); i < n_; i = next_.fetch_add(1)) body_(context_, i, thread);
  }
  void help(int thread);
  /// Returns once `job_` is no longer `seen`.
  void await(unsigned seen) {
    constexpr auto kPatience = std::chrono::microseconds(100);  // longer than the gaps inside a step
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < kPatience)
      for (int i = 0; i < 32; ++i) {
        if (job_.load(std::memory_order_acquire) != seen) return;
        relax();
      }
    asleep_.fetch_add(1);
    job_.wait(seen);
    asleep_.fetch_sub(1);
  }

  std::mutex turn_;
  std::atomic<unsigned> job_{0};
  std::atomic<int> asleep_{0}, inside_{0};
  std::atomic<bool> open_{false}, stop_{false};
  std::atomic<Index> next_{0};
  Index n_ = 0;
  detail::Body body_ = nullptr;
  const void* context_ = nullptr;
  std::vector<std::thread> helpers_;
};

thread_local bool in_body = false;

/// inside_ goes up before open_ is read, and open_ down before inside_ is read: either the caller sees the
/// helper, or the helper sees that the job is over.
void Pool::help(int thread) {
  in_body = true;
  for (unsigned seen = 0; !stop_;) {
    await(seen);
    seen = job_.load();
    inside_.fetch_add(1);
    if (open_.load()) take_items(thread);
    inside_.fetch_sub(1);
  }
}

int wanted = 0;  // 0: all cores

Pool& pool() {
  static std::mutex mutex;
  static std::unique_ptr<Pool> one;
  const std::lock_guard lock(mutex);
  if (!one || one->size() != threads()) {
    one.reset();
    one = std::make_unique<Pool>(threads());
  }
  return *one;
}

}  // namespace

void set_threads(int n) { wanted = n; }

int threads() {
  static const int all = available_cores();
  return wanted > 0 ? wanted : all;
}

void detail::run_parallel(Index n, Body body, const void* context) {
  if (n <= 1 || in_body || threads() == 1) {
    for (Index i = 0; i < n; ++i) body(context, i, 0);
    return;
  }
  in_body = true;
  pool().run(n, body, context);
  in_body = false;
}

}  // namespace ropewalk
