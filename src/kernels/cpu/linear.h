// SPDX-License-Identifier: Apache-2.0
/// Products of activations with weight matrices, which stay as their file stores them.
#pragma once
#include "core/buffer.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernels.h"

namespace rw::cpu {

struct LinearRun;
std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision, const Isa& isa);
/// As Backend::linear and Backend::feed_forward say.
void linear(const Input& input, std::span<const Output> outputs, Stage stage, const LinearRun& run);
void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add, Stage stage,
                  const LinearRun& run);
/// As Backend::experts says.
void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage, const LinearRun& run);

/// y (dim) = x (dim), row `row` of those that `norm` normalises.
inline void norm_row(const Isa& isa, const Norm& norm, Index row, Index dim, const float* x, float* y) {
  const Index at = row % norm.n_weights * dim;
  isa.norm(x, dim,
           {norm.kind, norm.weight != nullptr ? norm.weight + at : nullptr,
            norm.bias != nullptr ? norm.bias + at : nullptr, norm.eps},
           y);
}

// ---- for prefill.cpp and decode.cpp

struct StoredMatrix final : Matrix {
  explicit StoredMatrix(const Isa& set) : isa(set) {}
  const Isa& isa;  // that products take
  WeightRows stored;
  Precision precision = Precision::kBf16;
  WeightKernels kernels = {};
  bool bf16() const { return precision == Precision::kBf16; }
  Index n_panels() const { return (n_out + kLanes - 1) / kLanes; }
  /// Whether products with precision p read pairs of bfloat16.
  static bool in_pairs(Precision p, const Isa& isa) { return p == Precision::kBf16 && !isa.wide_bf16; }
  /// Numbers of a row of `width` as products read it: whole pairs.
  static Index padded(Index width, Precision p, const Isa& isa) {
    return in_pairs(p, isa) ? (width + 1) / 2 * 2 : width;
  }
  Index padded_in() const { return padded(n_in, precision, isa); }
  const std::uint8_t* row(Index r) const { return reinterpret_cast<const std::uint8_t*>(stored.row(r)); }
};
const StoredMatrix& stored(const Matrix& matrix);

/// Where rows [begin, end) of a matrix lie, as kernels take them.
template <int kMost>
struct RowPointers {
  const std::uint8_t* rows[kMost];
  RowPointers(const StoredMatrix& w, Index begin, Index end) {
    for (Index r = begin; r < end; ++r) rows[r - begin] = w.row(r);
  }
};

/// x (n) = act(x) * up (n), or act(x) where up is null.
inline void activate(const Isa& isa, Activation activation, float* x, const float* up, Index n) {
  isa.activate[static_cast<int>(activation)](x, up, n);
}

/// Buffers of one thread, grown once and reused.
struct LinearScratch {
  Buffer<std::byte> panels[2];  // of an item
  Buffer<float> gate, up;
};

/// Rows that one part of a mixture of experts computes: slots [begin, end) of the call's.
struct ExpertRows {
  const FeedForward* part = nullptr;
  Index begin = 0, end = 0;
  Index n() const { return end - begin; }
};
/// A row that an expert computes, and its weight in the row's sum.
struct ExpertSlot {
  Index row = 0;
  float weight = 0;
};

/// Buffers of a call, grown once and reused.
struct Workspace {
  Buffer<float> normed, gate, up;
  Buffer<std::byte> rounded, hidden;  // (n_rows, padded_in), as products read rows
  Buffer<std::int8_t> q;              // of quantised rows
  Buffer<std::int32_t> balance;
  Buffer<float> factors;
  std::vector<QuantisedRow> quantised;
  std::vector<LinearScratch> threads;
  // of a mixture of experts
  Buffer<float> logits, gathered;            // (n_rows, n_experts + 1), (slots, n_in)
  std::vector<std::vector<Choice>> choices;  // of each row
  std::vector<ExpertRows> experts;           // those that some row chose, in the order of their sums
  std::vector<ExpertSlot> slots;             // in the order of experts and rows
};

/// What a call works with.
struct LinearRun {
  Context& context;
  const Isa& isa;
  Workspace& space;
};

// ---- for prefill.cpp and decode.cpp

/// The rows (n_rows, n_in), normalised where asked for: in space.normed, else where they are.
const float* normed_rows(const Input& input, Index n_in, const LinearRun& run);

/// Calls body(output, item, thread) for items [0, items_of(output)) of every output, on all threads.
template <class ItemsOf, class Body>
void parallel_outputs(Context& context, std::span<const Output> outputs, const ItemsOf& items_of,
                      const Body& body) {
  Index n_items = 0;
  for (const Output& output : outputs) n_items += items_of(output);
  context.parallel_for(n_items, [&](Index item, int thread) {
    const Output* output = outputs.data();
    for (; item >= items_of(*output); ++output) item -= items_of(*output);
    body(*output, item, thread);
  });
}

void prefill_linear(const Input& input, std::span<const Output> outputs, const LinearRun& run);
void prefill_feed_forward(const Input& input, const FeedForward& layer, const Output& down,
                          const LinearRun& run);
void decode_linear(const Input& input, std::span<const Output> outputs, const LinearRun& run);
void decode_feed_forward(const Input& input, const FeedForward& layer, const Output& down,
                         const LinearRun& run);

/// y (n_rows, n_out) (+)= the sums over space.experts of x (n_rows, n_in).
void prefill_experts(const float* x, Index n_rows, float* y, bool add, const LinearRun& run);
void decode_experts(const float* x, Index n_rows, float* y, bool add, const LinearRun& run);

}  // namespace rw::cpu
