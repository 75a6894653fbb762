// SPDX-License-Identifier: Apache-2.0
/// A mixture of experts: who computes which rows. What they compute is in prefill_experts.cpp and
/// decode_experts.cpp.
#include <cmath>

#include "core/error.h"
#include "kernels/cpu/linear.h"

namespace rw::cpu {
namespace {

/// space.choices of all rows of the input; the shared part is one expert more.
void choose(const Input& input, const Experts& layer, Stage stage, const LinearRun& run) {
  const Index n = layer.routing.n_experts, n_rows = input.n_rows;
  const bool gated = layer.shared_gate != nullptr;
  run.space.logits.reserve(n_rows * (n + 1));
  float *logits = run.space.logits.data(), *gate = logits + n_rows * n;
  const Output outputs[] = {{.w = layer.router, .bias = layer.router_bias, .y = logits},
                            {.w = layer.shared_gate, .y = gate}};
  linear(input, {outputs, gated ? 2U : 1U}, stage, run);
  run.space.choices.resize(static_cast<std::size_t>(n_rows));
  run.context.parallel_blocks(n_rows, 16, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      std::vector<Choice>& mine = run.space.choices[static_cast<std::size_t>(r)];
      mine = route(layer.routing, logits + r * n);
      if (layer.shared != nullptr) mine.push_back({n, gated ? 1 / (1 + std::exp(-gate[r])) : 1.0f});
    }
  });
}

/// space.slots and space.experts of space.choices: rows grouped by what computes them, experts in their order
/// and rows in theirs.
void group(const Experts& layer, const LinearRun& run) {
  Workspace& space = run.space;
  const auto n_parts = static_cast<std::size_t>(layer.routing.n_experts) + 1;
  std::vector<Index> next(n_parts + 1);
  for (const auto& row : space.choices)
    for (const Choice& choice : row) ++next[static_cast<std::size_t>(choice.expert) + 1];
  for (std::size_t e = 1; e <= n_parts; ++e) next[e] += next[e - 1];
  space.experts.clear();
  for (std::size_t e = 0; e < n_parts; ++e)
    if (next[e] < next[e + 1])
      space.experts.push_back({e + 1 < n_parts ? &layer.each[e] : layer.shared, next[e], next[e + 1]});
  space.slots.resize(static_cast<std::size_t>(next.back()));
  for (std::size_t r = 0; r < space.choices.size(); ++r)
    for (const Choice& choice : space.choices[r]) {
      const auto e = static_cast<std::size_t>(choice.expert);
      const FeedForward& part = e + 1 < n_parts ? layer.each[e] : *layer.shared;
      space.slots[static_cast<std::size_t>(next[e]++)] = {static_cast<Index>(r),
                                                          choice.weight * part.scale * layer.scale};
    }
}

}  // namespace

void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage,
             const LinearRun& run) {
  if (input.n_rows == 0) return;
  const Index n_in = layer.router->n_in;
  RW_CHECK(static_cast<Index>(layer.each.size()) == layer.routing.n_experts);
  RW_CHECK(layer.router->n_out == layer.routing.n_experts);
  // linear() leaves space.normed alone where its input has no norm: what has one goes first.
  if (layer.router_norm != nullptr)
    choose({.x = input.x, .n_rows = input.n_rows, .norm = layer.router_norm}, layer, stage, run);
  // x may lie where y is written, since each stage copies what it reads.
  const float* x = normed_rows(input, n_in, run);
  if (layer.router_norm == nullptr) choose({.x = x, .n_rows = input.n_rows}, layer, stage, run);
  group(layer, run);
  if (layer.ahead != nullptr)
    for (const ExpertRows& rows : run.space.experts)
      if (rows.part != layer.shared) (*layer.ahead)(rows.part - layer.each.data());
  for (const ExpertRows& rows : run.space.experts) {
    const FeedForward& part = *rows.part;
    RW_CHECK(part.up->n_in == n_in && part.down->n_in == part.up->n_out && part.down->n_out == n_in);
    RW_CHECK(part.gate == nullptr || (part.gate->n_in == n_in && part.gate->n_out == part.up->n_out));
    for (const Matrix* w : {part.gate, part.up, part.down})
      RW_CHECK(w == nullptr || &stored(*w).isa == &run.isa);
  }
  (stage == Stage::kPrefill ? prefill_experts : decode_experts)(x, input.n_rows, y, add, run);
}

}  // namespace rw::cpu
