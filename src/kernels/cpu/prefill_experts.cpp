// SPDX-License-Identifier: Apache-2.0
/// Experts of many rows: rows are grouped by expert, so that an expert's weights are expanded once for all
/// rows that chose it. Hidden layers are split over threads by expert and panels; sums by outputs, for all
/// experts, so that what an expert adds to a row goes where the row lies, in the order of experts.
#include "kernels/cpu/panels.h"

namespace rw::cpu {
namespace {

/// The rows of one expert in the buffers of the call.
struct Grouped {
  const ExpertRows* rows;
  RowLayout x, hidden;
  std::byte *x_begin, *hidden_begin;
};

/// Panels [begin, end) of a group's hidden layer.
struct HiddenItem {
  const Grouped* group;
  Index begin, end;
};

/// The groups, with room for their rows and hidden layers in the buffers of the call.
std::vector<Grouped> grouped(const LinearRun& run) {
  Workspace& space = run.space;
  std::vector<Grouped> groups;
  Index x_bytes = 0, hidden_bytes = 0;
  for (const ExpertRows& rows : space.experts) {
    const StoredMatrix& up = stored(*rows.part->up);
    groups.push_back(
        {&rows, {run.isa, up.precision, up.n_in}, {run.isa, up.precision, up.n_out}, nullptr, nullptr});
    x_bytes += groups.back().x.bytes(rows.n()), hidden_bytes += groups.back().hidden.bytes(rows.n());
  }
  space.rounded.reserve(x_bytes), space.hidden.reserve(hidden_bytes);
  std::byte *x = space.rounded.data(), *hidden = space.hidden.data();
  for (Grouped& group : groups) {
    group.x_begin = x, group.hidden_begin = hidden;
    x += group.x.bytes(group.rows->n()), hidden += group.hidden.bytes(group.rows->n());
  }
  return groups;
}

/// Rows of x where their experts read them, rounded.
void gather(const float* x, const std::vector<Grouped>& groups, const LinearRun& run) {
  std::vector<std::pair<const Grouped*, Index>> blocks;  // of 16 rows
  for (const Grouped& group : groups)
    for (Index row = 0; row < group.rows->n(); row += 16) blocks.push_back({&group, row});
  run.context.parallel_for(static_cast<Index>(blocks.size()), [&](Index i, int) {
    const auto& [group, begin] = blocks[static_cast<std::size_t>(i)];
    const Index n_in = group->rows->part->up->n_in;
    for (Index r = begin; r < std::min(group->rows->n(), begin + 16); ++r) {
      const ExpertSlot& slot = run.space.slots[static_cast<std::size_t>(group->rows->begin + r)];
      group->x.put(group->x_begin, r, 0, x + slot.row * n_in, n_in);
    }
  });
}

void make_hidden(const HiddenItem& item, LinearScratch& mine, const LinearRun& run) {
  const FeedForward& part = *item.group->rows->part;
  const bool gated = part.gate != nullptr;
  const StoredMatrix &up = stored(*part.up), &first = gated ? stored(*part.gate) : up;
  const std::byte* firsts = expand(first, item.begin, item.end, mine.panels[0]);
  const std::byte* ups = gated ? expand(up, item.begin, item.end, mine.panels[1]) : nullptr;
  mine.gate.reserve(kRowsPerHidden * 2 * kLanes);
  mine.up.reserve(kRowsPerHidden * 2 * kLanes);
  const Part all{item.begin, item.end, 0, item.group->rows->n()};
  for_blocks(all, kRowsPerHidden, [&](Index row, Index n, Index panel, Index n_panels) {
    float *h = mine.gate.data(), *u = gated ? mine.up.data() : nullptr;
    const Index width = std::min(up.n_out, (panel + n_panels) * kLanes) - panel * kLanes;
    const auto make = [&](const StoredMatrix& w, const std::byte* panels, const float* bias, float* y) {
      multiply(w, panel, panel + n_panels, panels + (panel - item.begin) * panel_bytes(w),
               item.group->x_begin + item.group->x.offset(row, 0), item.group->x, n,
               bias != nullptr ? bias + panel * kLanes : nullptr, false, 1, y, width);
    };
    make(first, firsts, gated ? part.gate_bias : part.up_bias, h);
    if (gated) make(up, ups, part.up_bias, u);
    activate(run.isa, part.activation, h, u, n * width);
    item.group->hidden.put_block(item.group->hidden_begin, row, n, panel * kLanes, h, width);
  });
}

/// Outputs of panels [begin, end), at most two, of one group's rows, added to y with their weights.
void add_sums(const Grouped& group, Index begin, Index end, float* y, LinearScratch& mine,
              const LinearRun& run) {
  const FeedForward& part = *group.rows->part;
  const StoredMatrix& down = stored(*part.down);
  const Index first = begin * kLanes, width = std::min(down.n_out, end * kLanes) - first;
  const std::byte* panels = expand(down, begin, end, mine.panels[0]);
  mine.gate.reserve(kRowsPerBlock * 2 * kLanes);
  float* sums = mine.gate.data();
  for (Index row = 0; row < group.rows->n(); row += kRowsPerBlock) {
    const Index n = std::min(kRowsPerBlock, group.rows->n() - row);
    multiply(down, begin, end, panels, group.hidden_begin + group.hidden.offset(row, 0), group.hidden, n,
             part.down_bias != nullptr ? part.down_bias + first : nullptr, false, 1, sums, width);
    for (Index r = 0; r < n; ++r) {
      const ExpertSlot& slot = run.space.slots[static_cast<std::size_t>(group.rows->begin + row + r)];
      run.isa.add_scaled(sums + r * width, width, slot.weight, y + slot.row * down.n_out + first);
    }
  }
}

}  // namespace

void prefill_experts(const float* x, Index n_rows, float* y, bool add, const LinearRun& run) {
  const std::vector<Grouped> groups = grouped(run);
  gather(x, groups, run);
  std::vector<HiddenItem> items;
  for (const Grouped& group : groups) {
    const StoredMatrix& up = stored(*group.rows->part->up);
    const Index each = panels_per_item(up, group.rows->part->gate != nullptr ? 2 : 1, 1);
    for (Index begin = 0; begin < up.n_panels(); begin += each)
      items.push_back({&group, begin, std::min(up.n_panels(), begin + each)});
  }
  run.context.parallel_for(static_cast<Index>(items.size()), [&](Index i, int thread) {
    make_hidden(items[static_cast<std::size_t>(i)], run.space.threads[static_cast<std::size_t>(thread)], run);
  });
  const StoredMatrix& down = stored(*groups[0].rows->part->down);
  run.context.parallel_for((down.n_panels() + 1) / 2, [&](Index i, int thread) {
    const Index begin = 2 * i, end = std::min(down.n_panels(), begin + 2);
    const Index width = std::min(down.n_out, end * kLanes) - begin * kLanes;
    for (Index r = 0; r < n_rows && !add; ++r) std::fill_n(y + r * down.n_out + begin * kLanes, width, 0.0f);
    for (const Grouped& group : groups)
      add_sums(group, begin, end, y, run.space.threads[static_cast<std::size_t>(thread)], run);
  });
}

}  // namespace rw::cpu
