// SPDX-License-Identifier: Apache-2.0
/// Products in the machine's tiles, of rows that lie in tiles themselves: 1 KiB each, read from end to end,
/// which the processor fetches ahead (rows at a stride it does not: half the speed). Included by isa_amx.cpp.
// (no include guard: each instruction set compiles its own copy)

/// Rows [i, i + 32) or fewer times one panel or two, n of the inner elements from k on: c (+)= x w^T.
template <bool kTwoPanels>
RW_INLINE void tile_rows(const Product& p, const std::uint16_t* w, std::int64_t i, std::int64_t k,
                         std::int64_t n, bool add, float* c, std::int64_t ldc) {
  const Tiles::Layout layout{Tiles::kDepth, 16 * Tiles::kDepth, 16 * p.n_in};
  Tiles::block_of_rows<kTwoPanels>(p.n_rows - i, static_cast<const std::uint16_t*>(p.x) + i * p.n_in + k * 16,
                                   layout, w + k * 16, layout, add, c, ldc, n);
}

/// One panel or two for all rows. The inner dimension goes in parts, so that a part of the panels stays in L1
/// while rows pass; sums wait in y, or in a buffer where something is added or other outputs follow the last
/// panel's.
template <bool kTwoPanels>
static void tile_panels(const Product& p, std::int64_t panel) {
  constexpr std::int64_t kWidth = kTwoPanels ? 32 : 16, kPart = 320, kRows = 256;
  const std::uint16_t* w = static_cast<const std::uint16_t*>(p.w) + panel * p.n_in * 16;
  const std::int64_t o = panel * 16, width = p.n_out - o < kWidth ? p.n_out - o : kWidth;
  const bool direct = p.bias == nullptr && !p.add && p.scale == 1 && width == kWidth;
  const std::int64_t n_parts = (p.n_in + kPart - 1) / kPart;
  const std::int64_t part = (p.n_in / kTileWidth + n_parts - 1) / n_parts * kTileWidth;
  alignas(64) float c[kRows * kWidth];
  for (std::int64_t first = 0; first < p.n_rows; first += kRows) {
    const std::int64_t end = p.n_rows - first < kRows ? p.n_rows : first + kRows;
    float* y = p.y + first * p.y_stride + o;
    float* to = direct ? y : c;
    const std::int64_t stride = direct ? p.y_stride : kWidth;
    for (std::int64_t k = 0; k < p.n_in; k += part)
      for (std::int64_t i = first; i < end; i += 32)
        tile_rows<kTwoPanels>(p, w, i, k, p.n_in - k < part ? p.n_in - k : part, k > 0,
                              to + (i - first) * stride, stride);
    if (!direct) put_block(p, c, kWidth, end - first, o, width, y);
  }
}

static void product_in_tiles(const Product& p) {
  if (p.x_tiled) {
    std::int64_t panel = p.panel_begin;
    for (; panel + 2 <= p.panel_end; panel += 2) tile_panels<true>(p, panel);
    if (panel < p.panel_end) tile_panels<false>(p, panel);
  } else {
    product<Tiles>(p);
  }
  release();
}
