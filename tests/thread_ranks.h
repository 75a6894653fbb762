// SPDX-License-Identifier: Apache-2.0
/// Ranks that are threads of one process, for tests of what runs on several without starting any.
#pragma once
#include <algorithm>
#include <barrier>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "core/ranks.h"

namespace rw {

class ThreadRanks final : public Ranks {
 public:
  /// Runs body(ranks) in `size` threads, each a rank. What a body throws is thrown again.
  static void run(int size, const std::function<void(const std::shared_ptr<Ranks>&)>& body) {
    auto shared = std::make_shared<Shared>(size);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        try {
          body(std::make_shared<ThreadRanks>(shared, rank));
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
          shared->meet.arrive_and_drop();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

  struct Shared {
    explicit Shared(int n)
        : size(n), meet(n), posted(static_cast<std::size_t>(n)), inbox(static_cast<std::size_t>(n)) {}
    int size;
    std::barrier<> meet;
    std::vector<const void*> posted;  // (size): what each rank shows to the others
    std::mutex mutex;
    std::condition_variable came;
    std::vector<std::deque<Message>> inbox;
  };
  ThreadRanks(std::shared_ptr<Shared> shared, int rank) : shared_(std::move(shared)), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return shared_->size; }

  void gather(std::span<const std::span<std::byte>> parts) override {
    show(&parts, [&](int rank, const void* theirs) {
      if (rank == rank_) return;
      const auto r = static_cast<std::size_t>(rank);
      const auto& from = (*static_cast<const std::span<const std::span<std::byte>>*>(theirs))[r];
      if (from.size() != parts[r].size()) throw LogicError("ranks gather parts of other sizes");
      std::copy(from.begin(), from.end(), parts[r].begin());
    });
  }
  void exchange(std::span<const std::span<const std::byte>> to,
                std::span<const std::span<std::byte>> from) override {
    show(&to, [&](int rank, const void* theirs) {
      const auto& sent = (*static_cast<const std::span<const std::span<const std::byte>>*>(
          theirs))[static_cast<std::size_t>(rank_)];
      const std::span<std::byte> here = from[static_cast<std::size_t>(rank)];
      if (sent.size() != here.size()) throw LogicError("ranks exchange parts of other sizes");
      std::copy(sent.begin(), sent.end(), here.begin());
    });
  }
  void broadcast(std::span<std::byte> bytes) override {
    show(&bytes, [&](int rank, const void* theirs) {
      const auto& from = *static_cast<const std::span<std::byte>*>(theirs);
      if (rank == 0 && rank_ != 0) std::copy(from.begin(), from.end(), bytes.begin());
    });
  }
  std::unique_ptr<Transfer> start_sum(std::span<float> x) override {
    std::vector<float> sum(x.size());
    show(&x, [&](int, const void* theirs) {
      const auto& more = *static_cast<const std::span<float>*>(theirs);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    });
    std::copy(sum.begin(), sum.end(), x.begin());
    return OneRank().start_sum(x);
  }
  void send(int to, std::span<const std::byte> message) override {
    const std::lock_guard lock(shared_->mutex);
    shared_->inbox[static_cast<std::size_t>(to)].push_back({rank_, {message.begin(), message.end()}});
    shared_->came.notify_all();
  }
  Message receive(double seconds) override {
    std::unique_lock lock(shared_->mutex);
    auto& mine = shared_->inbox[static_cast<std::size_t>(rank_)];
    const auto there = [&] { return !mine.empty(); };
    if (seconds > 0)
      shared_->came.wait_for(lock, std::chrono::duration<double>(seconds), there);
    else
      shared_->came.wait(lock, there);
    if (mine.empty()) return {};
    Message message = std::move(mine.front());
    mine.pop_front();
    return message;
  }

 private:
  /// look(rank, what it shows) for each rank, while all of it stands still.
  template <class Look>
  void show(const void* own, const Look& look) {
    shared_->posted[static_cast<std::size_t>(rank_)] = own;
    shared_->meet.arrive_and_wait();
    for (int rank = 0; rank < size(); ++rank) look(rank, shared_->posted[static_cast<std::size_t>(rank)]);
    shared_->meet.arrive_and_wait();
  }
  std::shared_ptr<Shared> shared_;
  int rank_;
};

}  // namespace rw
