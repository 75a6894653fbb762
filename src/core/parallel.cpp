// SPDX-License-Identifier: Apache-2.0
#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/machine_limits.h"

namespace rw {
namespace {

/// Of a process; 0: this one.
int n_allowed_cores([[maybe_unused]] pid_t process) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(process, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency() > 0 ? std::thread::hardware_concurrency() : 1);
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");  // most processors take no time for `yield`
#else
  std::this_thread::yield();
#endif
}

thread_local bool in_body = false;

/// While it lives, the thread runs a body's calls alone.
struct InBody {
  InBody() { in_body = true; }
  ~InBody() { in_body = false; }
  InBody(const InBody&) = delete;
  InBody& operator=(const InBody&) = delete;
};

}  // namespace

/// The caller of a job works too, and waits for those helpers only that have begun: a helper that the system
/// has put aside delays nobody.
class Threads::Pool {
 public:
  Pool(int n, const MemoryNodes& nodes) : nodes_(nodes), n_threads_(n), shares_(nodes.size()) {
    for (int t = 0; t < n; ++t) node_of_.push_back(node_of_thread(nodes, t, n));
    try {
      for (int t = 1; t < n; ++t) helpers_.emplace_back([this, t] { help(t); });
    } catch (const std::system_error& e) {
      const std::size_t given = helpers_.size() + 1;
      end_helpers();
      throw Error("threads", fmt::format("{} threads", n), fmt::format("{} ({})", given, e.what()),
                  fmt::format("run with -t {}", given));
    }
  }
  ~Pool() { end_helpers(); }
  pid_t process() const { return process_; }

  void run(Index n, Body body, const void* data) {
    const std::lock_guard turn(turn_);
    n_ = n, body_ = body, data_ = data;
    last_.store(n, std::memory_order_relaxed);
    share_items();
    open_ = true;
    wake();
    take_items(0);
    open_ = false;
    for (int i = 0; inside_.load() != 0; ++i) i < 10000 ? relax() : std::this_thread::yield();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };
  void end_helpers() {
    stop_ = true;
    wake();
    for (std::thread& helper : helpers_) helper.join();
    helpers_.clear();
  }
  void wake() {
    job_.fetch_add(1);
    if (asleep_.load() > 0) job_.notify_all();
  }
  /// Each node's items: as many as it has of the threads.
  void share_items() {
    Index begin = 0, n_before = 0;
    for (std::size_t node = 0; node < shares_.size(); ++node) {
      n_before += std::count(node_of_.begin(), node_of_.end(), node);
      shares_[node].end = n_ * n_before / n_threads_;
      shares_[node].next.store(begin, std::memory_order_relaxed);
      begin = shares_[node].end;
    }
  }
  void take_items(int thread) {
    for (std::size_t k = 0; k < shares_.size(); ++k)
      take_items(shares_[(node_of_[static_cast<std::size_t>(thread)] + k) % shares_.size()], thread);
  }
  void take_items(Share& share, int thread) {
    for (Index i = share.next.fetch_add(1); i < share.end && i < last_.load(); i = share.next.fetch_add(1)) {
      try {
        body_(data_, i, thread);
      } catch (...) {
        fail(i);
      }
    }
  }
  /// Ends the job early. All items before i begin, so that of a job's failures the first is always seen.
  void fail(Index i) {
    const std::lock_guard lock(failing_);
    if (failure_ && i > failed_) return;
    failure_ = std::current_exception(), failed_ = i;
    last_.store(i);
  }
  /// Keeps the calling thread on its node; it may run anywhere where the system refuses, or knows no nodes.
  void stay_on_node([[maybe_unused]] int thread) const {
    if (shares_.size() < 2) return;
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : nodes_[node_of_[static_cast<std::size_t>(thread)]])
      if (core < CPU_SETSIZE) CPU_SET(core, &set);
    ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
#endif
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

  const pid_t process_ = ::getpid();
  const MemoryNodes& nodes_;
  const int n_threads_;
  std::vector<Share> shares_;         // of each node
  std::vector<std::size_t> node_of_;  // of each thread
  std::mutex turn_;
  std::atomic<unsigned> job_{0};
  std::atomic<int> asleep_{0}, inside_{0};
  std::atomic<bool> open_{false}, stop_{false};
  std::atomic<Index> last_{0};  // items from here on need not run
  Index n_ = 0;
  Body body_ = nullptr;
  const void* data_ = nullptr;
  std::mutex failing_;
  Index failed_ = 0;
  std::exception_ptr failure_;
  std::vector<std::thread> helpers_;
};

/// inside_ goes up before open_ is read, and open_ down before inside_ is read: either the caller sees the
/// helper, or the helper sees that the job is over.
void Threads::Pool::help(int thread) {
  in_body = true;
  stay_on_node(thread);
  for (unsigned seen = 0; !stop_;) {
    await(seen);
    seen = job_.load();
    inside_.fetch_add(1);
    if (open_.load()) take_items(thread);
    inside_.fetch_sub(1);
  }
}

/// A child of fork() has the calling thread alone, so the place where the pool is named is a page that the
/// system wipes in children: there, no pool has been made. Where it cannot (gVisor, macOS), a pool of another
/// process is told by the number of that.
struct Threads::Page {
  std::atomic<Pool*> pool;
};

Threads::Threads(int n, MemoryNodes nodes) : nodes_(std::move(nodes)), wanted_(n) {
  void* page = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_WIPEONFORK
  wiped_ = ::madvise(page, sizeof(Page), MADV_WIPEONFORK) == 0;
#endif
  page_ = new (page) Page{};
}

/// Threads of a parent process cannot be ended here, nor what they hold be freed.
Threads::~Threads() {
  end_pool();
  ::munmap(page_, sizeof(Page));
}

bool Threads::ours(const Pool* pool) const {
  return pool != nullptr && (wiped_ || pool->process() == ::getpid());
}

void Threads::end_pool() {
  if (Pool* pool = page_->pool.exchange(nullptr); ours(pool)) delete pool;
}

void Threads::set_count(int n) {
  if (n == wanted_.exchange(n)) return;
  end_pool();
}

int Threads::count() const {
  const int n = wanted_;
  return n > 0 ? n : usable_cores();
}

Threads::Pool& Threads::pool() {
  Pool* now = page_->pool.load(std::memory_order_acquire);
  if (ours(now)) return *now;
  auto made = std::make_unique<Pool>(count(), nodes_);
  if (page_->pool.compare_exchange_strong(now, made.get())) return *made.release();
  return *now;  // another thread was faster
}

int usable_cores() {
  static const int all = usable_cores(n_allowed_cores(0), read_machine_limits().cores);
  return all;
}

/// Who started them (mpirun) is bound to no core, though each of them may be.
int usable_cores_of(int n) {
  const int all = usable_cores(n_allowed_cores(::getppid()), read_machine_limits().cores);
  return std::clamp(all / std::max(1, n), 1, usable_cores());
}

void Threads::run(Index n, Body body, const void* data) {
  if (n <= 1 || in_body || count() == 1) {
    for (Index i = 0; i < n; ++i) body(data, i, 0);
    return;
  }
  Pool& helpers = pool();
  const InBody now;
  helpers.run(n, body, data);
}

}  // namespace rw
