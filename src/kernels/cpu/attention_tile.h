// SPDX-License-Identifier: Apache-2.0
/// Attention of one query tile, written once: scores, softmax, values. Included by generic.h.
// (no include guard: each instruction set compiles its own copy)

constexpr int kNothing = -1, kMixed = -2;

/// What each position sees of one key tile. Most tiles are seen like the one before, since no segment begins
/// or ends in either.
struct Sight {
  signed char region[kTileRows] = {};     // (n_positions): the whole tile through it, or kNothing, or kMixed
  unsigned char regions[kTileRows] = {};  // (n_positions): bits of all regions through which it sees some key
  unsigned all = 0;                       // bits of all positions
  int whole = kMixed;                     // the region through which every position sees the whole tile
  std::int64_t same_until = -1;           // tiles that end here or before are seen alike
};

static void look(const AttentionTile& t, std::int64_t key, Sight& sight) {
  std::int64_t next = INT64_MAX;  // the first border after `key`
  for (int p = 0; p < t.n_positions; ++p) {
    sight.region[p] = kNothing, sight.regions[p] = 0;
    for (std::int64_t s = t.segment_begin[p]; s < t.segment_begin[p + 1]; ++s) {
      const TileSegment& segment = t.segments[s];
      if (segment.begin > key && segment.begin < next) next = segment.begin;
      if (segment.end > key && segment.end < next) next = segment.end;
      if (segment.begin >= key + kKeyTile || segment.end <= key) continue;
      const bool whole = segment.begin <= key && segment.end >= key + kKeyTile;
      sight.region[p] = static_cast<signed char>(whole ? segment.region : kMixed);
      sight.regions[p] |= static_cast<unsigned char>(1 << segment.region);
    }
  }
  sight.same_until = next;
  sight.all = 0, sight.whole = sight.region[0];
  for (int p = 0; p < t.n_positions; ++p) {
    sight.all |= sight.regions[p];
    if (sight.region[p] != sight.whole) sight.whole = kMixed;
  }
}

/// Rows [row, row + n_rows) against the keys [key, key + kKeyTile).
template <class Op>
struct RowBlock {
  std::int64_t key;
  int row, n_rows;
  unsigned regions;  // bits of those that some row needs
  int whole;         // the region through which every row sees the whole tile, or kNothing, or kMixed
  const Sight* sight;
  bool odd;                                 // some value is infinite or NaN
  const typename Op::T* keys[kMaxRegions];  // of the tile, for each region that is used
  const typename Op::T* values;
  float* scores;              // (n_regions, kBlockRows, score_stride)
  std::int64_t score_stride;  // kKeyTile at least
  typename Op::T* weights;    // (kBlockRows, kKeyTile)
  float* row_scores(int region, int i) const {
    return scores + (static_cast<std::int64_t>(region) * Op::kBlockRows + i) * score_stride;
  }
};

/// A row that saw a score that is NaN or infinite is NaN for good: so are its sums, and all that is merged
/// with them. (A maximum that is taken lane by lane would forget it.)
static void spoil(const AttentionTile& t, int row) {
  if (t.range.top[row] == -__builtin_inff()) t.range.top[row] = 0;  // it has seen something
  const Vec bad = splat(__builtin_nanf(""));
  store(t.range.total + row * kLanes, bad);
  for (int d = 0; d < t.padded_dim; d += kLanes) store(t.range.sum + row * t.padded_dim + d, bad);
}

/// The row's maximum rises to the tile's; what it summed so far shrinks.
static __attribute__((noinline)) void raise_top(const AttentionTile& t, int row, const float* s) {
  constexpr float kLargest = 3.40282347e+38f;
  if (!none_above(load(s), load(s + 16), load(s + 32), load(s + 48), splat(kLargest))) return spoil(t, row);
  const Vec largest = maximum(maximum(load(s), load(s + 16)), maximum(load(s + 32), load(s + 48)));
  const float top = reduce_max(largest);
  if (t.range.top[row] == -__builtin_inff()) {  // nothing to shrink
    t.range.top[row] = top;
    return;
  }
  const Vec shrink = splat(exp2_of<false>(splat(t.range.top[row] - top)).part[0][0]);
  float* total = t.range.total + row * kLanes;
  store(total, load(total) * shrink);
  for (int d = 0; d < t.padded_dim; d += kLanes)
    store(t.range.sum + row * t.padded_dim + d, load(t.range.sum + row * t.padded_dim + d) * shrink);
  t.range.top[row] = top;
}

