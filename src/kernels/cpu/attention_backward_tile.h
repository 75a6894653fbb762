// SPDX-License-Identifier: Apache-2.0
/// Attention backward of one tile of rows, written once. For each tile of keys, from the scores S = q k^T
/// and the log-sum-exp of the forward: P = e^(S - lse), dP = d_out v^T, dS = P (dP - <d_out, out>); then
/// dV += P^T d_out, dK += dS^T q, dQ += dS k. Where a tile of keys lies wholly in one region for all rows
/// that is five products; where rows see parts of it, or several regions, each product is cut to what they
/// see, and S, dK and dQ are made for each region.
// (no include guard: each instruction set compiles its own copy)

constexpr int kTileVecs = kKeyTile / kLanes;

/// A tile of rows against one tile of keys.
struct BackwardStep {
  const BackwardTile& t;
  const float* delta;  // (n_rows): <d_out, out>
  std::int64_t key;    // the tile's first
  RW_MEMBER float* scores(int region, int row) const {
    return t.scores + (static_cast<std::int64_t>(region) * kTileRows + row) * kKeyTile;
  }
  /// Slot n_regions: of all regions together.
  RW_MEMBER float* d_scores(int region, int row) const {
    return t.d_scores + (static_cast<std::int64_t>(region) * kTileRows + row) * kKeyTile;
  }
  RW_MEMBER float* weights(int row) const { return t.weights + row * kKeyTile; }
};

RW_INLINE void zero(float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) store(x + i, splat(0.0f));
}

/// A dimension of keys or of values, and what it takes in whole vectors.
struct BackwardWidth {
  int dim, padded;
};
RW_INLINE BackwardWidth of_keys(const BackwardTile& t) { return {t.head_dim, t.padded_dim}; }
RW_INLINE BackwardWidth of_values(const BackwardTile& t) { return {t.value_dim, t.padded_value}; }

/// scores (n_rows, kKeyTile), vectors [begin, end) of them = rows (n_rows, padded) times turned keys or
/// values.
RW_INLINE void scores_of(BackwardWidth width, const float* rows, int n_rows, const float* turned, int begin,
                         int end, float* scores) {
  const std::int64_t group = std::int64_t{kLanes} * width.dim;
  gemm_block<false, false>(n_rows, end - begin, std::int64_t{kSingleRows} * width.padded,
                           {rows, width.padded, turned + begin * group, group, kLanes, width.dim},
                           scores + begin * kLanes, kKeyTile);
}

/// to (n_keys, padded) += weights^T rows: weights (n_rows, kKeyTile).
RW_INLINE void add_to_keys(BackwardWidth width, const float* weights, const float* rows, int n_rows,
                           int n_keys, float* to) {
  gemm_block<true>(n_keys, width.padded / kLanes, kSingleRows,
                   {weights, kKeyTile, rows, kLanes, width.padded, n_rows}, to, width.padded);
}

/// to (n_rows, padded_dim) += weights keys: weights (n_rows, kKeyTile), n_keys of them.
RW_INLINE void add_to_rows(const BackwardTile& t, const float* weights, int n_rows, const float* keys,
                           int n_keys, float* to) {
  gemm_block<false>(n_rows, t.padded_dim / kLanes, std::int64_t{kSingleRows} * kKeyTile,
                    {weights, kKeyTile, keys, kLanes, t.padded_dim, n_keys}, to, t.padded_dim);
}

/// Scores of one row become their capped ones.
RW_INLINE void cap_row(float* scores, float cap) {
  const Vec caps = splat(cap), inverse = splat(1.0f / cap);
  for (int z = 0; z < kTileVecs; ++z)
    store(scores + z * kLanes, capped(load(scores + z * kLanes), caps, inverse));
}

/// P and dS of a row from its scores s (capped, -inf where it sees nothing) and its dP, which dS takes the
/// place of. kSome: some keys are not seen, and what stands for them may be no number.
template <bool kSome>
RW_INLINE void weigh_row(const BackwardStep& b, int row, const float* s, float* weights, float* d) {
  constexpr int kTogether = 4 / kParts;  // as many as registers hold
  const Vec lse = splat(b.t.lse[row * b.t.lse_stride] * 1.44269504f), delta = splat(b.delta[row]);
  const Vec inverse = splat(b.t.soft_cap > 0 ? 1.0f / b.t.soft_cap : 0.0f), nothing = splat(0.0f);
  RW_UNROLL for (int z = 0; z < kTileVecs; z += kTogether) {
    Vec p[kTogether];
    RW_UNROLL for (int i = 0; i < kTogether; ++i) p[i] = load(s + (z + i) * kLanes) - lse;
    exp2_each<false>(p);
    RW_UNROLL for (int i = 0; i < kTogether; ++i) {
      const std::int64_t at = (z + i) * kLanes;
      Vec ds = p[i] * (load(d + at) - delta);
      if (b.t.soft_cap > 0) {
        const Vec part = load(s + at) * inverse;
        ds = ds * (splat(1.0f) - part * part);
      }
      if constexpr (kSome) ds = where_positive(p[i], ds, nothing);
      store(weights + at, p[i]);
      store(d + at, ds);
    }
  }
}

