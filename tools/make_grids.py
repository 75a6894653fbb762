#!/usr/bin/env python3
"""Writes the grids of the IQ formats (facts of the file format) from the `gguf` package: src/quant/grids.h.
Needs: pip install numpy gguf.   Run: tools/make_grids.py > src/quant/grids.h"""
from gguf import quants

NAMES = {"IQ2_XXS": 2, "IQ2_XS": 2, "IQ2_S": 2, "IQ3_XXS": 3, "IQ3_S": 3, "IQ1_S": 2}  # bits of a coordinate
print("""// SPDX-License-Identifier: Apache-2.0
/// The grids of the IQ formats: points of 8 or 4 weights, of which a file holds indices. Written by
/// tools/make_grids.py: coordinate i of a point is the level of its bits 2 i (3 i, of IQ3).
// (no include guard: each instruction set compiles its own copy)

/// Points of eight or four bytes, made when this is compiled.
template <class Point, int n>
struct Grid {
  Point at[n];
  template <int kLevels>
  constexpr Grid(const std::uint16_t (&packed)[n], const std::int8_t (&levels)[kLevels]) : at() {
    constexpr int kBits = sizeof(Point) == 8 ? 2 : 3;
    for (int p = 0; p < n; ++p)
      for (int i = 0; i < static_cast<int>(sizeof(Point)); ++i)
        at[p] |= static_cast<Point>(static_cast<std::uint8_t>(levels[packed[p] >> kBits * i & ((1 << kBits) - 1)]))
                 << 8 * i;
  }
};
""")
for name, bits in NAMES.items():
    kind = getattr(quants, name)
    kind.init_grid()
    points = kind.grid.reshape(kind.grid_shape)
    levels = [int(level) for level in kind.grid_map]
    packed = [sum(levels.index(int(x)) << bits * i for i, x in enumerate(point)) for point in points]
    values = [8 * x for x in levels] if name == "IQ1_S" else levels  # eighths, so that its deltas are whole
    print(f"struct GridOf{name} {{")
    print(f"static constexpr std::uint16_t kPoints[{len(packed)}] = {{{', '.join(map(str, packed))}}};")
    print(f"static constexpr std::int8_t kLevels[] = {{{', '.join(map(str, values))}}};")
    print(f"static constexpr Grid<std::uint{8 * points.shape[1]}_t, {len(packed)}> kGrid{{kPoints, kLevels}};\n}};\n")
