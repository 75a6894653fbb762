// SPDX-License-Identifier: Apache-2.0
/// What reading costs, for plans and for the time that is left.
#pragma once
#include "model/config.h"

namespace rw {

/// Work of reading n tokens under plain RoPE, in units of a token's linear work: its products with all
/// weights of the layers. With H = n_heads x head_dim, in multiply-adds of one layer:
///
///     linear     d_model (2 (n_heads + n_kv_heads) head_dim + 3 d_ff)   for each token
///     attention  2 H                                                   for each key that a token sees
///
/// so n tokens cost n + n^2 H / linear where no layer has a sliding window: both parts are equal at 6,144
/// tokens of SmolLM2-135M. The output layer is left out: few rows of a reading go through it. A method's own
/// window is not known here. REQUIRES: a config that read_config() made, n >= 0.
double cost_of(const ModelConfig& config, Index n);

}  // namespace rw
