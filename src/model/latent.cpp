// SPDX-License-Identifier: Apache-2.0
#include "model/latent.h"

#include "core/checked.h"

namespace rw {
namespace {

constexpr float kLatentEps = 1e-6f;

/// attn_k_b as the other files have it: of each head (kv_rank, own_dim) turned to (own_dim, kv_rank). Numbers
/// of 16 bits stay what they are; blocks lie along the wrong dimension and become floats.
WeightRows turned(const WeightRows& all, const AttentionSpec& spec, std::vector<std::byte>& owner) {
  constexpr std::uint32_t kF32 = 0;
  const Index own = spec.own_dim(), rank = spec.latent.kv_rank;
  const bool whole = all.format->block_size == 1;
  WeightRows rows{
      .n_out = spec.n_heads * own, .n_in = rank, .format = whole ? all.format : find_weight_format(kF32)};
  const Index size = rows.format->block_bytes;
  rows.stride = rank * size;
  owner.resize(
      (Checked(static_cast<std::uint64_t>(rows.n_out), "attn_k_b") * static_cast<std::uint64_t>(rows.stride))
          .index());
  std::vector<float> numbers(static_cast<std::size_t>(own));
  for (Index r = 0; r < spec.n_heads * rank; ++r) {
    const std::byte* from = all.row(r);
    if (!whole) {
      all.format->dequantize(from, numbers.data(), own);
      from = reinterpret_cast<const std::byte*>(numbers.data());
    }
    std::byte* to = owner.data() + r / rank * own * rows.stride + r % rank * size;
    for (Index d = 0; d < own; ++d) std::copy(from + d * size, from + (d + 1) * size, to + d * rows.stride);
  }
  rows.first = owner.data();
  return rows;
}

}  // namespace

Norm norm_of_latent(const Vector& weight) {
  return {.kind = NormKind::kRms, .weight = weight.get(), .eps = kLatentEps};
}

void load_latent(Loader& load, const AttentionSpec& spec, const std::string& blk, LayerWeights& w) {
  LatentWeights& l = w.latent;
  if (spec.latent.q_rank > 0) {
    l.w_q = load.matrix(blk + "attn_q_a.weight");
    l.q_norm = load.vector(blk + "attn_q_a_norm.weight");
  }
  w.wq = load.matrix(blk + (spec.latent.q_rank > 0 ? "attn_q_b.weight" : "attn_q.weight"));
  const WeightRows both = load.rows(blk + "attn_kv_a_mqa.weight");
  l.w_kv = load.made_of(both.part(0, spec.latent.kv_rank));
  l.w_shared = load.made_of(both.part(spec.latent.kv_rank, spec.rope.rotary_dim));
  l.kv_norm = load.vector(blk + "attn_kv_a_norm.weight");
  if (spec.latent.split) {
    w.wk = load.made_of(turned(load.rows(blk + "attn_k_b.weight"), spec, l.turned));
    w.wv = load.matrix(blk + "attn_v_b.weight");
    return;
  }
  const WeightRows of_heads = load.rows(blk + "attn_kv_b.weight");
  const Index keys = spec.n_heads * spec.own_dim();
  w.wk = load.made_of(of_heads.part(0, keys));
  w.wv = load.made_of(of_heads.part(keys, spec.v_width()));
}

void project_latent(const LayerPass& layer, const Rows& all, const Rows& wanted, Activations& a) {
  const Backend& b = layer.backend;
  const AttentionSpec& spec = layer.spec.attention;
  const LatentWeights& l = layer.w.latent;
  const Norm norm = norm_of(layer.spec, layer.w.attn_norm);
  const Norm* before = layer.spec.pre_norm ? &norm : nullptr;
  float* q = a.q.reserve(b, wanted.n() * spec.q_width());
  float* latent = a.latent.reserve(b, all.n() * spec.latent.kv_rank);
  float* shared = a.shared_key.reserve(b, all.n() * spec.rope.rotary_dim);
  float* own = a.own_key.reserve(b, all.n() * spec.n_heads * spec.own_dim());
  float* v = a.v.reserve(b, all.n() * spec.v_width());
  linear(b, all, {.x = all.x, .norm = before},
         {{.w = l.w_kv.get(), .y = latent}, {.w = l.w_shared.get(), .y = shared}});
  const Norm of_kv = norm_of_latent(l.kv_norm);
  linear(b, all, {.x = latent, .norm = &of_kv},
         {{.w = layer.w.wk.get(), .y = own}, {.w = layer.w.wv.get(), .y = v}});
  b.join_heads(shared, spec.rope.rotary_dim, own, spec.own_dim(), all.n(), spec.n_heads,
               a.k.reserve(b, all.n() * spec.k_width()));
  if (spec.latent.q_rank == 0) {
    linear(b, wanted, {.x = wanted.x, .norm = before}, {{.w = layer.w.wq.get(), .y = q}});
    return;
  }
  float* q_latent = a.q_latent.reserve(b, wanted.n() * spec.latent.q_rank);
  const Norm of_q = norm_of_latent(l.q_norm);
  linear(b, wanted, {.x = wanted.x, .norm = before}, {{.w = l.w_q.get(), .y = q_latent}});
  linear(b, wanted, {.x = q_latent, .norm = &of_q}, {{.w = layer.w.wq.get(), .y = q}});
}

Index latent_step_width(const AttentionSpec& spec) {
  if (!spec.latent.any()) return 0;
  return spec.latent.kv_rank + spec.latent.q_rank + spec.rope.rotary_dim + spec.n_heads * spec.own_dim();
}

}  // namespace rw
