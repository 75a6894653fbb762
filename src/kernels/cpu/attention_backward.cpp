// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/attention_backward.h"

#include <algorithm>

#include "core/error.h"

namespace rw::cpu {
namespace {

using Task = TrainingAttention<float>;
using Space = BackwardSpace;

constexpr double kLog2 = 0.6931471805599453;  // natural log of 2: scores are in powers of 2
constexpr Index kItemsPerThread = 8;  // of a wave, where there are heads enough: all threads end together
constexpr Index kRowsPerPart = 256, kMostParts = 4;  // of a head's rows: enough parts for few heads

/// Into how many parts the rows of a head are cut, at most.
Index parts_of(Index n_rows) { return std::clamp<Index>(n_rows / kRowsPerPart, 1, kMostParts); }

/// What all heads of a task share.
struct BackwardTask {
  const Task& task;
  int group, padded_dim, padded_value;  // of head_dim, of value_dim: whole vectors
  std::size_t half, n_variants;
  std::vector<TileSegment> segments;
  std::vector<Index> cuts;  // rows at which parts begin, and their end

  explicit BackwardTask(const Task& t)
      : task(t),
        group(t.n_heads / t.n_kv_heads),
        padded_dim((t.head_dim + kLanes - 1) / kLanes * kLanes),
        padded_value((t.value_dim + kLanes - 1) / kLanes * kLanes),
        half(t.plan->theta.size()),
        n_variants(t.keys->variants.size()) {
    const AttentionPlan& plan = *t.plan;
    RW_CHECK(t.n_heads % t.n_kv_heads == 0 && plan.regions.size() <= kMaxRegions);
    RW_CHECK(t.head_dim >= 2 && t.head_dim % 2 == 0 && t.head_dim <= kMaxHeadDim);
    RW_CHECK(t.value_dim >= 1 && t.value_dim <= kMaxHeadDim);
    RW_CHECK(plan.row_begin == 0 && t.keys->key_begin == 0 && t.keys->n_keys == plan.n_rows);
    const std::size_t angles = half * static_cast<std::size_t>(plan.n_rows);
    for (const Region& region : plan.regions) RW_CHECK(region.rotation.cosine.size() == angles);
    for (const KeyPlan::Variant& variant : t.keys->variants)
      RW_CHECK(variant.rotation.cosine.size() == angles);
    segments.reserve(plan.segments.size());
    for (const Segment& segment : plan.segments)
      segments.push_back({segment.begin, segment.end, segment.region});
    cut();
  }
  Index n() const { return task.plan->n_rows; }
  Index segment(Index row) const { return task.plan->segment_begin[static_cast<std::size_t>(row)]; }
  Index pairs(Index first, Index last) const {
    Index sum = 0;
    for (Index s = segment(first); s < segment(last); ++s)
      sum += segments[static_cast<std::size_t>(s)].end - segments[static_cast<std::size_t>(s)].begin;
    return sum;
  }
  std::size_t variant(std::size_t region) const {
    return static_cast<std::size_t>(task.plan->regions[region].variant);
  }
  RowRotation of_row(std::size_t region, Index row, double scale) const {
    const double gain = scale * static_cast<double>(task.plan->rotary_gain);
    return row_rotation(task.plan->regions[region].rotation, half, row, task.head_dim,
                        static_cast<float>(gain), static_cast<float>(scale));
  }
  RowRotation of_key(std::size_t which, Index key, float gain) const {
    return row_rotation(task.keys->variants[which].rotation, half, key, task.head_dim, gain, gain);
  }

