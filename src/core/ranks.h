// SPDX-License-Identifier: Apache-2.0
/// Processes that work on one thing together, on one machine or several. Each runs the same program, and has
/// a number, its rank.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/error.h"

namespace rw {

/// Calls marked "all" are made by every rank, in the same order and with sizes that fit. One thread at a
/// time, whichever it is. Errors: Error where another rank is lost or does not answer.
class Ranks {
 public:
  /// Something on its way; what it reads and writes stays as it is until wait() returns.
  class Transfer {
   public:
    virtual ~Transfer() = default;
    virtual void wait() = 0;
  };

  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool first() const { return rank() == 0; }

  /// All. parts[r] becomes what rank r's parts[r] is; they have the same sizes on every rank.
  virtual void gather(std::span<const std::span<std::byte>> parts) = 0;
  /// All. to[r] goes to rank r, whose to[rank()] becomes from[r]; an empty one is not sent.
  virtual void exchange(std::span<const std::span<const std::byte>> to,
                        std::span<const std::span<std::byte>> from) = 0;
  /// All. `bytes` becomes what rank 0's is.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
  /// All, begun: x becomes the sum of all ranks' x, with the same bits on each. Several may be on their way.
  virtual std::unique_ptr<Transfer> start_sum(std::span<float> x) = 0;
  void sum(std::span<float> x) { start_sum(x)->wait(); }

  /// A message to one other rank, kept there until it is received. Copied, and on its way: nobody waits.
  virtual void send(int to, std::span<const std::byte> message) = 0;
  /// The next message of any rank, as long as it takes; of nobody, where `seconds` (0: no limit) have passed.
  /// Those of one rank come in the order in which they were sent.
  struct Message {
    int from = -1;
    std::vector<std::byte> bytes;
  };
  virtual Message receive(double seconds) = 0;
  /// That rank is lost: nothing waits for it any more, at the end either.
  virtual void give_up(int /*rank*/) {}
};

/// A process that works alone: what it gathers and sums it has.
class OneRank final : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void gather(std::span<const std::span<std::byte>>) override {}
  void exchange(std::span<const std::span<const std::byte>>, std::span<const std::span<std::byte>>) override {
  }
  void broadcast(std::span<std::byte>) override {}
  std::unique_ptr<Transfer> start_sum(std::span<float>) override {
    struct Done final : Transfer {
      void wait() override {}
    };
    return std::make_unique<Done>();
  }
  void send(int, std::span<const std::byte>) override { throw LogicError("one rank has nobody to send to"); }
  Message receive(double) override { throw LogicError("one rank has nobody to hear from"); }
};

/// [begin, end) of n that are rank r's: equal shares in order.
struct RankShare {
  std::ptrdiff_t begin = 0, end = 0;
  std::ptrdiff_t n() const { return end - begin; }
};
inline RankShare share_of(std::ptrdiff_t n, int rank, int size) {
  return {n * rank / size, n * (rank + 1) / size};
}

}  // namespace rw
