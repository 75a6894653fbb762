// SPDX-License-Identifier: Apache-2.0
/// generate --unbounded: writes without an end, in memory that does not grow, and forgets.
#pragma once
#include "model/model.h"
#include "model/sampler.h"

namespace rw {

/// Errors: UsageError unless the keys that the method needs stay bounded however long the text, and the
/// method is the same at every length.
void require_unbounded(const Model& model, const std::string& method);

/// Tokens that end an answer are never chosen.
SamplerSettings without_ends(SamplerSettings settings, const Model& model);

/// "it sees the first 4 tokens and the last 252 tokens, and forgets the rest; ctrl-C ends it".
std::string what_is_seen(const Model& model, const MethodSpec& method);

}  // namespace rw
