// SPDX-License-Identifier: Apache-2.0
/// Layers with a state in place of keys, put together of convolutions and recurrences (kernels/recurrence.h).
/// With x a normalised row, W its matrices, conv a causal convolution of each channel:
///
///     delta rule          q, k, v = silu(conv(W_q x)), silu(conv(W_k x)), silu(conv(W_v x))
///                         o = recurrence(q / |q| / sqrt(key_dim), k / |k|, v; W_step x, W_weight x)
///                         y = W_o (norm(o) * silu(W_gate x)), norm of each head
///     state space         the same of q, k, v; o = recurrence(q, k, v; W_step x)
///                         y = W_o norm(o * silu(W_gate x)), norm of n_norm_groups parts
///     short convolution   y = W_o (W_gate x * conv(W_before x * W_v x))
///
/// Sources: Yang, Kautz, Hatamizadeh, Gated Delta Networks (arXiv:2412.06464); Dao and Gu, Mamba-2
/// (arXiv:2405.21060); LFM2 (arXiv:2511.23404).
#pragma once
#include "model/layer_pass.h"
#include "model/loader.h"

namespace rw {

/// The tensors of such a layer, whose names begin with `blk`.
void load_recurrence(Loader& load, const LayerSpec& spec, const std::string& blk, LayerWeights& w);

/// What the output matrix of the layer multiplies, of all rows (n_rows, value_width): each sequence's rows go
/// on from its state, which becomes that of the last one. Valid until the next layer.
const float* recur(const LayerPass& layer, const Rows& all, Activations& a);

}  // namespace rw