/// All rows see the whole tile through one region.
static void whole_step(const BackwardStep& b, int region) {
  const BackwardTile& t = b.t;
  const BackwardRegion& r = t.regions[region];
  float *scores = b.scores(0, 0), *d = b.d_scores(0, 0), *weights = b.weights(0);
  scores_of(of_keys(t), r.q, t.n_rows, r.turned + (b.key - r.first) * t.head_dim, 0, kTileVecs, scores);
  scores_of(of_values(t), t.rows, t.n_rows, t.values_turned + (b.key - t.values_first) * t.value_dim, 0,
            kTileVecs, d);
  for (int row = 0; row < t.n_rows; ++row) {
    if (t.soft_cap > 0) cap_row(scores + row * kKeyTile, t.soft_cap);
    weigh_row<false>(b, row, scores + row * kKeyTile, weights + row * kKeyTile, d + row * kKeyTile);
  }
  add_to_keys(of_values(t), weights, t.rows, t.n_rows, kKeyTile,
              t.d_values + (b.key - t.d_values_first) * t.padded_value);
  add_to_keys(of_keys(t), d, r.q, t.n_rows, kKeyTile, r.d_keys + (b.key - r.d_first) * t.padded_dim);
  add_to_rows(t, d, t.n_rows, r.keys + (b.key - r.first) * t.padded_dim, kKeyTile, r.d_q);
}

/// A range that grows to hold others.
struct Span {
  int begin = kKeyTile + kTileRows, end = 0;
  RW_MEMBER void hold(int from, int to) { begin = from < begin ? from : begin, end = to > end ? to : end; }
  RW_MEMBER bool any() const { return begin < end; }
};

/// The keys of the tile that rows [row, row + n_rows) see through each region, [n_regions]: through any; and
/// the rows that see some of each vector of keys.
struct SeenKeys {
  Span keys[kMaxRegions + 1];
};
struct SeenRows {
  Span rows[kMaxRegions + 1][kTileVecs];
};

/// body(segment, begin, end) for the segments of a row that reach into the tile, and the keys in the tile.
template <class F>
RW_INLINE void for_segments(const BackwardStep& b, int row, F body) {
  for (std::int64_t s = b.t.segment_begin[row]; s < b.t.segment_begin[row + 1]; ++s) {
    const TileSegment& segment = b.t.segments[s];
    const std::int64_t begin = segment.begin - b.key, end = segment.end - b.key;
    if (begin >= kKeyTile || end <= 0) continue;
    body(segment.region, static_cast<int>(begin > 0 ? begin : 0),
         static_cast<int>(end < kKeyTile ? end : kKeyTile));
  }
}

/// P and dS of a row that may see parts of the tile and several regions; `regions`: bits of those of the
/// tile.
static void weigh_mixed(const BackwardStep& b, int row, unsigned regions) {
  const BackwardTile& t = b.t;
  float seen[kKeyTile];
  const float nothing = -__builtin_inff();
  Vec all[kTileVecs];
  for (int z = 0; z < kTileVecs; ++z) all[z] = splat(nothing);
  for_segments(
      b, row, [&](int region, int begin, int end) __attribute__((always_inline)) {
        const float* from = b.scores(region, row);
        for (int z = 0; z < kTileVecs; ++z)
          all[z] = lanes_between(begin - z * kLanes, end - z * kLanes, load(from + z * kLanes), all[z]);
      });
  for (int z = 0; z < kTileVecs; ++z) store(seen + z * kLanes, all[z]);
  float* d = b.d_scores(t.n_regions, row);
  weigh_row<true>(b, row, seen, b.weights(row), d);
  if ((regions & (regions - 1)) == 0) return;  // the tile has one region: its dS is that of all
  for (unsigned left = regions; left != 0; left &= left - 1)
    zero(b.d_scores(__builtin_ctz(left), row), kKeyTile);
  for_segments(
      b, row, [&](int region, int begin, int end) __attribute__((always_inline)) {
        float* to = b.d_scores(region, row);
        for (int z = 0; z < kTileVecs; ++z)
          store(to + z * kLanes, lanes_between(begin - z * kLanes, end - z * kLanes, load(d + z * kLanes),
                                               load(to + z * kLanes)));
      });
}

/// to += weights^T rows of a tile of which each vector of keys is seen by some rows only.
RW_INLINE void add_seen_to_keys(BackwardWidth width, const float* weights, const float* rows,
                                const Span (&seen)[kTileVecs], float* to) {
  const std::int64_t dim = width.padded;
  for (int z = 0; z < kTileVecs; ++z) {
    if (!seen[z].any()) continue;
    const int first = seen[z].begin;
    add_to_keys(width, weights + first * kKeyTile + z * kLanes, rows + first * dim, seen[z].end - first,
                kLanes, to + z * kLanes * dim);
  }
}

