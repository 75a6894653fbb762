// SPDX-License-Identifier: Apache-2.0
/// How long a text the memory holds now.
#pragma once
#include "methods/method.h"
#include "model/model.h"
#include "model/sequence.h"

namespace rw::serving {

/// Bytes, beside the weights, of a text that `spec` is bound to n tokens for. Errors: UsageError (method).
std::size_t room_for(const Model& model, const MethodSpec& spec, Index n, Index chunk = kDefaultChunk);

/// Tokens of a prompt, up to `most`, with an answer of an eighth of it, under `spec` bound as bound_length
/// has it; no more than it reaches.
Index most_that_fit(const Model& model, const MethodSpec& spec, Index most);

}  // namespace rw::serving