/// Online softmax of one row over one tile: writes its weights, which may lie where its scores do, updates
/// its maximum, total and sum. The maximum is left stale until it grows by 2^8: weights stay finite, and the
/// sum is rarely rescaled.
template <class Op>
RW_INLINE void softmax_row(const AttentionTile& t, int row, const float* s, typename Op::T* weights) {
  constexpr int kVecs = kKeyTile / kLanes, kTogether = 4 / kParts;  // as many as registers hold
  if (__builtin_expect(!none_above(load(s), load(s + 16), load(s + 32), load(s + 48),
                                   splat(t.range.top[row]) + splat(8.0f)),
                       0))
    raise_top(t, row, s);
  const Vec m = splat(t.range.top[row]);
  Vec p[kVecs];
  RW_UNROLL for (int z = 0; z < kVecs; z += kTogether) {
    Vec some[kTogether];
    RW_UNROLL for (int i = 0; i < kTogether; ++i) some[i] = load(s + (z + i) * kLanes) - m;
    exp2_each<Op::kRounded>(some);
    RW_UNROLL for (int i = 0; i < kTogether; ++i) p[z + i] = some[i];
  }
  RW_UNROLL for (int z = 0; z < kVecs; z += 2) Op::store_weights(weights + z * kLanes, p[z], p[z + 1]);
  float* total = t.range.total + row * kLanes;
  store(total, load(total) + ((p[0] + p[1]) + (p[2] + p[3])));
}

/// The scores of a row that sees parts of the tile, or through several regions; -inf for other keys.
template <class Op>
static void blend(const AttentionTile& t, const RowBlock<Op>& b, int i, int position, float* blended) {
  constexpr int kVecs = kKeyTile / kLanes;
  Vec all[kVecs];
  RW_UNROLL for (int z = 0; z < kVecs; ++z) all[z] = splat(-__builtin_inff());
  for (std::int64_t s = t.segment_begin[position]; s < t.segment_begin[position + 1]; ++s) {
    const TileSegment& segment = t.segments[s];
    const std::int64_t begin = segment.begin - b.key, end = segment.end - b.key;
    const float* from = b.row_scores(segment.region, i);
    RW_UNROLL for (int z = 0; z < kVecs; ++z) all[z] =
        lanes_between(begin - z * kLanes, end - z * kLanes, load(from + z * kLanes), all[z]);
  }
  RW_UNROLL for (int z = 0; z < kVecs; ++z) store(blended + z * kLanes, all[z]);
}

/// Bytes of an element in a cache that does not hold 8 bits; and whether products read it as a float all the
/// same.
template <class Op>
constexpr std::int64_t kStoredBytes = Op::kRounded ? 2 : 4;
template <class Op>
constexpr bool kWidened = sizeof(typename Op::T) != kStoredBytes<Op>;

/// n pairs of bfloat16 as floats: those of 16 pairs one after the other, 16 first ones at `to` and 16 second
/// ones `apart` behind them.
RW_INLINE void widen(const std::uint16_t* pairs, std::int64_t n, std::int64_t step, std::int64_t apart,
                     float* to) {
  for (std::int64_t i = 0; i < n; i += kLanes, pairs += 2 * kLanes, to += step) {
    const SplitPairs::B both = SplitPairs::vector(pairs);
    store(to, both.first);
    store(to + apart, both.second);
  }
}