/// Rows [row, row + n) of the tile, what they see of it: S, dP, P, dS, and dQ.
RW_INLINE void mixed_rows(const BackwardStep& b, int row, int n, unsigned regions, SeenRows& seen_rows) {
  const BackwardTile& t = b.t;
  SeenKeys seen;
  for (int i = row; i < row + n; ++i)
    for_segments(
        b, i, [&](int region, int begin, int end) __attribute__((always_inline)) {
          seen.keys[region].hold(begin, end), seen.keys[t.n_regions].hold(begin, end);
          for (int z = begin / kLanes; z < (end + kLanes - 1) / kLanes; ++z) {
            seen_rows.rows[region][z].hold(row, row + n);
            seen_rows.rows[t.n_regions][z].hold(row, row + n);
          }
        });
  const auto vecs = [](const Span& keys, auto body) __attribute__((always_inline)) {
    body(keys.begin / kLanes, (keys.end + kLanes - 1) / kLanes);
  };
  const Span& any = seen.keys[t.n_regions];
  if (any.any())
    vecs(any, [&](int begin, int end) {
      scores_of(of_values(t), t.rows + row * t.padded_value, n,
                t.values_turned + (b.key - t.values_first) * t.value_dim, begin, end,
                b.d_scores(t.n_regions, row));
    });
  for (int region = 0; region < t.n_regions; ++region) {
    if (!seen.keys[region].any()) continue;
    const BackwardRegion& r = t.regions[region];
    vecs(seen.keys[region], [&](int begin, int end) {
      scores_of(of_keys(t), r.q + row * t.padded_dim, n, r.turned + (b.key - r.first) * t.head_dim, begin,
                end, b.scores(region, row));
    });
    for (int i = row; i < row + n && t.soft_cap > 0; ++i) cap_row(b.scores(region, i), t.soft_cap);
  }
  for (int i = row; i < row + n; ++i) weigh_mixed(b, i, regions);
  const bool one = (regions & (regions - 1)) == 0;
  for (int region = 0; region < t.n_regions; ++region) {
    const Span& keys = seen.keys[region];
    if (!keys.any()) continue;
    const BackwardRegion& r = t.regions[region];
    add_to_rows(t, b.d_scores(one ? t.n_regions : region, row) + keys.begin, n,
                r.keys + (b.key + keys.begin - r.first) * t.padded_dim, keys.end - keys.begin,
                r.d_q + row * t.padded_dim);
  }
}

/// Rows see parts of the tile, or several regions.
static void mixed_step(const BackwardStep& b, unsigned regions) {
  const BackwardTile& t = b.t;
  SeenRows seen;
  for (int row = 0; row < t.n_rows; row += kSingleRows)
    mixed_rows(b, row, t.n_rows - row < kSingleRows ? t.n_rows - row : kSingleRows, regions, seen);
  add_seen_to_keys(of_values(t), b.weights(0), t.rows, seen.rows[t.n_regions],
                   t.d_values + (b.key - t.d_values_first) * t.padded_value);
  const bool one = (regions & (regions - 1)) == 0;
  for (int region = 0; region < t.n_regions; ++region) {
    if ((regions >> region & 1) == 0) continue;
    const BackwardRegion& r = t.regions[region];
    add_seen_to_keys(of_keys(t), b.d_scores(one ? t.n_regions : region, 0), r.q, seen.rows[region],
                     r.d_keys + (b.key - r.d_first) * t.padded_dim);
  }
}

static void attention_backward(const BackwardTile& t) {
  float delta[kTileRows];
  for (int row = 0; row < t.n_rows; ++row) {
    Vec sum = splat(0.0f);
    for (int d = 0; d < t.value_dim; d += kLanes) {
      const Vec part = load_some(t.d_out + row * t.stride + d, t.value_dim - d);
      store(t.rows + row * t.padded_value + d, part);
      sum = sum + part * load_some(t.out + row * t.stride + d, t.value_dim - d);
    }
    delta[row] = reduce_add(sum);
  }
  AttentionTile rows{};  // as look reads it: each row is a position
  rows.n_positions = t.n_rows, rows.segment_begin = t.segment_begin, rows.segments = t.segments;
  Sight sight;
  for (std::int64_t key = t.key_begin; key < t.key_end; key += kKeyTile) {
    if (key + kKeyTile > sight.same_until) look(rows, key, sight);
    if (sight.all == 0) continue;
    const BackwardStep step{t, delta, key};
    if (sight.whole >= 0)
      whole_step(step, sight.whole);
    else
      mixed_step(step, sight.all);
  }
}
