// SPDX-License-Identifier: Apache-2.0
/// The greatest numbers of a row: what is wanted of logits when a token is chosen.
#pragma once
#include "core/types.h"
#include "kernels/cpu/isa.h"

namespace rw::cpu {

/// As Backend::greatest and Backend::top_k say, for one row.
Token greatest(const Isa& isa, const float* x, Index n);
void top_k(const Isa& isa, const float* x, Index n, Index k, Token* ids, float* values);

}  // namespace rw::cpu
