// SPDX-License-Identifier: Apache-2.0
/// Which dims of a head rotate together. The engine's are half-split, (m, m + rotary_dim / 2); some files
/// hold pairs (2m, 2m + 1), and their rows are put in order when they are loaded, and back when written.
#pragma once
#include <string_view>

#include "model/config.h"

namespace ropewalk {

/// The attention in whose heads the rows of a tensor are rotated ("blk.3.attn_q.weight", biases and norms
/// too); nullptr for other tensors.
const AttentionSpec* rotated_attention(const ModelConfig& config, std::string_view name);
/// The same where the file's rows stand in another order than the engine's; nullptr where in the same.
const AttentionSpec* paired_attention(const ModelConfig& config, std::string_view name);

/// The file's row that is our row `r`: of a matrix; of a bias or a norm its element.
Index interleaved_row(Index r, const AttentionSpec& a);

}  // namespace ropewalk
