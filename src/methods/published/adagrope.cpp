// SPDX-License-Identifier: Apache-2.0
/// AdaGroPE: the farther away, the more distances share a position.
#include <algorithm>

#include "methods/both_directions.h"
#include "methods/factors.h"

namespace rw::published::adagrope {
namespace {

constexpr std::size_t kMaxStages = 8;  // what Segments hold and kernels take (kMaxRegions)

/// Distances from `first` on grow by 1/size per token, from `position` on.
struct Stage {
  Index size = 1, first = 0, position = 0;
};
using Stages = std::vector<Stage>;

/// The paper's listing. Sizes 1, 2, 4, .. have share * positions / size positions each, until the positions
/// left over reach length n in two neighbouring sizes. share <= 1/2 leaves one position at least.
/// REQUIRES: n > positions.
Stages stages_for(Index n, Index positions, double share) {
  Stages stages;
  Index used = 0, covered = 0;
  const auto emit = [&](Index size, Index count) {
    if (count > 0 && (stages.empty() || stages.back().size != size)) stages.push_back({size, covered, used});
    used += count, covered += count * size;
  };
  for (Index power = 1;; power *= 2) {
    emit(power, static_cast<Index>(share * static_cast<double>(positions) / static_cast<double>(power)));
    const Index left = positions - used, size = (n - covered + left - 1) / left;
    if (size > 2 * power) continue;
    const Index spare = left * size + covered - n;  // positions that need not be that large
    emit(size - 1, spare);
    emit(size, left - spare);
    return stages;
  }
}

DistanceMap map_of(const Stages& stages) {
  DistanceMap map;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto size = static_cast<double>(stages[s].size);
    const auto start = static_cast<double>(stages[s].position) - static_cast<double>(stages[s].first) / size;
    map.variants.push_back({[=](Index j) { return static_cast<double>(j) / size; }, 0,
                            s + 1 < stages.size() ? stages[s + 1].first : kForever});
    map.regions.push_back(
        {[=](Index i) { return static_cast<double>(i) / size + start; }, static_cast<int>(s)});
  }
  map.split = [stages](Index i) {
    Segments segments;
    Index begin = 0;
    for (std::size_t s = stages.size(); s-- > 0;) {
      const Index end = i - stages[s].first + 1;
      if (end <= begin) continue;
      segments.push_back({begin, end, static_cast<int>(s)});
      begin = end;
    }
    return segments;
  };
  map.delta = [stages](Index i, Index j) {
    const auto next =
        std::find_if(stages.begin(), stages.end(), [=](const Stage& s) { return s.first > i - j; });
    const Stage& stage = *(next - 1);
    return static_cast<double>(stage.position) +
           static_cast<double>(i - j - stage.first) / static_cast<double>(stage.size);
  };
  return map;
}

Factors build(const Parameters& p, const RopeContext& context) {
  const Index positions = p.integer("positions", context.n_ctx_train, 1, Index{1} << 30);
  const double share = p.number("share", 0.25, 0, 0.5);
  if (context.n <= positions) return with_distance(identity_map());
  const Stages stages = stages_for(context.n, positions, share);
  const std::size_t most = context.bidirectional ? kMirroredRegions : kMaxStages;
  if (stages.size() > most)
    p.refuse(fmt::format("a length that {} group sizes reach", most),
             fmt::format("{} sizes for {} tokens in {} positions", stages.size(), context.n, positions),
             "more positions or a smaller share need fewer sizes");
  return with_distance(map_of(stages));
}

const Register<MethodInfo> registered{{
    .name = "adagrope",
    .aliases = {},
    .kind = "distance",
    .title = "AdaGroPE: groups that grow with the distance",
    .formula =
        "x = i - j; delta(i, j) = p0 + (x - x0) / size in the stage of x, stages from x = 0 on: size 1, 2, "
        "4, .. with floor(share * positions / size) positions each, then the two neighbouring sizes, size - "
        "1 and size, with which the positions left over just cover n distances; i - j where n <= positions",
    .source = "Xu et al. 2025, ACL 2025 long paper 28 (its algorithm; no code released)",
    .differs = "fractions instead of floor((x - x0) / size), which no few segments express: less than 1 "
               "above the paper's, continuous, below positions all the same; the printed closed forms "
               "contradict the listing, which is followed; n is the request's length (prompt and new "
               "tokens), so no distance moves while decoding; each size has keys of its own in the cache, "
               "those of 1, 2, 4, .. only as far back as they are read",
    .parameters = {{"positions", "distances used, P", "tokens", "1 to 2^30", "trained"},
                   {"share", "the size 2^k has share / 2^k of the positions", "", "0 to 0.5", "0.25"}},
    .example = "adagrope:positions=8",
    .build = build,
}};

}  // namespace
}  // namespace rw::published::adagrope
