// SPDX-License-Identifier: Apache-2.0
/// What the divisors in a GGUF's rope_freqs tensor say of the length that they bend around.
#pragma once
#include <vector>

#include "core/types.h"

namespace rw {

/// The original length of Llama 3's scaling, tokens, from the divisors that llama.cpp's converter computes
/// from it and does not name: theta_m / theta'_m of `llama3` (methods.md) with low_freq_factor 1,
/// high_freq_factor 4 (all published models) and factor = the largest divisor. A pair between the two bends
/// gives trained = 2 pi r / theta_m; the answer is that length whose divisors are all the given ones, to
/// 1e-4. 0 where there is none: the divisors are of another kind, or no pair lies between the bends.
/// `divisors` (rotary_dim / 2), each above 0.
Index original_length(const std::vector<double>& divisors, int rotary_dim, double rope_base);

}  // namespace rw
