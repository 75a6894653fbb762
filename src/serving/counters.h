// SPDX-License-Identifier: Apache-2.0
/// What a scheduler has done since its start. Written by its thread, read by any.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rw::serving {

struct Counters {
  std::atomic<std::uint64_t> prompt_tokens{0}, cached_tokens{0}, written_tokens{0}, steps{0}, step_rows{0},
      cancelled{0}, failed{0};
  std::atomic<double> reading_seconds{0}, writing_seconds{0};
  std::atomic<std::size_t> cache_bytes{0};
};

}  // namespace rw::serving