/// A key tile (4, head_dim / 2, 16 keys, 2) -> (4, head_dim, 16 keys), or values (32, padded_dim, 2) ->
/// (64, padded_dim), into scratch's `slot`.
template <bool kValues>
RW_INLINE const float* widened_tile(const AttentionTile& t, const std::uint16_t* pairs, std::int64_t slot) {
  if constexpr (kValues) {
    for (std::int64_t pair = 0; pair < kKeyTile / 2; ++pair)
      widen(pairs + pair * 2 * t.padded_dim, t.padded_dim, kLanes, t.padded_dim,
            t.widened[1] + pair * 2 * t.padded_dim);
    return t.widened[1];
  } else {
    float* to = t.widened[0] + slot * kKeyTile * t.head_dim;
    widen(pairs, std::int64_t{kKeyTile / 2} * t.head_dim, 2 * kLanes, kLanes, to);
    return to;
  }
}

/// Tile [in_block, in_block + kKeyTile) of a head's keys or values as products read it: where it lies, or
/// expanded from 8 bits, or widened, into scratch's `slot`. Few rows wait for memory, and the hardware looks
/// ahead within a page only: so the block's tiles are asked for two ahead (12 % of attention at depth 8,192).
template <class Op, bool kValues>
RW_INLINE const typename Op::T* tile_elements(const AttentionTile& t, const void* head, std::int64_t in_block,
                                              std::int64_t slot) {
  const std::int64_t width = kValues ? t.padded_dim : t.head_dim;
  const std::int64_t size = t.eight_bits ? 1 : kStoredBytes<Op>;
  const auto* bytes = static_cast<const char*>(head) + in_block * width * size;
  if (t.n_positions * t.group <= 16 && (t.fetch_parts == 0 || t.first_keys)) {  // else fetch_ahead did
    const std::int64_t tile = kKeyTile * width * size, first = in_block == 0 ? 1 : 2;
    for (std::int64_t at = first * tile;
         at < 3 * tile && in_block * width * size + at < kBlockKeys * width * size; at += 64)
      __builtin_prefetch(bytes + at, 0, 2);
  }
  if constexpr (Op::kRounded) {
    const auto* pairs = reinterpret_cast<const std::uint16_t*>(bytes);
    if (t.eight_bits) {
      std::uint16_t* expanded = t.expanded[kValues ? 1 : 0] + slot * kKeyTile * width;
      const auto* scale = reinterpret_cast<const float*>(static_cast<const char*>(head) + kBlockKeys * width);
      (kValues ? expand_values : expand_keys)(reinterpret_cast<const std::int8_t*>(bytes), scale + in_block,
                                              width, expanded);
      pairs = expanded;
    }
    if constexpr (kWidened<Op>)
      return widened_tile<kValues>(t, pairs, slot);
    else
      return pairs;
  } else {
    return reinterpret_cast<const float*>(bytes);
  }
}

/// sum (n_rows, padded_dim) += weights (n_rows, kKeyTile) v where a value is infinite or NaN: a key that a
/// row does not see must not reach it (0 x inf is NaN), and one that it sees must, even where its weight is
/// so small that it is 0. Each row gets the tile with the keys zeroed that it does not see; then the same
/// operations.
template <class Op>
static __attribute__((noinline)) void add_odd_values(const AttentionTile& t, const RowBlock<Op>& b) {
  typename Op::T seen[kKeyTile * kMaxHeadDim];
  const std::int64_t ks = static_cast<std::int64_t>(t.padded_dim) * Op::kStep, zs = 16 * Op::kStep;
  for (int i = 0; i < b.n_rows; ++i) {
    const auto* w = b.weights + i * kKeyTile;
    bool sees[kKeyTile] = {};
    const int position = (b.row + i) / t.group;
    for (std::int64_t s = t.segment_begin[position]; s < t.segment_begin[position + 1]; ++s)
      for (int key = 0; key < kKeyTile; ++key)
        sees[key] |= b.key + key >= t.segments[s].begin && b.key + key < t.segments[s].end;
    for (int key = 0; key < kKeyTile; ++key)
      for (int d = 0; d < t.padded_dim; ++d) {
        const std::int64_t at = key / Op::kStep * ks + d * Op::kStep + key % Op::kStep;
        seen[at] = sees[key] ? b.values[at] : static_cast<typename Op::T>(0);
      }
    multiply<Op, true>(1, t.padded_dim / 16, w, kKeyTile, seen, zs, ks,
                       t.range.sum + static_cast<std::int64_t>(b.row + i) * t.padded_dim, t.padded_dim,
                       kKeyTile);
  }
}

