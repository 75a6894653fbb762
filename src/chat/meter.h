// SPDX-License-Identifier: Apache-2.0
/// Pays for what a rendering does, where it is done, so that no template can ask for much work with few
/// words. Whoever walks text, a list or names says how much before it does. One unit is about one byte looked
/// at, a few nanoseconds at most; what allocates or compares values counts more. Not thread-safe: one
/// rendering, one meter.
#pragma once
#include <cstdint>
#include <limits>
#include <string_view>

#include "chat/failure.h"

namespace rw::chat {

class Meter {
 public:
  static constexpr std::int64_t kLook = 8;      ///< one value or name looked at
  static constexpr std::int64_t kValue = 32;    ///< one value made
  static constexpr std::int64_t kStep = 256;    ///< one expression or statement
  static constexpr std::size_t kTextSize = 64;  ///< memory of a text beside its bytes

  /// `memory_bytes`: of all that is made on the way, whether or not it is still there.
  Meter(std::int64_t steps, std::size_t memory_bytes) : units_(steps * kStep), memory_(memory_bytes) {}
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// Errors: Failure when it is used up.
  void work(std::int64_t units) {
    if (units > units_) fail("a template that ends", "one that takes more steps than any prompt needs");
    units_ -= units;
  }
  void work(std::size_t units) { work(static_cast<std::int64_t>(units)); }
  /// a times b units, whatever they are.
  void work(std::size_t a, std::size_t b) {
    std::int64_t product = 0;
    const bool over = __builtin_mul_overflow(a, b, &product);
    work(over ? std::numeric_limits<std::int64_t>::max() : product);
  }
  void memory(std::size_t bytes) {
    if (bytes > memory_) fail("a template of bounded memory", "one that makes more text than any prompt has");
    memory_ -= bytes;
  }
  std::size_t memory_left() const { return memory_; }

  /// a == b, paid for.
  bool same(std::string_view a, std::string_view b) {
    work(kLook);
    if (a.size() != b.size()) return false;
    work(a.size());
    return a == b;
  }

 private:
  std::int64_t units_;
  std::size_t memory_;
};

}  // namespace rw::chat
