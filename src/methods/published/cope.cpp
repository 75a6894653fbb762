// SPDX-License-Identifier: Apache-2.0
/// CoPE: the slowest pairs stop turning, gently or at once.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "methods/factors.h"

namespace rw::published::cope {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  require_pairs(p, context);
  const Index all = context.rotary_dim / 2;
  const Index pairs = p.integer("pairs", std::max<Index>(2, (5 * all + 8) / 16), 2, all);
  const bool hard = p.choice("form", "soft", {"soft", "hard"}) == "hard";
  std::vector<double> theta = plain_theta(context.rotary_dim, context.rope_base);
  for (Index k = 0; k < pairs; ++k) {
    const double turn = std::numbers::pi * static_cast<double>(k) / static_cast<double>(pairs - 1);
    // The last pair's weight is 0, which cos(pi) + 1 gives to the bit.
    theta[static_cast<std::size_t>(all - pairs + k)] *= hard ? 0 : (1 + std::cos(turn)) / 2;
  }
  return with_frequencies(fixed(std::move(theta)));
}

const Register<MethodInfo> registered{{
    .name = "cope",
    .aliases = {},
    .kind = "frequency",
    .title = "CoPE: the slowest pairs are clipped (published with training only)",
    .formula = "theta'_m = theta_m (1 + cos(pi k / (pairs - 1))) / 2 for the last pairs, k = 0 .. pairs - 1; "
               "form=hard: 0 for these; the others stay",
    .source = "arXiv 2602.05258 (2026); CoPE ed52ba5",
    .differs = "published only with long training after the change, and with yarn beyond the length trained "
               "then: nothing is trained here, and a model loses pairs that it has learned to use, also in "
               "short texts; k counts pairs, as in the released code (the paper writes the weight as a "
               "function of theta)",
    .parameters = {{"pairs", "the last pairs that are clipped, c", "", "2 to d/2",
                    "5/16 of d/2, rounded (20 of 64), at least 2"},
                   {"form", "soft: by the cosine; hard: not turned at all", "", "soft or hard", "soft"},
                   replace_parameter()},
    .example = "cope:pairs=4",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::cope
