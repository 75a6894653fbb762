// SPDX-License-Identifier: Apache-2.0
/// Multi-head latent attention (MLA): keys and values of all heads are made of one short row, and the rotated
/// part of the key is the same in every head. With x a normalised row and W the layer's matrices:
///
///     c = rms(W_latent x),  r = W_shared x         (kv_rank), (rotary_dim)
///     q_h = W_q,h x, or W_q,h rms(W_q_a x)         (head_dim): rotated dims, then the others
///     k_h = [r, W_k,h c],  v_h = W_v,h c           (head_dim), (value_dim)
///
/// and attention as everywhere. This is its expanded form: the cache holds k_h and v_h of each head. Both
/// norms have an eps of their own, 1e-6, whatever the model's is (transformers' modeling_deepseek_v2).
///
/// Source: DeepSeek-V2 (arXiv:2405.04434), section 2.1.
#pragma once
#include "model/layer_pass.h"
#include "model/loader.h"

namespace rw {

/// Queries, keys and values of such a layer, whose names begin with `blk`.
void load_latent(Loader& load, const AttentionSpec& spec, const std::string& blk, LayerWeights& w);

/// a.k, a.v of all rows and a.q of those that are wanted.
void project_latent(const LayerPass& layer, const Rows& all, const Rows& wanted, Activations& a);

/// The norm of either latent.
Norm norm_of_latent(const Vector& weight);

/// Floats of a row that it needs beside those.
Index latent_step_width(const AttentionSpec& spec);

}  // namespace rw
