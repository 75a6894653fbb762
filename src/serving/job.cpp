// SPDX-License-Identifier: Apache-2.0
#include "serving/job.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace ropewalk::serving {
namespace {

/// The last tokens of a prompt that may be replaced, by another question, without reading all again under a
/// method with a window.
constexpr Index kReplaced = 2048;

}  // namespace

Index bound_length(Index n, Index n_ctx_train) {
  if (n <= n_ctx_train || n >= kMostTokens) return n;
  const auto step =
      std::max<Index>(1, static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(n - 1))) / 4);
  return std::min(kMostTokens, (n + step - 1) / step * step);
}

SequenceOptions JobRequest::sequence_options() const {
  return {.n = n,
          .n_prompt = n_prompt(),
          .rewind_to = cache_prompt ? std::max<Index>(0, n_prompt() - kReplaced) : kForever};
}

std::string Job::lateness() const {
  return fmt::format(
      "request: expected an end within {:.0f} seconds; found {} of {} prompt tokens read and {} written; "
      "hint: ask for less, or serve --time-limit",
      request.seconds, n_read.load(), request.n_prompt(), n_written.load());
}

}  // namespace ropewalk::serving
