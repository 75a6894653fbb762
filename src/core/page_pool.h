// SPDX-License-Identifier: Apache-2.0
/// Memory for the cache of keys and values: zeroed pieces of equal size, cut from areas that lie in huge
/// pages where the system has them (Linux: transparent_hugepage `always` or `madvise`): fewer pages are
/// touched for the first time (append at 512 tokens: 5.0 -> 2.8 ms) and looked up by every generated token.
#pragma once
#include <memory>

#include "core/types.h"

namespace rw {

/// Bytes of areas without a piece in use that the pool keeps for the next session; others go back to the
/// system. Memory that is new to the process costs more than all else that writing a key does (4 % of reading
/// 8,192 tokens with a cache of 188 MB).
constexpr std::size_t kIdleKept = std::size_t{256} << 20;

/// One owner's memory (Context). Any thread.
class PagePool {
 public:
  PagePool();
  /// A zeroed piece of `bytes`, 64-byte aligned, that goes back to the pool with its last owner; it keeps
  /// what it is cut from alive, where the pool is gone before. Errors: std::bad_alloc.
  std::shared_ptr<std::byte> take(Index bytes);
  /// Bytes of the areas that the pool holds now.
  std::size_t bytes() const;
  /// Says that `bytes` are yet to be taken, by whoever keeps what it returns, and replaces it as it takes
  /// them; they count until that is gone.
  std::shared_ptr<const void> promise(std::size_t bytes);
  /// Bytes that were promised beyond those that the pool holds for nobody: of the system's free memory they
  /// are somebody's.
  std::size_t promised() const;

 private:
  class Area;
  struct Areas;
  std::shared_ptr<Areas> areas_;
};

}  // namespace rw
