// SPDX-License-Identifier: Apache-2.0
/// Memory for the cache of keys and values: zeroed pieces of equal size, cut from areas that lie in huge
/// pages where the system has them (Linux: transparent_hugepage `always` or `madvise`). Decoding reads all of
/// it for each token, and with pages of 4 kB waits for their addresses: reading is 1.2 times faster
/// (docs/performance.md).
#pragma once
#include <memory>

#include "core/types.h"

namespace ropewalk {

/// A zeroed piece of `bytes`, 64-byte aligned, that goes back to the pool with its last owner. Any thread.
/// Errors: std::bad_alloc.
std::shared_ptr<std::byte> take_pages(Index bytes);

/// Bytes of the areas that the pool holds now.
std::size_t pool_bytes();

}  // namespace ropewalk