 private:
  /// Whole tiles of rows, parts of about the same cost: by the plan alone.
  void cut() {
    const Index n_parts = parts_of(n()), all = pairs(0, n());
    cuts.push_back(0);
    for (Index row = 0, done = 0; row < n(); row += kTileRows) {
      const auto part = static_cast<Index>(cuts.size());
      if (row > 0 && part < n_parts && done * n_parts >= all * part) cuts.push_back(row);
      done += pairs(row, std::min<Index>(n(), row + kTileRows));
    }
    cuts.push_back(n());
  }
};

/// Keys that rows see.
struct KeyRange {
  Index begin = kForever, end = 0;
  void hold(Index from, Index to) { begin = std::min(begin, from), end = std::max(end, to); }
  /// Room for whole tiles of them, `width` floats each.
  void reserve(Space::Rows& rows, Index width) const {
    rows.first = begin < end ? begin / kKeyTile * kKeyTile : 0;
    rows.n = begin < end ? (end - rows.first + kKeyTile - 1) / kKeyTile * kKeyTile : 0;
    rows.rows.reserve(rows.n * width);
  }
};

/// What rows [first, last) see in each variant, and, last, in any.
std::vector<KeyRange> ranges_of(const BackwardTask& t, Index first, Index last) {
  std::vector<KeyRange> ranges(t.n_variants + 1);
  for (Index s = t.segment(first); s < t.segment(last); ++s) {
    const TileSegment& segment = t.segments[static_cast<std::size_t>(s)];
    ranges[t.variant(static_cast<std::size_t>(segment.region))].hold(segment.begin, segment.end);
    ranges.back().hold(segment.begin, segment.end);
  }
  return ranges;
}

/// A KV head of a task.
struct Unit {
  const BackwardTask& shared;
  Index task;
  int kv_head;
};

/// Keys or values [key, key + kKeyTile) of a KV head as the caller has them.
struct TileRows {
  const float* from;
  Index stride, key, n;  // n of them, the others are 0
  const RowRotation* rotations;

  TileRows(const float* all, Index step, Index first, Index n_keys, const RowRotation* turns)
      : from(all + first * step),
        stride(step),
        key(first),
        n(std::clamp<Index>(n_keys - first, 0, kKeyTile)),
        rotations(turns) {}
  void turn(Index dim, const Isa& isa, Space::Rows& turned) const {
    float* to = turned.rows.data() + (key - turned.first) * dim;
    if (n < kKeyTile) std::fill(to, to + kKeyTile * dim, 0.0f);
    for (Index first = 0; first < n; first += kLanes)
      isa.pack_keys({.k = from + first * stride,
                     .stride = stride,
                     .lane = 0,
                     .n_keys = static_cast<int>(std::min<Index>(kLanes, n - first)),
                     .rotation = rotations[first],
                     .element = Element::kF32,
                     .to = to + first * dim,
                     .scale = nullptr});
  }
  void rotate(Index padded_dim, const Isa& isa, Space::Rows& rows) const {
    float* row = rows.rows.data() + (key - rows.first) * padded_dim;
    if (n < kKeyTile) std::fill(row, row + kKeyTile * padded_dim, 0.0f);
    for (Index i = 0; i < n; ++i)
      isa.rotate_queries({.q = from + i * stride,
                          .n_rows = 1,
                          .rotation = rotations[i],
                          .weight = nullptr,
                          .element = Element::kF32,
                          .wide = false,
                          .to = row + i * padded_dim});
  }
};

/// One tile of keys of a KV head, in every variant that is seen there, and its values.
void make_keys(const Unit& unit, Index key, const Isa& isa, Space::Keys& keys) {
  const BackwardTask& t = unit.shared;
  const auto held = [&](const Space::Rows& rows) { return key >= rows.first && key < rows.first + rows.n; };
  RowRotation rotations[kKeyTile];
  const TileRows k(t.task.k + Index{unit.kv_head} * t.task.head_dim, t.task.k_stride, key, t.n(), rotations);
  for (std::size_t v = 0; v < t.n_variants; ++v) {
    if (!held(keys.rows[v])) continue;
    for (Index i = 0; i < k.n; ++i) rotations[i] = t.of_key(v, key + i, 1);
    k.turn(t.task.head_dim, isa, keys.turned[v]);
    k.rotate(t.padded_dim, isa, keys.rows[v]);
  }
  if (!held(keys.values_turned)) return;
  std::fill(rotations, rotations + kKeyTile, RowRotation{nullptr, nullptr, t.task.value_dim, 0, 1, 1});
  TileRows(t.task.v + Index{unit.kv_head} * t.task.value_dim, t.task.v_stride, key, t.n(), rotations)
      .turn(t.task.value_dim, isa, keys.values_turned);
}

/// Rows [row, row + n) of a head: one tile.
struct TileOfHead {
  const BackwardTask& t;
  const Isa& isa;
  int head;
  Index row, n;
  unsigned used = 0;  // bits of regions that some row sees
  KeyRange keys;

