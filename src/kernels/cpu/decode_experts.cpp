// SPDX-License-Identifier: Apache-2.0
/// Experts of a few rows: the products of all experts that a row chose are made side by side.
#include <array>

#include "kernels/cpu/decode.h"

namespace rw::cpu {
namespace {

/// Outputs [begin, end) of a matrix of a group.
struct DotItem {
  const ExpertRows* rows;
  const StoredMatrix* w;
  const float* bias;
  float* y;  // (rows->n(), w->n_out)
  Index begin, end;
};

/// Whether some of the matrices that `pick` takes of each group are read in bytes, or else as floats.
template <class Pick>
bool any_reads(bool bytes, const LinearRun& run, const Pick& pick) {
  for (const ExpertRows& rows : run.space.experts)
    for (const Matrix* w : pick(*rows.part))
      if (w != nullptr && in_bytes(stored(*w)) == bytes) return true;
  return false;
}
std::array<const Matrix*, 2> of_hidden(const FeedForward& part) { return {part.gate, part.up}; }
std::array<const Matrix*, 1> of_sum(const FeedForward& part) { return {part.down}; }

/// Items of all gates and ups, whose outputs lie in space.gate and space.up, group behind group.
std::vector<DotItem> hidden_items(const LinearRun& run) {
  Index n_hidden = 0, n_outputs = 0;
  for (const ExpertRows& rows : run.space.experts) {
    n_hidden += rows.n() * rows.part->up->n_out;
    n_outputs += rows.part->up->n_out * (rows.part->gate != nullptr ? 2 : 1);
  }
  const Index each = outputs_of_item(n_outputs, run.context.threads());
  run.space.gate.reserve(n_hidden), run.space.up.reserve(n_hidden);
  std::vector<DotItem> items;
  Index at = 0;
  for (const ExpertRows& rows : run.space.experts) {
    const FeedForward& part = *rows.part;
    float *h = run.space.gate.data() + at, *u = run.space.up.data() + at;
    const auto push = [&](const Matrix& w, const float* bias, float* y) {
      for (Index begin = 0; begin < w.n_out; begin += each)
        items.push_back({&rows, &stored(w), bias, y, begin, std::min(w.n_out, begin + each)});
    };
    if (part.gate != nullptr) push(*part.gate, part.gate_bias, h);
    push(*part.up, part.up_bias, part.gate != nullptr ? u : h);
    at += rows.n() * part.up->n_out;
  }
  return items;
}

/// Rows of slots side by side, for weights that are read as floats.
void gather_rows(const float* x, Index n_in, const LinearRun& run) {
  Buffer<float>& to = run.space.gathered;
  to.reserve(static_cast<Index>(run.space.slots.size()) * n_in);
  for (std::size_t s = 0; s < run.space.slots.size(); ++s)
    std::copy_n(x + run.space.slots[s].row * n_in, n_in, to.data() + static_cast<Index>(s) * n_in);
}

/// space.gate = the hidden layers of all slots.
void make_hidden_of_slots(const float* x, Index n_rows, const LinearRun& run) {
  const Index n_in = run.space.experts[0].part->up->n_in;
  std::vector<QuantisedRow> quantised(run.space.slots.size());  // rows of slots
  if (any_reads(true, run, of_hidden)) {
    quantise_rows(
        n_rows, n_in, [&](Index r) { return std::pair(x + r * n_in, n_in); }, run);
    for (std::size_t s = 0; s < quantised.size(); ++s)
      quantised[s] = run.space.quantised[static_cast<std::size_t>(run.space.slots[s].row)];
  }
  if (any_reads(false, run, of_hidden)) gather_rows(x, n_in, run);
  const float* gathered = run.space.gathered.data();
  const std::vector<DotItem> items = hidden_items(run);
  run.context.parallel_for(static_cast<Index>(items.size()), [&](Index i, int) {
    const DotItem& item = items[static_cast<std::size_t>(i)];
    dot(*item.w, item.begin, item.end,
        {item.rows->n(), quantised.data() + item.rows->begin,
         in_bytes(*item.w) ? nullptr : gathered + item.rows->begin * n_in},
        item.bias, item.y + item.begin, item.w->n_out, false, 1);
  });
}

/// Hidden layers as space.gate holds them: where each group's begin, and each slot's row.
struct Hidden {
  std::vector<float*> groups;
  std::vector<std::pair<const float*, Index>> slots;
  Index widest = 0;
};

Hidden hidden_layers(const LinearRun& run) {
  Hidden hidden;
  float* h = run.space.gate.data();
  for (const ExpertRows& rows : run.space.experts) {
    const Index d_ff = rows.part->up->n_out;
    hidden.groups.push_back(h);
    hidden.widest = std::max(hidden.widest, d_ff);
    for (Index r = 0; r < rows.n(); ++r, h += d_ff) hidden.slots.push_back({h, d_ff});
  }
  return hidden;
}

/// h = act(gate) * up of a group, or act(up).
void activate_group(const Hidden& hidden, std::size_t g, const LinearRun& run) {
  const ExpertRows& rows = run.space.experts[g];
  float* h = hidden.groups[g];
  const float* u = run.space.up.data() + (h - run.space.gate.data());
  activate(run.isa, rows.part->activation, h, rows.part->gate != nullptr ? u : nullptr,
           rows.n() * rows.part->up->n_out);
}

/// Outputs [begin, end), at most kMostOutputs, of all groups, added to y with their weights; sums (slots,
/// end - begin).
void add_sums_of_slots(const Hidden& hidden, Index begin, Index end, float* y, float* sums,
                       const LinearRun& run) {
  const Index n = end - begin;
  for (std::size_t g = 0; g < run.space.experts.size(); ++g) {
    const ExpertRows& rows = run.space.experts[g];
    const StoredMatrix& down = stored(*rows.part->down);
    dot(down, begin, end, {rows.n(), run.space.quantised.data() + rows.begin, hidden.groups[g]},
        rows.part->down_bias, sums, n, false, 1);
    for (Index r = 0; r < rows.n(); ++r) {
      const ExpertSlot& slot = run.space.slots[static_cast<std::size_t>(rows.begin + r)];
      run.isa.add_scaled(sums + r * n, n, slot.weight, y + slot.row * down.n_out + begin);
    }
  }
}

}  // namespace

void decode_experts(const float* x, Index n_rows, float* y, bool add, const LinearRun& run) {
  make_hidden_of_slots(x, n_rows, run);
  const Hidden hidden = hidden_layers(run);
  const auto n_groups = static_cast<Index>(hidden.groups.size()),
             n_slots = static_cast<Index>(hidden.slots.size());
  if (n_rows < kManyRows)
    for (std::size_t g = 0; g < hidden.groups.size(); ++g) activate_group(hidden, g, run);
  else
    run.context.parallel_for(n_groups,
                             [&](Index g, int) { activate_group(hidden, static_cast<std::size_t>(g), run); });
  run.space.quantised.resize(static_cast<std::size_t>(n_slots));
  if (any_reads(true, run, of_sum))
    quantise_rows(
        n_slots, hidden.widest, [&](Index s) { return hidden.slots[static_cast<std::size_t>(s)]; }, run);
  const Index n_out = run.space.experts[0].part->down->n_out;
  const Index each = outputs_of_item(n_out, run.context.threads());
  for (LinearScratch& scratch : run.space.threads) scratch.gate.reserve(n_slots * each);
  run.context.parallel_for((n_out + each - 1) / each, [&](Index i, int thread) {
    const Index begin = i * each, end = std::min(n_out, begin + each);
    for (Index r = 0; r < n_rows && !add; ++r) std::fill_n(y + r * n_out + begin, end - begin, 0.0f);
    add_sums_of_slots(hidden, begin, end, y, run.space.threads[static_cast<std::size_t>(thread)].gate.data(),
                      run);
  });
}

}  // namespace rw::cpu
