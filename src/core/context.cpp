// SPDX-License-Identifier: Apache-2.0
#include "core/context.h"

#include <cstdlib>

namespace rw {

Context::Context(const ContextOptions& options) : threads_(options.threads), isa_(options.isa) {
  if (const char* asked = std::getenv("ROPEWALK_ISA"); isa_.empty() && asked != nullptr) isa_ = asked;
}

}  // namespace rw
