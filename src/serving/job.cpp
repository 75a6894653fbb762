// SPDX-License-Identifier: Apache-2.0
#include "serving/job.h"

#include <algorithm>

#include "core/error.h"

namespace rw::serving {
namespace {

/// The last tokens of a prompt that may be replaced, by another question, without reading all again under a
/// method with a window.
constexpr Index kReplaced = 2048;

}  // namespace

SequenceOptions JobRequest::sequence_options() const {
  return {.n = n,
          .n_prompt = n_prompt(),
          .rewind_to = cache_prompt ? std::max<Index>(0, n_prompt() - kReplaced) : kForever,
          .rewind_end = n_prompt()};  // it is kept just when it is read
}

std::string Job::lateness() const {
  return fmt::format(
      "request: expected an end within {:.0f} seconds; found {} of {} prompt tokens read and {} written; "
      "hint: ask for less, or serve --time-limit",
      request.seconds, n_read.load(), request.n_prompt(), n_written.load());
}

}  // namespace rw::serving
