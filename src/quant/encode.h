// SPDX-License-Identifier: Apache-2.0
/// Float32 as a weight format stores it: what writers of model files need.
#pragma once
#include <cstddef>
#include <string_view>

#include "quant/format.h"

namespace rw {

/// Whether encode() knows the format: F32, F16, BF16, Q8_0.
bool can_encode(const WeightFormat& format);

/// to[0 .. n / block_size * block_bytes) = the n weights `from`, to the bit as the `gguf` package quantises
/// them: F16 and BF16 to the nearest, ties to even; Q8_0 with d = max |w| / 127 and q = w (1 / d) rounded,
/// halves away from zero. REQUIRES: can_encode, n a multiple of block_size. `place` stands for the tensor in
/// messages. Errors: Error for a weight that is not finite, or is beyond the format's range.
void encode(const WeightFormat& format, const float* from, std::byte* to, Index n, std::string_view place);

}  // namespace rw