  TileOfHead(const BackwardTask& shared, const Isa& set, int of, Index first, Index n_rows)
      : t(shared), isa(set), head(of), row(first), n(n_rows) {
    for (Index s = t.segment(row); s < t.segment(row + n); ++s) {
      const TileSegment& segment = t.segments[static_cast<std::size_t>(s)];
      used |= 1U << segment.region;
      keys.hold(segment.begin, segment.end);
    }
  }
  Index at(Index i) const { return (row + i) * t.task.q_stride + Index{head} * t.task.head_dim; }
  Index out_at() const { return row * t.task.out_stride + Index{head} * t.task.value_dim; }
  double scale(Index i) const {
    return static_cast<double>(t.task.plan->row_scale[static_cast<std::size_t>(row + i)]);
  }
  /// to (padded_dim) = row i rotated for the region, times `scale`
  void rotate(std::size_t region, Index i, double factor, const float* weight, float* to) const {
    isa.rotate_queries({.q = t.task.q + at(i),
                        .n_rows = 1,
                        .rotation = t.of_row(region, row + i, factor),
                        .weight = weight,
                        .element = Element::kF32,
                        .wide = false,
                        .to = to});
  }
};

/// body(region) for those that some row of the tile sees.
template <class F>
void for_regions(const TileOfHead& tile, const F& body) {
  for (unsigned left = tile.used; left != 0; left &= left - 1)
    body(static_cast<std::size_t>(__builtin_ctz(left)));
}

/// Asks for the row some rows behind row i: those of one head lie apart, and the hardware does not look
/// ahead.
void fetch_ahead(const TileOfHead& tile, const float* rows, Index i) {
  constexpr Index kAhead = 4;
  for (Index e = 0; e < tile.t.task.head_dim && i + kAhead < tile.n; e += 16)
    __builtin_prefetch(rows + tile.at(i + kAhead) + e);
}

/// q of the tile, each row rotated for all regions while it is near; their gradients, 0 yet.
void begin_queries(const TileOfHead& tile, Space::Scratch& mine) {
  const Index dim = tile.t.padded_dim;
  for_regions(tile, [&](std::size_t region) {
    mine.q[region].reserve(kTileRows * dim), mine.d_q[region].reserve(kTileRows * dim);
    std::fill(mine.d_q[region].data(), mine.d_q[region].data() + tile.n * dim, 0.0f);
  });
  for (Index i = 0; i < tile.n; ++i) {
    fetch_ahead(tile, tile.t.task.q, i);
    for_regions(tile, [&](std::size_t region) {
      tile.rotate(region, i, tile.scale(i) / kLog2, tile.t.task.weight, mine.q[region].data() + i * dim);
    });
  }
}

/// What was summed for rotated queries goes to d_q, and to the weights behind the rotation.
void end_queries(const TileOfHead& tile, Space::Scratch& mine, float* d_weight) {
  const Task& task = tile.t.task;
  const Index dim = tile.t.padded_dim;
  mine.line.reserve(kKeyTile * dim);
  for (Index i = 0; i < tile.n; ++i) {
    fetch_ahead(tile, task.d_q, i);
    for_regions(tile, [&](std::size_t region) {
      float* d = mine.d_q[region].data() + i * dim;
      if (d_weight != nullptr) {
        tile.rotate(region, i, tile.scale(i), nullptr, mine.line.data());
        for (int e = 0; e < task.head_dim; ++e) d_weight[e] += d[e] * mine.line[e];
      }
      for (int e = 0; e < task.head_dim && task.weight != nullptr; ++e) d[e] *= task.weight[e];
      tile.isa.training.add_rotated_back(tile.t.of_row(region, tile.row + i, tile.scale(i)), d,
                                         task.d_q + tile.at(i));
    });
  }
}

void run_tile(const TileOfHead& tile, const Space::Keys& keys, Space::Sums& sums, Space::Scratch& mine) {
  const BackwardTask& t = tile.t;
  const AttentionPlan& plan = *t.task.plan;
  const auto n_regions = static_cast<int>(plan.regions.size());
  begin_queries(tile, mine);
  BackwardRegion regions[kMaxRegions] = {};
  for_regions(tile, [&](std::size_t region) {
    const std::size_t v = t.variant(region);
    regions[region] = {.q = mine.q[region].data(),
                       .keys = keys.rows[v].rows.data(),
                       .turned = keys.turned[v].rows.data(),
                       .first = keys.rows[v].first,
                       .d_q = mine.d_q[region].data(),
                       .d_keys = sums.d_keys[v].rows.data(),
                       .d_first = sums.d_keys[v].first};
  });
  mine.rows.reserve(kTileRows * t.padded_value);
  mine.scores.reserve(n_regions * kTileRows * kKeyTile);
  mine.d_scores.reserve((n_regions + 1) * kTileRows * kKeyTile);
  mine.weights.reserve(kTileRows * kKeyTile);
  tile.isa.training.attention_backward(
      {.head_dim = t.task.head_dim,
       .padded_dim = t.padded_dim,
       .value_dim = t.task.value_dim,
       .padded_value = t.padded_value,
       .n_rows = static_cast<int>(tile.n),
       .n_regions = n_regions,
       .regions = regions,
       .values_turned = keys.values_turned.rows.data(),
       .values_first = keys.values_turned.first,
       .d_values = sums.d_values.rows.data(),
       .d_values_first = sums.d_values.first,
       .d_out = t.task.d_out + tile.out_at(),
       .out = t.task.out + tile.out_at(),
       .stride = t.task.out_stride,
       .lse = t.task.lse + tile.row * t.task.n_heads + tile.head,
       .lse_stride = t.task.n_heads,
       .soft_cap = static_cast<float>(static_cast<double>(plan.soft_cap) / kLog2),
       .segment_begin = plan.segment_begin.data() + tile.row,
       .segments = t.segments.data(),
       .key_begin = tile.keys.begin / kKeyTile * kKeyTile,
       .key_end = tile.keys.end,
       .rows = mine.rows.data(),
       .scores = mine.scores.data(),
       .d_scores = mine.d_scores.data(),
       .weights = mine.weights.data()});
  end_queries(tile, mine, sums.d_weight.data());
}

/// All tiles of an item. Its sums begin at 0.
void run_item(const BackwardTask& t, const Space::Item& item, const Isa& isa, const Space::Keys& keys,
              Space::Sums& sums, Space::Scratch& mine) {
  const auto clear = [](Space::Rows& rows, Index width) {
    std::fill(rows.rows.data(), rows.rows.data() + rows.n * width, 0.0f);
  };
  for (std::size_t v = 0; v < t.n_variants; ++v) clear(sums.d_keys[v], t.padded_dim);
  clear(sums.d_values, t.padded_value);
  for (Index row = item.first; row < item.first + item.n; row += kTileRows) {
    const TileOfHead tile(t, isa, item.head, row, std::min<Index>(kTileRows, item.first + item.n - row));
    if (tile.used != 0) run_tile(tile, keys, sums, mine);
  }
}

/// One tile of keys of a KV head: the sums of its items in their order, rotated back.
void add_up(const Unit& unit, Index key, std::span<const Space::Sums> sums, const Isa& isa,
            Space::Scratch& mine) {
  const BackwardTask& t = unit.shared;
  const Index n = std::min<Index>(kKeyTile, t.n() - key), dim = t.padded_dim, v_dim = t.padded_value;
  float* d_k = t.task.d_k + key * t.task.k_stride + Index{unit.kv_head} * t.task.head_dim;
  float* d_v = t.task.d_v + key * t.task.v_stride + Index{unit.kv_head} * t.task.value_dim;
  mine.line.reserve(kKeyTile * std::max(dim, v_dim));
  float* all = mine.line.data();
  const auto clear = [&](Index width) { std::fill(all, all + n * width, 0.0f); };
  const auto add = [&](const Space::Rows& rows, Index width) {
    if (key >= rows.first && key < rows.first + rows.n)
      isa.add_scaled(rows.rows.data() + (key - rows.first) * width, n * width, 1, all);
  };
  for (std::size_t v = 0; v < t.n_variants; ++v) {
    clear(dim);
    for (const Space::Sums& each : sums) add(each.d_keys[v], dim);
    for (Index i = 0; i < n; ++i)
      isa.training.add_rotated_back(t.of_key(v, key + i, static_cast<float>(kLog2)), all + i * dim,
                                    d_k + i * t.task.k_stride);
  }
  clear(v_dim);
  for (const Space::Sums& each : sums) add(each.d_values, v_dim);
  for (Index i = 0; i < n; ++i)
    isa.add_scaled(all + i * v_dim, t.task.value_dim, 1, d_v + i * t.task.v_stride);
}

/// Some KV heads that are worked on together.
class Wave {
 public:
  Wave(std::span<const Unit> units, Context& context, const Isa& isa, BackwardSpace& space)
      : units_(units), context_(context), isa_(isa), space_(space) {
    list_items();
    reserve();
  }
  void run() {
    const auto n_items = static_cast<Index>(space_.items.size());
    for_tiles([&](std::size_t u, Index key, int) { make_keys(units_[u], key, isa_, space_.keys[u]); });
    context_.parallel_for(n_items, [&](Index i, int thread) {
      const auto at = static_cast<std::size_t>(space_.order[static_cast<std::size_t>(i)]);
      const Space::Item& item = space_.items[at];
      const auto u = static_cast<std::size_t>(item.unit);
      run_item(units_[u].shared, item, isa_, space_.keys[u], space_.sums[at],
               space_.threads[static_cast<std::size_t>(thread)]);
    });
    for_tiles([&](std::size_t u, Index key, int thread) {
      add_up(units_[u], key, sums_of(u), isa_, space_.threads[static_cast<std::size_t>(thread)]);
    });
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const Task& task = units_[u].shared.task;
      for (const Space::Sums& each : sums_of(u))
        for (int d = 0; d < task.head_dim && task.d_weight != nullptr; ++d)
          task.d_weight[d] += each.d_weight[d];
    }
  }

