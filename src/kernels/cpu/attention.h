// SPDX-License-Identifier: Apache-2.0
/// Splits attention into tiles of (KV head, positions) and hands them to the instruction set's kernel.
#pragma once
#include "kernels/cpu/kv_layer.h"

namespace ropewalk::cpu {

/// out of each task, as Backend::attention says.
void attention(std::span<const AttentionTask> tasks, int n_heads);

}  // namespace ropewalk::cpu
