// SPDX-License-Identifier: Apache-2.0
/// Attention in the machine's tiles, which work beside the vector units: while one block's softmax runs, the
/// next block's scores are made and the values of the one before are added. They are interleaved by hand: the
/// processor looks ahead some 500 operations, and a softmax of 16 rows has twice as many. On one core of a
/// Sapphire Rapids a block of 16 rows x 64 keys took 1,500 cycles one thing after the other, and takes 900
/// so. It also keeps stores and the tile loads that read them apart, which wait until a store has left its
/// buffer. (Beside tiles, vector units make one multiply-add a cycle, not two: see exp2_each.) Included by
/// isa_amx.cpp.
// (no include guard: each instruction set compiles its own copy)

/// A block that is scored, or whose softmax is done too.
struct Pending {
  RowBlock<Tiles> block = {};
  bool any = false;
  int region = 0;  // of the scores that are interleaved: the lowest that some row sees
};

/// The scores of 16 rows q and 16 keys k of kDim dims, summed in tile 0: dims 64 step to 64 step + 31, and
/// the 32 behind them.
template <int kDim>
RW_INLINE void score_even(const std::uint16_t* q, const std::uint16_t* k, int step) {
  _tile_loadd(4, q + 64 * step, kDim * 2);
  _tile_loadd(6, k + 1024 * step, 64);
  _tile_dpbf16ps(0, 4, 6);
}
template <int kDim>
RW_INLINE void score_odd(const std::uint16_t* q, const std::uint16_t* k, int step) {
  _tile_loadd(5, q + 64 * step + 32, kDim * 2);
  _tile_loadd(7, k + 1024 * step + 512, 64);
  _tile_dpbf16ps(0, 5, 7);
}

/// Tile 1 = 16 dims of the sums `to`, and the values v of 64 keys added, times the weights of tiles 2 and 3:
/// the first 32 keys, then the others.
template <int kDim>
RW_INLINE void begin_values(const std::uint16_t* v, const float* to) {
  _tile_loadd(1, to, kDim * 4);
  _tile_loadd(6, v, kDim * 4);
  _tile_dpbf16ps(1, 2, 6);
}
template <int kDim>
RW_INLINE void end_values(const std::uint16_t* v) {
  _tile_loadd(7, v + 32 * kDim, kDim * 4);
  _tile_dpbf16ps(1, 3, 7);
}

/// 16 rows, 32 * kSteps dims. Rows of `now` are four parts of four; each takes 16 of the keys of `next` and a
/// quarter of the dims of the values of `before` along. Tiles: 0 scores, 1 sums, 2-3 weights, 4-5 q, 6-7 k or
/// v.
template <int kSteps, bool kWhole>
static __attribute__((noinline)) void overlapped(const AttentionTile& t, const Pending& scored,
                                                 const Pending& now, const Pending& before) {
  const RowBlock<Tiles>& next = scored.block;
  const int region = scored.region;
  constexpr int kDim = 32 * kSteps;
  const std::uint16_t* q =
      static_cast<const std::uint16_t*>(t.q[region]) + static_cast<std::int64_t>(next.row) * kDim;
  float* sum = t.range.sum + static_cast<std::int64_t>(before.block.row) * kDim;
  const bool values = before.any;
  RowPosition position(kWhole ? 0 : now.block.row, kWhole ? 1 : t.group);
  const auto rows = [&](int i) __attribute__((always_inline)) {
    if constexpr (kWhole)
      softmax_row<Tiles>(t, now.block.row + i, now.block.row_scores(now.region, i),
                         now.block.weights + i * kKeyTile);
    else
      softmax_seen(t, now.block, i, position.next());
  };
  __asm__ volatile("" ::: "memory");  // GCC's tile loads do not say that they read memory
  if (values) {
    _tile_loadd(2, before.block.weights, kKeyTile * 2);
    _tile_loadd(3, before.block.weights + 32, kKeyTile * 2);
  }
  for (int part = 0; part < 4; ++part) {
    const std::uint16_t* k = next.keys[region] + part * 16 * kDim;
    _tile_zero(0);
    score_even<kDim>(q, k, 0);
    if constexpr (kSteps > 2) score_odd<kDim>(q, k, 0);
    rows(4 * part);
    if constexpr (kSteps == 2) score_odd<kDim>(q, k, 0);
    if constexpr (kSteps > 2) score_even<kDim>(q, k, 1), score_odd<kDim>(q, k, 1);
    rows(4 * part + 1);
    const std::uint16_t* v = before.block.values + 32 * part;
    float* to = sum + 16 * part;
    if (values) begin_values<kDim>(v, to);
    if (kSteps > 2 && values) end_values<kDim>(v);
    rows(4 * part + 2);
    if (kSteps > 2 && values) {
      _tile_stored(1, to, kDim * 4);
      v += 128, to += 64;
      begin_values<kDim>(v, to);
    }
    if (values) end_values<kDim>(v);
    rows(4 * part + 3);
    _tile_stored(0, next.row_scores(region, 0) + 16 * part, static_cast<int>(next.score_stride * 4));
    if (values) _tile_stored(1, to, kDim * 4);
  }
  __asm__ volatile("" ::: "memory");
}

template <>
struct Steps<Tiles> {
  const AttentionTile& t;
  Pending pending[3] = {};  // by turns: the block that is scored now, the one before, and the one before that
  int turn = 0;

  RW_MEMBER void take(RowBlock<Tiles>& block) {
    // Two blocks' rows lie beside each other: a load whose address ends like a store's (12 bits) waits for
    // it.
    block.score_stride = 2 * kKeyTile;
    block.scores = t.scores + turn % 2 * kKeyTile;
    block.weights = static_cast<std::uint16_t*>(t.weights) + turn % 2 * Tiles::kBlockRows * kKeyTile;
    // (A soft-cap would have to be interleaved too.)
    if (block.n_rows < 16 || block.odd || t.soft_cap > 0 || t.padded_dim != t.head_dim ||
        (t.head_dim != 64 && t.head_dim != 128)) {
      finish();
      return whole_block(t, block);
    }
    Pending &next = of(0), &now = of(1), &before = of(2);
    next = {block, true, __builtin_ctz(block.regions)};
    if (!now.any) {
      score(t, block, block.regions);
    } else {
      score(t, block, block.regions & (block.regions - 1));
      if (before.any && before.block.row == now.block.row) add_values(t, before.block), before.any = false;
      configure(16, 16);
      const bool whole = now.block.whole >= 0;
      if (t.head_dim == 64)
        (whole ? overlapped<2, true> : overlapped<2, false>)(t, next, now, before);
      else
        (whole ? overlapped<4, true> : overlapped<4, false>)(t, next, now, before);
    }
    before.any = false;
    turn = (turn + 1) % 6;
  }
  RW_MEMBER void finish() {
    Pending &now = of(1), &before = of(2);
    if (before.any) add_values(t, before.block);
    if (now.any) {
      softmax(t, now.block);
      add_values(t, now.block);
    }
    before.any = now.any = false;
  }

 private:
  RW_MEMBER Pending& of(int blocks_ago) { return pending[(turn + 3 - blocks_ago) % 3]; }
};
