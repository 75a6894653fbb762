// SPDX-License-Identifier: Apache-2.0
/// STRING: well-trained short distances stand in for rare long ones.
#include <algorithm>
#include <numbers>

#include "methods/factors.h"

namespace rw::published::string {
namespace {

Factors build(const Parameters& p, const RopeContext& context) {
  const Index offset =
      p.integer("offset", context.n_ctx_train / 3, 1, std::max<Index>(1, context.n_ctx_train - 1));
  const Index local = p.integer("local", std::min<Index>(128, offset), 1, offset);
  const double s = 1 + 0.1 * std::numbers::ln2 * p.number("amplitude", 1, 0, 1);
  FarRegion far{.far_end = beyond(offset),
                .query_position = [=](Index i) { return static_cast<double>(i - offset + local); },
                .key_position = {}};
  Factors factors = with_distance(near_far_map(std::move(far), [=](Index i, Index j) {
    return static_cast<double>(i - j < offset ? i - j : i - j - offset + local);
  }));
  factors.rotary_gain = s * s;
  return factors;
}

const Register<MethodInfo> registered{{
    .name = "string",
    .aliases = {},
    .kind = "distance",
    .title = "STRING: far distances shifted down",
    .formula = "delta(i, j) = i - j where i - j < offset, else i - j - offset + local; logits of the "
               "rotated dims times (1 + 0.1 ln(2) amplitude)^2 at every length",
    .source = "An et al. 2024, arXiv 2410.18745; HKUNLP/STRING",
    .differs = "the key at exactly offset is counted once (the released prefill counts it in both "
               "parts); amplitude=0 leaves the authors' constant factor out",
    .parameters = {{"offset", "distance from which positions are shifted", "tokens", "1 to trained - 1",
                    "trained / 3"},
                   {"local", "distance given to the key at offset", "tokens", "1 to offset",
                    "128, or offset if that is less"},
                   {"amplitude", "share of the authors' logit factor", "", "0 to 1", "1"}},
    .example = "string:offset=6,local=2",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::string
