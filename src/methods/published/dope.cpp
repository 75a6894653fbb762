// SPDX-License-Identifier: Apache-2.0
/// DoPE: in some heads, chosen by a measurement, the pairs that never finished a turn stop turning.
#include <fmt/ranges.h>

#include <algorithm>
#include <numbers>

#include "methods/factors.h"

namespace rw::published::dope {
namespace {

/// Whether this class is one of the heads named. Errors: UsageError for one that the model does not have.
bool chosen_here(const Parameters& p, const RopeContext& context) {
  if (!p.given("heads"))
    p.refuse("heads=, the heads that lose their slow pairs, as layer.head/layer.head", "none",
             "tools/measure_heads.py chooses them for a model and a length");
  bool here = false;
  for (const std::vector<Index>& head : p.lists("heads", Index{1} << 30)) {
    // Another layer, which may have more heads or fewer, says so itself.
    if (head.size() != 2 || head[0] >= context.n_layers ||
        (head[0] == context.layer && head[1] >= context.n_kv_heads))
      p.refuse(fmt::format("heads as layer.head, layers 0 to {}, key heads 0 to {}", context.n_layers - 1,
                           context.n_kv_heads - 1),
               "'" + fmt::format("{}", fmt::join(head, ".")) + "'");
    here = here || (head[0] == context.layer && head[1] == context.kv_head);
  }
  return here;
}

Factors build(const Parameters& p, const RopeContext& context) {
  require_pairs(p, context);
  const bool chosen = chosen_here(p, context);
  const bool all = p.choice("form", "parts", {"parts", "all"}) == "all";
  const Index trained = read_original(p, context);
  const double slow = 2 * std::numbers::pi / static_cast<double>(trained);
  const std::vector<double> plain = plain_theta(context.rotary_dim, context.rope_base);
  return with_growth(p, context, [=, d = context.rotary_dim, base = context.rope_base](double s) {
    Frequencies f{ntk_theta(d, base, s), 1};
    for (std::size_t m = 0; chosen && m < f.theta.size(); ++m)
      if (all || plain[m] < slow) f.theta[m] = 0;
    return f;
  });
}

const Register<MethodInfo> registered{{
    .name = "dope",
    .aliases = {},
    .kind = "frequency",
    .title = "DoPE: chosen heads lose their slow pairs, or all rotation",
    .formula =
        "theta' as in dynamic-ntk; in the heads named 0 where theta_m < 2 pi / trained (form=parts) or "
        "for every pair (form=all)",
    .source = "arXiv 2511.09146 (2025), two versions; no code released",
    .differs = "by parts as its figure has it (the printed formula keeps the slow band and drops the fast "
               "one), all as a head without positions (taken literally the formula makes attention uniform); "
               "heads that share keys are chosen together; the choice is given, as the authors' is for each "
               "model and length: tools/measure_heads.py measures the entropy of the keys' spectrum in each "
               "head, before rotation, and takes the lowest (the paper has tables with the lowest and with "
               "the highest, from queries or keys, before or after rotation); the Gaussian form, which puts "
               "random numbers in a head's place, is left out",
    .parameters = {{"heads", "the key heads chosen, layer.head joined by '/'", "", "those of the model",
                    "required"},
                   {"form", "parts: the slow pairs; all: every pair", "", "parts or all", "parts"},
                   original_parameter(),
                   growth_parameter(),
                   grow_parameter(),
                   replace_parameter()},
    .example = "dope:heads=1.2/3.0,trained=8",
    .by_layer = true,
    .by_head = true,
    .build = build,
}};

}  // namespace
}  // namespace rw::published::dope
