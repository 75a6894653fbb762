// SPDX-License-Identifier: Apache-2.0
/// Embeddings that each layer has beside those the first one reads. With t a token, x_0 its row of the
/// embeddings (as the first layer reads it), d its width, w that of a layer's, L the layers, and l one of
/// them:
///
///     e_l = (sqrt(w) E_l[t] + norm(P_l x_0 / sqrt(d))) / sqrt(2)      E (n_vocab, L w), P (L w, d)
///     x  += norm(W_projection (act(W_gate x) * e_l))                  behind layer l
///
/// Source: Gemma 4 (and 3n); transformers models/gemma4, Gemma4TextModel.project_per_layer_inputs.
#pragma once
#include "model/layer_pass.h"
#include "model/loader.h"

namespace rw {

/// What all layers have in common, and what one has whose names begin with `blk`.
void load_per_layer_embeddings(Loader& load, Weights& w);
void load_per_layer_embedding(Loader& load, const std::string& blk, PerLayerWeights& w);

/// a.per_layer = e of all rows and layers. REQUIRES: all.x is x_0.
void make_per_layer_embeddings(const Model& model, std::span<const Piece> pieces, const Rows& all,
                               Activations& a);

/// on.x += what the layer makes of it. REQUIRES: make_per_layer_embeddings of this pass.
void add_per_layer_embedding(const ModelConfig& config, const LayerPass& layer, const Rows& on,
                             Activations& a);

}  // namespace rw