/// Scores of the block's rows [from, to), soft-capped: before the softmax, and before any key is masked.
template <class Op>
static __attribute__((noinline)) void cap_scores(const AttentionTile& t, const RowBlock<Op>& b, int from,
                                                 int to) {
  constexpr int kTogether = kParts == 1 ? 4 : 1;  // as many as registers hold
  const Vec cap = splat(t.soft_cap), inverse = splat(1.0f / t.soft_cap);
  for (unsigned left = b.regions; left != 0; left &= left - 1)
    for (int i = from; i < to; ++i) {
      float* scores = b.row_scores(__builtin_ctz(left), i);
      RW_UNROLL for (int z = 0; z < kKeyTile; z += kTogether * kLanes) {
        Vec x[kTogether];
        RW_UNROLL for (int e = 0; e < kTogether; ++e) x[e] = load(scores + z + e * kLanes) * inverse;
        tanh_each(x);
        RW_UNROLL for (int e = 0; e < kTogether; ++e) store(scores + z + e * kLanes, cap * x[e]);
      }
    }
}

/// Scores of the block for the regions whose bits are set.
template <class Op>
RW_INLINE void score(const AttentionTile& t, const RowBlock<Op>& b, unsigned regions) {
  for (int r = 0; r < t.n_regions; ++r) {
    if ((regions >> r & 1) == 0) continue;
    multiply<Op, false>(
        b.n_rows, kKeyTile / 16,
        static_cast<const typename Op::T*>(t.q[r]) + static_cast<std::int64_t>(b.row) * t.head_dim,
        t.head_dim, b.keys[r], std::int64_t{16} * t.head_dim, 16 * Op::kStep, b.row_scores(r, 0),
        b.score_stride, t.head_dim);
  }
}

/// Softmax of the block's row i, of `position`, which may see parts of the tile or several regions.
template <class Op>
RW_INLINE void softmax_seen(const AttentionTile& t, const RowBlock<Op>& b, int i, int position) {
  const int seen = b.sight->region[position];
  typename Op::T* weights = b.weights + i * kKeyTile;
  if (seen >= 0) {
    softmax_row<Op>(t, b.row + i, b.row_scores(seen, i), weights);
  } else if (seen == kMixed) {
    float blended[kKeyTile];
    blend(t, b, i, position, blended);
    softmax_row<Op>(t, b.row + i, blended, weights);
  } else {
    for (int c = 0; c < kKeyTile; ++c) weights[c] = 0;
  }
}

/// The positions of rows, one after the other (a division for each would cost as much as half a softmax).
struct RowPosition {
  int position, left, group;  // left: rows of the position from here on
  RW_MEMBER RowPosition(int row, int rows_per_position)
      : position(row / rows_per_position),
        left(rows_per_position - row % rows_per_position),
        group(rows_per_position) {}
  RW_MEMBER int next() {
    const int now = position;
    if (--left == 0) ++position, left = group;
    return now;
  }
};

/// Softmax of all rows of the block.
template <class Op>
RW_INLINE void softmax(const AttentionTile& t, const RowBlock<Op>& b) {
  if (t.soft_cap > 0) cap_scores(t, b, 0, b.n_rows);
  RowPosition position(b.row, t.group);
  for (int i = 0; i < b.n_rows; ++i) softmax_seen(t, b, i, position.next());
}

/// What some neighbouring rows of a block need of its tile.
struct Reach {
  unsigned regions;  // bits of those through which some row sees a key
  int n_keys;        // no row sees a key behind these
};

/// Of rows [first, first + n) of the block: near the diagonal most rows see a part of the tile only, and
/// products stop there (1.3 % of attention at 4,096 keys).
template <class Op>
RW_INLINE Reach reach_of(const AttentionTile& t, const RowBlock<Op>& b, int first, int n) {
  if (b.whole >= 0) return {1u << b.whole, kKeyTile};
  Reach reach{0, 0};
  for (int p = (b.row + first) / t.group; p <= (b.row + first + n - 1) / t.group; ++p) {
    reach.regions |= b.sight->regions[p];
    for (std::int64_t s = t.segment_begin[p]; s < t.segment_begin[p + 1]; ++s) {
      const std::int64_t end = t.segments[s].end - b.key;
      if (t.segments[s].begin < b.key + kKeyTile && end > reach.n_keys)
        reach.n_keys = static_cast<int>(end < kKeyTile ? end : kKeyTile);
    }
  }
  return reach;
}

