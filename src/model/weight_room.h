// SPDX-License-Identifier: Apache-2.0
/// The memory for weights that somebody asks for, checked alike at every entrance.
#pragma once
#include <cstddef>

#include "core/error.h"
#include "core/option.h"

namespace rw {

/// `bytes`, as they are. Errors: UsageError for less than 1 MiB, in which no model's layer fits: a number in
/// another unit.
inline std::size_t checked_weight_memory(std::size_t bytes) {
  constexpr std::size_t kLeast = std::size_t{1} << 20;
  if (bytes < kLeast)
    throw UsageError(option("weight_memory"), fmt::format("{} bytes (1 MiB) or more", kLeast),
                     fmt::format("{} bytes", bytes), "leave it out for what is free");
  return bytes;
}

}  // namespace rw
