// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/linear_backward.h"

#include "core/error.h"

namespace rw::cpu {
namespace {

constexpr Index kSlab = 4 * kGemmInner;                  // inner elements of B that lie in panels at once
constexpr Index kRowsPerPack = 8;                        // of B, that an item packs
constexpr Index kRowsPerGemm = 96, kPanelsPerGemm = 16;  // of c, that an item sums: its parts stay in L2

/// c (n_rows, n_columns) += a b, by slabs of b's rows: all threads pack a slab, then all multiply it. An
/// output is summed by one thread, slab after slab, whatever their number.
struct Sum {
  const float* a;  // as Gemm says
  Index a_stride;
  bool turned;
  float* c;
  Index n_rows, n_columns, n_inner;
  float scale;

  Index n_panels() const { return (n_columns + kLanes - 1) / kLanes; }
  /// rows(first, thread): rows [first, ...) of b, kRowsPerPack of them or the last ones, (n, n_columns).
  template <class Rows>
  void run(Context& context, const Isa& isa, GemmSpace& space, const Rows& rows) const {
    space.threads.resize(static_cast<std::size_t>(context.threads()));
    const Index room = std::min(kSlab, n_inner);
    space.panels.reserve(n_panels() * kLanes * room);
    for (GemmSpace::Thread& thread : space.threads)
      if (turned) thread.packed.reserve(kRowsPerGemm * kGemmInner);
    for (Index first = 0; first < n_inner; first += kSlab) {
      const Index n = std::min(kSlab, n_inner - first);
      context.parallel_for((n + kRowsPerPack - 1) / kRowsPerPack, [&](Index item, int thread) {
        const Index at = item * kRowsPerPack;
        isa.training.gemm_rows({.x = rows(first + at, thread),
                                .stride = n_columns,
                                .n_rows = std::min(kRowsPerPack, n - at),
                                .n_columns = n_columns,
                                .scale = scale,
                                .to = space.panels.data(),
                                .n_inner = n,
                                .inner = at});
      });
      multiply(first, n, context, isa, space);
    }
  }

 private:
  void multiply(Index first, Index n, Context& context, const Isa& isa, GemmSpace& space) const {
    const Index n_row_items = (n_rows + kRowsPerGemm - 1) / kRowsPerGemm,
                n_column_items = (n_panels() + kPanelsPerGemm - 1) / kPanelsPerGemm;
    const Index panels_each = ((n_panels() + n_column_items - 1) / n_column_items + 3) / 4 * 4;
    context.parallel_for(n_row_items * n_column_items, [&](Index item, int thread) {
      const Index row = item / n_column_items * kRowsPerGemm, panel = item % n_column_items * panels_each;
      if (panel >= n_panels()) return;
      isa.training.gemm({.a = turned ? a + first * a_stride + row : a + row * a_stride + first,
                         .a_stride = a_stride,
                         .turned = turned,
                         .b = space.panels.data() + panel * n * kLanes,
                         .b_stride = n * kLanes,
                         .c = c + row * n_columns + panel * kLanes,
                         .c_stride = n_columns,
                         .n_rows = std::min(kRowsPerGemm, n_rows - row),
                         .n_columns = std::min(panels_each * kLanes, n_columns - panel * kLanes),
                         .n_inner = n,
                         .packed = space.threads[static_cast<std::size_t>(thread)].packed.data()});
    });
  }
};

}  // namespace

void linear_input(const float* dy, Index n_rows, const Matrix& w, float scale, float* dx, Context& context,
                  const Isa& isa, GemmSpace& space) {
  const StoredMatrix& m = stored(w);
  RW_CHECK(&m.isa == &isa);
  space.threads.resize(static_cast<std::size_t>(context.threads()));
  for (GemmSpace::Thread& thread : space.threads) thread.widened.reserve(kRowsPerPack * m.n_in);
  const Sum sum{.a = dy,
                .a_stride = m.n_out,
                .turned = false,
                .c = dx,
                .n_rows = n_rows,
                .n_columns = m.n_in,
                .n_inner = m.n_out,
                .scale = scale};
  sum.run(context, isa, space, [&](Index first, int thread) {
    float* rows = space.threads[static_cast<std::size_t>(thread)].widened.data();
    for (Index r = first; r < std::min(first + kRowsPerPack, m.n_out); ++r)
      m.kernels.widen(m.row(r), m.n_in, rows + (r - first) * m.n_in);
    return static_cast<const float*>(rows);
  });
}

void linear_weight(const float* dy, const float* x, Index n_rows, Index n_out, Index n_in, float scale,
                   float* dw, Context& context, const Isa& isa, GemmSpace& space) {
  const Sum sum{.a = dy,
                .a_stride = n_out,
                .turned = true,
                .c = dw,
                .n_rows = n_out,
                .n_columns = n_in,
                .n_inner = n_rows,
                .scale = scale};
  sum.run(context, isa, space, [&](Index first, int) { return x + first * n_in; });
}

}  // namespace rw::cpu