/// sum (n_rows, padded_dim) += weights (n_rows, kKeyTile) v
template <class Op>
RW_INLINE void add_values(const AttentionTile& t, const RowBlock<Op>& b) {
  if (b.odd) return add_odd_values<Op>(t, b);
  const std::int64_t ks = static_cast<std::int64_t>(t.padded_dim) * Op::kStep, zs = 16 * Op::kStep;
  const int rows = b.whole >= 0 || Op::kTiles ? b.n_rows : Op::kRows;  // of one product
  for (int row = 0; row < b.n_rows; row += rows) {
    const int n = b.n_rows - row < rows ? b.n_rows - row : rows;
    const int n_keys = Op::kTiles ? kKeyTile : reach_of(t, b, row, n).n_keys;
    multiply<Op, true>(n, t.padded_dim / 16, b.weights + row * kKeyTile, kKeyTile, b.values, zs, ks,
                       t.range.sum + static_cast<std::int64_t>(b.row + row) * t.padded_dim, t.padded_dim,
                       (n_keys + Op::kStep - 1) / Op::kStep * Op::kStep);
  }
}

/// Part `part` of n_parts of the softmax of rows [first, end) of the block.
template <class Op>
RW_INLINE void softmax_part(const AttentionTile& t, const RowBlock<Op>& b, int first, int end, int part,
                            int n_parts) {
  const int from = first + (end - first) * part / n_parts, to = first + (end - first) * (part + 1) / n_parts;
  if (t.soft_cap > 0) cap_scores(t, b, from, to);
  if (b.whole >= 0) {
    for (int i = from; i < to; ++i)
      softmax_row<Op>(t, b.row + i, b.row_scores(b.whole, i), b.weights + i * kKeyTile);
    return;
  }
  for (int i = from; i < to; ++i) softmax_seen(t, b, i, (b.row + i) / t.group);
}

/// Scores of n rows of the block from `row` on, kRows or fewer, and n_vecs groups of 16 keys, from group
/// `vec` on.
template <class Op>
RW_INLINE void score_some(const AttentionTile& t, const RowBlock<Op>& b, unsigned regions, int row, int n,
                          int vec, int n_vecs) {
  const std::int64_t dim = t.head_dim, zs = 16 * dim, ks = 16 * Op::kStep;
  for (; regions != 0; regions &= regions - 1) {
    const int region = __builtin_ctz(regions);
    const auto* q = static_cast<const typename Op::T*>(t.q[region]) + (b.row + row) * dim;
    const typename Op::T* keys = b.keys[region] + vec * zs;
    float* scores = b.row_scores(region, row) + 16 * vec;
    if (n == Op::kRows)
      micro<Op, Op::kRows, Op::kVecs>(false, q, dim, keys, zs, ks, scores, b.score_stride, dim);
    else
      in_registers<Op, false>(n, n_vecs, q, dim, keys, zs, ks, scores, b.score_stride, dim);
  }
}

/// Scores and softmax of a block: while some rows are scored those before are weighed, so that the processor
/// has products to do while a power waits for itself (4 % of attention).
template <class Op>
RW_INLINE void score_and_weigh(const AttentionTile& t, const RowBlock<Op>& b) {
  constexpr int kVecs = kKeyTile / 16;
  static_assert(kVecs % Op::kVecs == 0);
  int before = 0, row = 0;  // rows [before, row) are scored and not weighed yet
  while (row < b.n_rows) {
    const int n = b.n_rows - row < Op::kRows ? b.n_rows - row : Op::kRows;
    const Reach reach = reach_of(t, b, row, n);
    const int each = n == Op::kRows ? Op::kVecs : kVecs;  // few rows take all keys at once
    for (int vec = 0; vec < kVecs; vec += each) {
      if (16 * vec < reach.n_keys) score_some(t, b, reach.regions, row, n, vec, each);
      softmax_part(t, b, before, row, vec / each, kVecs / each);
    }
    before = row, row += n;
  }
  softmax_part(t, b, before, row, 0, 1);
}

