// SPDX-License-Identifier: Apache-2.0
/// Dual Chunk Attention: keys keep their place inside a chunk, queries move.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::dca {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index chunk = p.integer("chunk", context.n_ctx_train * 3 / 4, 1, Index{1} << 30);
  const Index local = p.integer("local", std::min(chunk, context.n_ctx_train / 4), 1, chunk);
  const bool code = p.choice("form", "paper", {"paper", "code"}) == "code";
  const Index top = code ? std::min(2 * chunk - 1, chunk + local) : chunk + local - 1;
  require_causal(p, context, "its chunks are laid out for queries after their keys; self-extend is near");
  DistanceMap map;
  map.variants = {{[=](Index j) { return static_cast<double>(j % chunk); }, 0, kForever}};
  map.regions = {{[=](Index i) { return static_cast<double>(i % chunk); }, 0},
                 {[=](Index i) { return static_cast<double>(std::min(i % chunk + chunk, top)); }, 0},
                 {[=](Index) { return static_cast<double>(top); }, 0}};
  map.split = [=](Index i) {
    const Index own = i / chunk * chunk, previous = std::max<Index>(0, own - chunk);
    Segments segments;
    if (previous > 0) segments.push_back({0, previous, 2});
    if (own > 0) segments.push_back({previous, own, 1});
    segments.push_back({own, i + 1, 0});
    return segments;
  };
  map.delta = [=](Index i, Index j) {
    const Index chunks = i / chunk - j / chunk;
    if (chunks == 0) return static_cast<double>(i - j);
    const Index query = chunks == 1 ? std::min(i % chunk + chunk, top) : top;
    return static_cast<double>(query - j % chunk);
  };
  return with_distance(std::move(map));
}

const Register<MethodInfo> registered{{
    .name = "dca",
    .aliases = {},
    .kind = "distance",
    .title = "Dual Chunk Attention: positions inside chunks",
    .formula = "key at j mod chunk; query at i mod chunk (same chunk), min(i mod chunk + chunk, top) "
               "(previous chunk), top (older); top = chunk + local - 1, with form=code min(2 chunk - 1, "
               "chunk + local)",
    .source = "An et al. 2024, arXiv 2402.17463; HKUNLP/ChunkLlama",
    .differs = "form=code has the released code's farthest query; its logit scale 0.05 ln(n / trained) + "
               "1, which the paper does not have and which changes while decoding, is left out; "
               "ChunkLlama's chunk_len is chunk, its local_window is local",
    .parameters = {{"chunk", "tokens of a chunk", "tokens", "1 to 2^30", "3/4 trained"},
                   {"local", "tokens across a chunk's border that keep their distance", "tokens",
                    "1 to chunk", "1/4 trained"},
                   {"form", "farthest query position", "", "paper or code", "paper"}},
    .example = "dca:chunk=6,local=2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::dca
