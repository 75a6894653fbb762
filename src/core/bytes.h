// SPDX-License-Identifier: Apache-2.0
/// Bytes that go somewhere, or come from somewhere, piece by piece; and their copy.
#pragma once
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>

namespace rw {

using ByteSink = std::function<void(std::span<const std::byte>)>;
/// Fills all of its argument with the next bytes. Errors: Error where fewer are left.
using ByteSource = std::function<void(std::span<std::byte>)>;

/// Copies n bytes that do not overlap. n may be 0, and then either side null, as an empty vector's data() is:
/// std::memcpy may not be given that. A size that is known only when it runs is copied by this alone
/// (tools/check_names.py).
inline void copy_bytes(void* to, const void* from, std::size_t n) {
  if (n > 0) std::memcpy(to, from, n);
}

}  // namespace rw