/// One block from scores to sums.
template <class Op>
RW_INLINE void whole_block(const AttentionTile& t, const RowBlock<Op>& b) {
  if constexpr (Op::kTiles || Op::kWidens)
    score(t, b, b.regions), softmax(t, b);
  else
    score_and_weigh(t, b);
  add_values(t, b);
}

/// Takes the blocks of a range in turn. Here: each by itself; tile_attention.h overlaps them.
template <class Op>
struct Steps {
  const AttentionTile& t;
  RW_MEMBER void take(RowBlock<Op>& b) {
    b.scores = t.scores, b.score_stride = kKeyTile;
    if constexpr (sizeof(typename Op::T) == sizeof(float))  // less passes through L1
      b.weights = b.scores;
    else
      b.weights = static_cast<typename Op::T*>(t.weights);
    whole_block(t, b);
  }
  RW_MEMBER void finish() {}
};

/// Bits of the regions through which the tile's first or last position sees a key of [key, key + kKeyTile).
static unsigned regions_near(const AttentionTile& t, std::int64_t key) {
  unsigned regions = 0;
  const int ends[] = {0, t.n_positions - 1};
  for (const int p : ends)
    for (std::int64_t s = t.segment_begin[p]; s < t.segment_begin[p + 1]; ++s)
      if (t.segments[s].begin < key + kKeyTile && t.segments[s].end > key)
        regions |= 1u << t.segments[s].region;
  return regions;
}

/// Part `step` of `n_steps` of what this tile fetches of the next range's key tile, into the second cache:
/// tiles of a strip share a range, and the first of them would wait for memory.
template <class Op>
RW_INLINE void fetch_ahead(const AttentionTile& t, std::int64_t key, unsigned regions, int step,
                           int n_steps) {
  const std::int64_t block = key / kBlockKeys, in_block = key % kBlockKeys;
  const std::int64_t width = t.eight_bits ? 1 : kStoredBytes<Op>;
  const auto fetch = [&](const void* head, std::int64_t dim) __attribute__((always_inline)) {
    if (head == nullptr) return;
    const std::int64_t bytes = kKeyTile * dim * width, part = t.fetch_part * n_steps + step,
                       parts = std::int64_t{t.fetch_parts} * n_steps;
    const char* tile = static_cast<const char*>(head) + in_block * dim * width;
    for (std::int64_t at = bytes * part / parts / 64 * 64; at < bytes * (part + 1) / parts; at += 64)
      __builtin_prefetch(tile + at, 0, 2);
  };
  for (int r = 0; r < t.n_regions; ++r)
    if (regions >> r & 1) fetch(t.k_blocks[r][block], t.head_dim);
  if (regions != 0) fetch(t.v_blocks[block], t.padded_dim);
}

/// The key tile at `key`, one block of rows after the other: a block's scores and weights stay in L1.
template <class Op>
RW_INLINE void key_tile(const AttentionTile& t, std::int64_t key, const Sight& sight, Steps<Op>& steps) {
  const unsigned regions = sight.all;
  if (regions == 0) return steps.finish();  // or two changes of sight could pass a waiting block
  const std::int64_t block = key / kBlockKeys, in_block = key % kBlockKeys;
  RowBlock<Op> b{};
  b.key = key, b.sight = &sight, b.odd = t.odd_values[block];
  for (int r = 0; r < t.n_regions; ++r)
    if (regions >> r & 1) b.keys[r] = tile_elements<Op, false>(t, t.k_blocks[r][block], in_block, r);
  b.values = tile_elements<Op, true>(t, t.v_blocks[block], in_block, key / kKeyTile % 3);
  const int rows = t.n_positions * t.group, n_steps = (rows + Op::kBlockRows - 1) / Op::kBlockRows;
  const std::int64_t ahead = key + kRangeKeys;
  const unsigned next_regions = t.fetch_parts > 0 ? regions_near(t, ahead) : 0;
  for (int row = 0; row < rows; row += Op::kBlockRows) {
    if (t.fetch_parts > 0) fetch_ahead<Op>(t, ahead, next_regions, row / Op::kBlockRows, n_steps);
    b.row = row, b.n_rows = rows - row < Op::kBlockRows ? rows - row : Op::kBlockRows;
    b.regions = sight.all, b.whole = sight.whole;
    if (sight.whole < 0) {
      const int first = row / t.group, last = (row + b.n_rows - 1) / t.group;
      b.regions = 0, b.whole = sight.region[first];
      for (int p = first; p <= last; ++p) {
        b.regions |= sight.regions[p];
        if (sight.region[p] != b.whole) b.whole = kMixed;
      }
    }
    if (b.regions != 0) steps.take(b);
  }
}

