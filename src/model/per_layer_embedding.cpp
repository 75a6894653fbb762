// SPDX-License-Identifier: Apache-2.0
#include "model/per_layer_embedding.h"

#include <cmath>
#include <numbers>

namespace rw {

void load_per_layer_embeddings(Loader& load, Weights& w) {
  w.per_layer_embedding = load.rows("per_layer_token_embd.weight");
  w.per_layer_projection = load.matrix("per_layer_model_proj.weight");
  w.per_layer_norm.weight = load.vector("per_layer_proj_norm.weight");
}

void load_per_layer_embedding(Loader& load, const std::string& blk, PerLayerWeights& w) {
  w.gate = load.matrix(blk + "inp_gate.weight");
  w.projection = load.matrix(blk + "proj.weight");
  w.norm.weight = load.vector(blk + "post_norm.weight");
}

void make_per_layer_embeddings(const Model& model, std::span<const Piece> pieces, const Rows& all,
                               Activations& a) {
  const ModelConfig& c = model.config();
  const Backend& b = model.backend();
  const Weights& w = model.weights();
  const Index width = c.per_layer_width, row = c.n_layers() * width;
  constexpr auto kHalf = static_cast<float>(1 / std::numbers::sqrt2);
  float* e = a.per_layer.reserve(b, all.n() * row);
  for (const Piece& piece : pieces)
    b.embed(w.per_layer_embedding, piece.tokens, std::sqrt(static_cast<float>(width)) * kHalf, nullptr,
            e + piece.row * row);
  float* projected = a.projected.reserve(b, all.n() * row);
  linear(b, all, {.x = all.x},
         {{.w = w.per_layer_projection.get(),
           .y = projected,
           .scale = 1 / std::sqrt(static_cast<float>(c.d_model))}});
  b.norm(projected, all.n() * c.n_layers(), width, norm_of(c.layers[0], w.per_layer_norm), projected);
  b.add_scaled(projected, all.n() * row, kHalf, e);
}

void add_per_layer_embedding(const ModelConfig& config, const LayerPass& layer, const Rows& on,
                             Activations& a) {
  const Backend& b = layer.backend;
  const PerLayerWeights& w = layer.w.per_layer;
  const Index width = config.per_layer_width, row = config.n_layers() * width;
  float* own = a.own.reserve(b, on.n() * width);  // the layer's, of these rows
  for (const Piece& piece : layer.pieces) {
    const Index first = layer.last ? piece.row + piece.wanted.begin - piece.sequence->n_read : piece.row,
                n = layer.last ? piece.wanted.n() : piece.n(), to = layer.last ? piece.wanted_row : piece.row;
    for (Index r = 0; r < n; ++r)
      b.copy(a.per_layer.owner.get() + (first + r) * row + static_cast<Index>(layer.index) * width, width,
             own + (to + r) * width);
  }
  float* gated = a.gated.reserve(b, on.n() * width);
  linear(b, on, {.x = on.x}, {{.w = w.gate.get(), .y = gated}});
  b.activate(gated, own, on.n() * width, layer.spec.ffn.activation);
  float* part = a.part.reserve(b, on.n() * config.d_model);
  linear(b, on, {.x = gated}, {{.w = w.projection.get(), .y = part}});
  b.norm(part, on.n(), config.d_model, norm_of(layer.spec, w.norm), part);
  b.add_scaled(part, on.n() * config.d_model, 1, on.x);
}

}  // namespace rw