 private:
  void list_items() {
    space_.items.clear();
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const auto& [t, task, kv_head] = units_[u];
      first_item_.push_back(space_.items.size());
      for (int head = kv_head * t.group; head < (kv_head + 1) * t.group; ++head)
        for (std::size_t c = 0; c + 1 < t.cuts.size(); ++c)
          space_.items.push_back({task, static_cast<Index>(u), head, t.cuts[c], t.cuts[c + 1] - t.cuts[c],
                                  t.pairs(t.cuts[c], t.cuts[c + 1])});
    }
    first_item_.push_back(space_.items.size());
    space_.order.clear();
    for (std::size_t i = 0; i < space_.items.size(); ++i) space_.order.push_back(static_cast<Index>(i));
    std::stable_sort(space_.order.begin(), space_.order.end(), [this](Index a, Index b) {
      return space_.items[static_cast<std::size_t>(a)].pairs >
             space_.items[static_cast<std::size_t>(b)].pairs;
    });
  }
  void reserve() {
    space_.threads.resize(static_cast<std::size_t>(context_.threads()));
    space_.keys.resize(std::max(space_.keys.size(), units_.size()));
    space_.sums.resize(std::max(space_.sums.size(), space_.items.size()));
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const BackwardTask& t = units_[u].shared;
      const std::vector<KeyRange> ranges = ranges_of(t, 0, t.n());
      Space::Keys& keys = space_.keys[u];
      keys.rows.resize(std::max(keys.rows.size(), t.n_variants));
      keys.turned.resize(keys.rows.size());
      for (std::size_t v = 0; v < t.n_variants; ++v) {
        ranges[v].reserve(keys.rows[v], t.padded_dim);
        ranges[v].reserve(keys.turned[v], t.task.head_dim);
      }
      ranges.back().reserve(keys.values_turned, t.task.value_dim);
    }
    for (std::size_t i = 0; i < space_.items.size(); ++i) {
      const Space::Item& item = space_.items[i];
      const BackwardTask& t = units_[static_cast<std::size_t>(item.unit)].shared;
      const std::vector<KeyRange> ranges = ranges_of(t, item.first, item.first + item.n);
      Space::Sums& sums = space_.sums[i];
      sums.d_keys.resize(std::max(sums.d_keys.size(), t.n_variants));
      for (std::size_t v = 0; v < t.n_variants; ++v) ranges[v].reserve(sums.d_keys[v], t.padded_dim);
      ranges.back().reserve(sums.d_values, t.padded_value);
      sums.d_weight = t.task.d_weight != nullptr ? Buffer<float>(t.task.head_dim) : Buffer<float>();
    }
  }
  std::span<const Space::Sums> sums_of(std::size_t unit) const {
    return std::span(space_.sums).subspan(first_item_[unit], first_item_[unit + 1] - first_item_[unit]);
  }
  /// body(unit, key, thread) for every tile of keys of every KV head.
  template <class F>
  void for_tiles(const F& body) {
    const auto n_units = static_cast<Index>(units_.size());
    Index most = 0;
    for (const Unit& unit : units_) most = std::max(most, (unit.shared.n() + kKeyTile - 1) / kKeyTile);
    context_.parallel_for(n_units * most, [&](Index i, int thread) {
      const auto u = static_cast<std::size_t>(i % n_units);
      const Index key = i / n_units * kKeyTile;
      if (key < units_[u].shared.n()) body(u, key, thread);
    });
  }

  std::span<const Unit> units_;
  Context& context_;
  const Isa& isa_;
  BackwardSpace& space_;
  std::vector<std::size_t> first_item_;  // (units + 1)
};

}  // namespace