static void begin_softmax(const SoftmaxState& state, int rows, int padded_dim) {
  for (int row = 0; row < rows; ++row) state.top[row] = -__builtin_inff();
  for (int e = 0; e < rows * kLanes; ++e) state.total[e] = 0;
  for (int e = 0; e < rows * padded_dim; ++e) state.sum[e] = 0;
}

/// 16 rows or fewer of `more` into `whole`.
static void merge_rows(const SoftmaxMerge& m, int first, int n) {
  const Vec a = load_some(m.whole.top + first, n), b = load_some(m.more->top + first, n), top = maximum(a, b);
  float keep[kLanes], take[kLanes];
  store(keep, exp2_of<false>(a - top));
  store(take, exp2_of<false>(b - top));
  for (int i = 0; i < n; ++i) {
    const int row = first + i;
    if (m.more->top[row] == -__builtin_inff()) continue;  // nothing more was seen
    const Vec keeps = splat(keep[i]), takes = splat(take[i]);
    float* total = m.whole.total + row * kLanes;
    store(total, load(total) * keeps + load(m.more->total + row * kLanes) * takes);
    for (int d = 0; d < m.padded_dim; d += kLanes) {
      float* sum = m.whole.sum + row * m.padded_dim + d;
      store(sum, load(sum) * keeps + load(m.more->sum + row * m.padded_dim + d) * takes);
    }
  }
  store_some(m.whole.top + first, top, n);
}

static void merge_softmax(const SoftmaxMerge& m) {
  for (int row = 0; row < m.rows && m.more != nullptr; row += kLanes)
    merge_rows(m, row, m.rows - row < kLanes ? m.rows - row : kLanes);
  for (int row = 0; row < m.rows && m.out != nullptr; ++row) {
    float total = reduce_add(load(m.whole.total + row * kLanes));
    if (m.sinks != nullptr) {  // capped: more than 2^126 beside the sum is all there is
      float sink[kLanes];
      const float exponent = m.sinks[row % m.group] * 1.44269504f - m.whole.top[row];
      store(sink, exp2_of<false>(minimum(splat(exponent), splat(126.0f))));
      total += sink[0];
    }
    for (int d = 0; d < m.value_dim; ++d) m.out[row][d] = m.whole.sum[row * m.padded_dim + d] / total;
  }
}

template <class Op>
static void attention(const AttentionTile& t) {
  const int rows = t.n_positions * t.group;
  if (t.first_keys) begin_softmax(t.whole, rows, t.padded_dim);
  Sight sights[2];  // a block that waits keeps the one that it was scored with
  int last = 0;
  for (std::int64_t begin = t.key_begin; begin < t.key_end; begin += kRangeKeys) {
    const std::int64_t end = begin + kRangeKeys < t.key_end ? begin + kRangeKeys : t.key_end;
    begin_softmax(t.range, rows, t.padded_dim);
    Steps<Op> steps{t};
    for (std::int64_t key = begin; key < end; key += kKeyTile) {
      if (key + kKeyTile > sights[last].same_until) last = 1 - last, look(t, key, sights[last]);
      key_tile<Op>(t, key, sights[last], steps);
    }
    steps.finish();
    merge_softmax({rows, t.padded_dim, t.padded_dim, t.whole, &t.range, nullptr, nullptr, 1});
  }
}
