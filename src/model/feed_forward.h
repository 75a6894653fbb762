// SPDX-License-Identifier: Apache-2.0
/// The feed-forward part of a layer: dense, a mixture of experts, or both (FfnSpec).
#pragma once
#include "model/layer_pass.h"

namespace rw {

/// y = (or y +=, times the multiplier) ffn(norm(x)), y (n_rows, d_model). REQUIRES: no `add` where the layer
/// normalises the sum (post_norm), which FfnSpec::apart layers do.
void feed_forward(const LayerPass& layer, const Rows& rows, const NormWeights& norm_weights, float* y,
                  bool add, Index d_model, Activations& a);

}  // namespace rw
