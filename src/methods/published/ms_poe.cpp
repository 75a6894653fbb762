// SPDX-License-Identifier: Apache-2.0
/// Ms-PoE: each head sees the text at a scale of its own, those that know positions best at the finest.
#include <algorithm>

#include "methods/factors.h"

namespace rw::published::ms_poe {
namespace {

using Lists = std::vector<std::vector<Index>>;

/// Every list says which head has which rank: 0 .. heads - 1, each once. One list is for all layers.
void check_ranks(const Parameters& p, const Lists& ranks, std::size_t n_layers, Index n_kv_heads) {
  if (ranks.size() > 1 && ranks.size() != n_layers)
    p.refuse(fmt::format("ranks of one layer, or of {} (from the layer `from` on)", n_layers),
             fmt::format("{}", ranks.size()));
  for (std::vector<Index> list : ranks) {
    std::sort(list.begin(), list.end());
    bool each_once = true;
    for (std::size_t r = 0; each_once && r < list.size(); ++r) each_once = list[r] == static_cast<Index>(r);
    if (!each_once)
      p.refuse(fmt::format("ranks 0 to {}, each once in a layer",
                           (ranks.size() > 1 ? static_cast<Index>(list.size()) : n_kv_heads) - 1),
               "others", "tools/measure_heads.py measures them");
  }
}

/// The rank of this class's heads in their layer's list. Errors: UsageError for one of another length.
Index rank_here(const Parameters& p, const Lists& ranks, std::size_t layer, const RopeContext& context) {
  if (ranks.empty()) return context.kv_head;
  const std::vector<Index>& list = ranks[ranks.size() == 1 ? 0 : layer];
  if (list.size() != static_cast<std::size_t>(context.n_kv_heads))
    p.refuse(fmt::format("ranks of {} key heads in layer {}", context.n_kv_heads, context.layer),
             fmt::format("{}", list.size()), "tools/measure_heads.py measures them");
  return list[static_cast<std::size_t>(context.kv_head)];
}

Factors build(const Parameters& p, const RopeContext& context) {
  const double factor = read_factor(p, context, context.n_ctx_original);
  const double least = p.number("min", 1.2, 1e-3, 1000), most = p.number("max", 1.8, least, 1000);
  const Index from = p.integer("from", std::min(2, context.n_layers - 1), 0, context.n_layers - 1);
  const Lists ranks = p.lists("ranks", Index{1} << 30);
  check_ranks(p, ranks, static_cast<std::size_t>(context.n_layers - from), context.n_kv_heads);
  double scale = 1;
  if (context.layer >= from) {
    const Index rank = rank_here(p, ranks, static_cast<std::size_t>(context.layer - from), context);
    scale = least + (most - least) * static_cast<double>(rank) / context.n_kv_heads;
  }
  return with_frequencies(
      fixed(interpolated(plain_theta(context.rotary_dim, context.rope_base), factor * scale)));
}

const Register<MethodInfo> registered{{
    .name = "ms-poe",
    .aliases = {},
    .kind = "frequency",
    .title = "Ms-PoE: position interpolation by a factor of each head's own",
    .formula =
        "theta'_m = theta_m / (factor (min + (max - min) rank / H)) from layer `from` on, rank 0 .. H - "
        "1 of the group of heads that share keys, H groups; theta_m / factor in the layers before",
    .source = "Zhang et al. 2024, arXiv 2403.04797, NeurIPS 2024; VITA-Group/Ms-PoE a46c3d1",
    .differs =
        "the authors rank heads by the prompt's first pass: the share of its last query's weights above "
        "3 times their mean, most first; here the ranks do not depend on the prompt: measured once for a "
        "model (tools/measure_heads.py) and given, or else the heads in their order, which measures "
        "nothing and only spreads the factors; one factor for all heads that share keys (the released "
        "code gives the keys that of the group's first head, so that the others see no pure distances, "
        "and gives head h the factor of the h-th head in the order instead of that of its rank); factor, "
        "which multiplies theirs past the trained length, is ours, as theirs are for texts within it",
    .parameters = {factor_parameter(),
                   {"min", "factor of rank 0", "", "1e-3 to 1000", "1.2"},
                   {"max", "factor that the ranks approach", "", "min to 1000", "1.8"},
                   {"from", "first layer with factors by head", "", "0 to layers - 1", "2"},
                   {"ranks",
                    "rank of each key head, joined by '.', of each layer from `from` on, joined by '/'; one "
                    "layer's stand for all",
                    "", "0 to H - 1, each once", "the heads in their order"},
                   replace_parameter()},
    .example = "ms-poe:factor=2,from=1,ranks=2.0.3.1",
    .by_layer = true,
    .by_head = true,
    .build = build,
}};

}  // namespace
}  // namespace rw::published::ms_poe