BackwardWave backward_wave(const TrainingSizes& sizes, Index n_threads) {
  const Index least = kItemsPerThread * n_threads, parts = parts_of(sizes.n_ctx);
  BackwardWave most{0, 0};
  for (Index group = sizes.least_group; group <= sizes.most_group; ++group) {  // of a layer, all alike
    const Index of_unit = group * parts, units = (least + of_unit - 1) / of_unit;
    most.items = std::max(most.items, units * of_unit), most.units = std::max(most.units, units);
  }
  return most;
}

void attention_backward(std::span<const Task> tasks, Context& context, const Isa& isa, BackwardSpace& space) {
  std::vector<BackwardTask> shared;
  shared.reserve(tasks.size());
  std::vector<Unit> units;
  std::vector<Index> n_items;
  for (const Task& task : tasks) {
    if (task.plan->n_rows == 0) continue;
    const BackwardTask& t = shared.emplace_back(task);
    for (int kv_head = 0; kv_head < task.n_kv_heads; ++kv_head) {
      units.push_back({t, static_cast<Index>(shared.size()) - 1, kv_head});
      n_items.push_back(t.group * static_cast<Index>(t.cuts.size() - 1));
    }
  }
  for (std::size_t first = 0, last = 0; first < units.size(); first = last) {
    for (Index items = 0; last < units.size() && items < kItemsPerThread * context.threads(); ++last)
      items += n_items[last];
    Wave(std::span(units).subspan(first, last - first), context, isa, space).run();
  }
}

}  // namespace rw::cpu
