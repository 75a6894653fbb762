// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "core/types.h"
#include "kernels/kinds.h"

namespace rw {

/// Rows normalised as NormKind says, then times weight, plus bias. Row r takes row r % n_weights of both:
/// heads of one position stand one after the other, so n_weights = n_heads gives each head weights of its
/// own.
struct Norm {
  NormKind kind = NormKind::kRms;
  const float* weight = nullptr;  // (n_weights, dim), or null: 1
  const float* bias = nullptr;    // (n_weights, dim), or null: 0
  float eps = 0;
  Index n_weights = 1;
};

}  // namespace rw
