// SPDX-License-Identifier: Apache-2.0
/// Bytes that go somewhere, or come from somewhere, piece by piece.
#pragma once
#include <cstddef>
#include <functional>
#include <span>

namespace rw {

using ByteSink = std::function<void(std::span<const std::byte>)>;
/// Fills all of its argument with the next bytes. Errors: Error where fewer are left.
using ByteSource = std::function<void(std::span<std::byte>)>;

}  // namespace rw
