// SPDX-License-Identifier: Apache-2.0
#include "model/recurrent.h"

#include <cmath>

#include "model/recurrent_operations.h"

namespace rw {
namespace {

/// Of a vector, what begins at `offset`: the same memory.
Vector from(const Vector& all, Index offset) {
  return all == nullptr ? nullptr : Vector(all, all.get() + offset);
}

void load_short_convolution(Loader& load, Index width, const std::string& blk, LayerWeights& w) {
  const WeightRows in = load.rows(blk + "shortconv.in_proj.weight");
  RecurrentWeights& r = w.recurrent;
  r.w_before = load.made_of(in.part(0, width));
  r.w_gate = load.made_of(in.part(width, width));
  r.wv = load.made_of(in.part(2 * width, width));
  r.taps_v = load.vector(blk + "shortconv.conv.weight");
  w.wo = load.matrix(blk + "shortconv.out_proj.weight");
}

/// The convolution's channels are those of q, k and v, in the order of `first`: where each begins.
struct Channels {
  Index q, k, v;
};

void load_convolution(Loader& load, const RecurrenceSpec& spec, const std::string& blk, Channels first,
                      RecurrentWeights& r) {
  const Vector taps = load.vector(blk + "ssm_conv1d.weight");
  const Vector bias = spec.convolution_bias ? load.vector(blk + "ssm_conv1d.bias") : nullptr;
  r.taps_q = from(taps, first.q * spec.n_taps), r.bias_q = from(bias, first.q);
  r.taps_k = from(taps, first.k * spec.n_taps), r.bias_k = from(bias, first.k);
  r.taps_v = from(taps, first.v * spec.n_taps), r.bias_v = from(bias, first.v);
}

void load_state_space(Loader& load, const RecurrenceSpec& spec, const std::string& blk, RecurrentWeights& r) {
  const Index keys = spec.key_width(), values = spec.value_width();
  const WeightRows in = load.rows(blk + "ssm_in.weight");  // gate, then v, k, q, then steps
  r.w_gate = load.made_of(in.part(0, values));
  r.wv = load.made_of(in.part(values, values));
  r.wk = load.made_of(in.part(2 * values, keys));
  r.wq = load.made_of(in.part(2 * values + keys, keys));
  r.w_step = load.made_of(in.part(2 * values + 2 * keys, spec.n_heads), Precision::kF32);
  load_convolution(load, spec, blk, {.q = values + keys, .k = values, .v = 0}, r);
  r.skip = load.vector(blk + "ssm_d");
}

void load_delta_rule(Loader& load, const RecurrenceSpec& spec, const std::string& blk, RecurrentWeights& r) {
  const Index keys = spec.key_width();
  const WeightRows in = load.rows(blk + "attn_qkv.weight");
  r.wq = load.made_of(in.part(0, keys));
  r.wk = load.made_of(in.part(keys, keys));
  r.wv = load.made_of(in.part(2 * keys, spec.value_width()));
  r.w_gate = load.matrix(blk + "attn_gate.weight");
  r.w_step = load.router(blk + "ssm_alpha.weight");
  r.w_weight = load.router(blk + "ssm_beta.weight");
  load_convolution(load, spec, blk, {.q = 0, .k = keys, .v = 2 * keys}, r);
  // A norm gives rows of length sqrt(key_dim); they become 1, and q is divided by sqrt(key_dim) once more.
  const auto n = static_cast<std::size_t>(spec.key_dim);
  const float unit = 1 / std::sqrt(static_cast<float>(spec.key_dim));
  r.unit_k = load.made_of(std::vector<float>(n, unit));
  r.unit_q = load.made_of(std::vector<float>(n, unit * unit));
}

/// One part of the convolved rows (n_rows, width), in place; `columns`: where it begins in a layer's state.
void convolve_part(const LayerPass& layer, Index width, const Vector& taps, const Vector& bias, bool silu,
                   Index columns, float* x, Activations& a) {
  a.convolutions.clear();
  for (const Piece& piece : layer.pieces)
    a.convolutions.push_back({.x = x + piece.row * width,
                              .n_rows = piece.n(),
                              .columns = piece.sequence->states.of(layer.index) + columns});
  layer.backend.convolve(a.convolutions, {.taps = taps.get(),
                                          .bias = bias.get(),
                                          .width = width,
                                          .n_taps = layer.spec.recurrence.n_taps,
                                          .silu = silu});
}

const float* short_convolution(const LayerPass& layer, const Rows& all, const Norm* norm, Activations& a) {
  const Backend& b = layer.backend;
  const RecurrentWeights& w = layer.w.recurrent;
  const Index width = layer.spec.recurrence.value_width(), n = all.n() * width;
  float *x = a.k.reserve(b, n), *v = a.v.reserve(b, n), *gate = a.gate.reserve(b, n);
  linear(b, all, {.x = all.x, .norm = norm},
         {{.w = w.w_before.get(), .y = x}, {.w = w.wv.get(), .y = v}, {.w = w.w_gate.get(), .y = gate}});
  b.activate(x, v, n, Activation::kIdentity);
  convolve_part(layer, width, w.taps_v, nullptr, false, 0, x, a);
  b.activate(gate, x, n, Activation::kIdentity);
  return gate;
}

/// q, k and v, convolved: (n_rows, key_width) x 2, (n_rows, value_width).
struct Convolved {
  float *q, *k, *v;
};

Convolved project_and_convolve(const LayerPass& layer, const Rows& all, const Norm* norm, Activations& a) {
  const Backend& b = layer.backend;
  const RecurrentWeights& w = layer.w.recurrent;
  const RecurrenceSpec& spec = layer.spec.recurrence;
  const Index keys = spec.key_width(), values = spec.value_width(), n_before = spec.n_taps - 1;
  const Convolved rows{.q = a.q.reserve(b, all.n() * keys),
                       .k = a.k.reserve(b, all.n() * keys),
                       .v = a.v.reserve(b, all.n() * values)};
  const Input x{.x = all.x, .norm = norm};
  linear(b, all, x,
         {{.w = w.wq.get(), .y = rows.q},
          {.w = w.wk.get(), .y = rows.k},
          {.w = w.wv.get(), .y = rows.v},
          {.w = w.w_gate.get(), .y = a.gate.reserve(b, all.n() * values)}});
  const Index n = all.n() * spec.n_heads;
  const Output to_step{.w = w.w_step.get(), .y = a.step.reserve(b, n)};
  if (w.w_weight != nullptr)
    linear(b, all, x, {to_step, {.w = w.w_weight.get(), .y = a.weight.reserve(b, n)}});
  else
    linear(b, all, x, {to_step});
  convolve_part(layer, keys, w.taps_q, w.bias_q, true, 0, rows.q, a);
  convolve_part(layer, keys, w.taps_k, w.bias_k, true, n_before * keys, rows.k, a);
  convolve_part(layer, values, w.taps_v, w.bias_v, true, 2 * n_before * keys, rows.v, a);
  return rows;
}

/// v becomes what the recurrence gives.
void recur_rows(const LayerPass& layer, const Convolved& rows, Activations& a) {
  const RecurrentWeights& w = layer.w.recurrent;
  const RecurrenceSpec& spec = layer.spec.recurrence;
  const Index keys = spec.key_width(), values = spec.value_width();
  a.recurrences.clear();
  for (const Piece& piece : layer.pieces)
    a.recurrences.push_back(
        {.q = rows.q + piece.row * keys,
         .k = rows.k + piece.row * keys,
         .v = rows.v + piece.row * values,
         .step = a.step.owner.get() + piece.row * spec.n_heads,
         .weight = w.w_weight != nullptr ? a.weight.owner.get() + piece.row * spec.n_heads : nullptr,
         .out = rows.v + piece.row * values,
         .state = piece.sequence->states.of(layer.index) + (spec.n_taps - 1) * spec.convolved_width(),
         .n_rows = piece.n()});
  layer.backend.recur(a.recurrences, recurrence_of(spec, w));
}

}  // namespace

Recurrence recurrence_of(const RecurrenceSpec& spec, const RecurrentWeights& w) {
  return {.n_heads = spec.n_heads,
          .n_key_heads = spec.n_key_heads,
          .key_dim = spec.key_dim,
          .value_dim = spec.value_dim,
          .delta = spec.kind == RecurrenceKind::kDeltaRule,
          .tiled = spec.tiled,
          .rate = w.rate.get(),
          .rate_is_log = w.rate_is_log,
          .step_bias = w.step_bias.get(),
          .least_step = spec.least_step,
          .greatest_step = spec.greatest_step,
          .skip = w.skip.get()};
}

Norm unit_norm(const RecurrenceSpec& spec, const Vector& unit) {
  return {.weight = unit.get(),
          .eps = 1e-6f / static_cast<float>(spec.key_dim)};  // of the mean of squares, as of their sum 1e-6
}

Norm norm_behind(const LayerSpec& layer, const RecurrentWeights& w) {
  Norm norm{.weight = w.norm.get(), .eps = layer.norm_eps};
  if (layer.recurrence.kind == RecurrenceKind::kStateSpace) norm.n_weights = layer.recurrence.n_norm_groups;
  return norm;
}

void load_recurrence(Loader& load, const LayerSpec& layer, const std::string& blk, LayerWeights& w) {
  const RecurrenceSpec& spec = layer.recurrence;
  if (spec.kind == RecurrenceKind::kShortConvolution)
    return load_short_convolution(load, spec.value_width(), blk, w);
  RecurrentWeights& r = w.recurrent;
  if (spec.kind == RecurrenceKind::kStateSpace)
    load_state_space(load, spec, blk, r);
  else
    load_delta_rule(load, spec, blk, r);
  const std::string rate = blk + (spec.rate_is_log ? "ssm_a_log" : "ssm_a");
  if (load.rates_are_logs()) {
    r.rate = load.vector(rate), r.rate_is_log = true;
  } else {
    std::vector<float> numbers = load.numbers(rate, spec.n_heads);
    for (float& a : numbers) a = spec.rate_is_log ? -std::exp(a) : a;
    r.rate = load.made_of(numbers);
  }
  r.step_bias = load.vector(blk + "ssm_dt.bias");
  r.norm = load.vector(blk + "ssm_norm.weight");
  w.wo = load.matrix(blk + "ssm_out.weight");
}

const float* recur(const LayerPass& layer, const Rows& all, Activations& a) {
  const Backend& b = layer.backend;
  const RecurrenceSpec& spec = layer.spec.recurrence;
  const Norm before = norm_of(layer.spec, layer.w.attn_norm);
  const Norm* norm = layer.spec.pre_norm ? &before : nullptr;
  if (spec.kind == RecurrenceKind::kShortConvolution) return short_convolution(layer, all, norm, a);
  const Convolved rows = project_and_convolve(layer, all, norm, a);
  float* gate = a.gate.owner.get();
  const Norm behind = norm_behind(layer.spec, layer.w.recurrent);
  if (spec.kind == RecurrenceKind::kStateSpace) {
    recur_rows(layer, rows, a);
    b.activate(gate, rows.v, all.n() * spec.value_width(), Activation::kSilu);
    b.norm(gate, all.n() * spec.n_norm_groups, spec.value_width() / spec.n_norm_groups, behind, gate);
    return gate;
  }
  const RecurrentWeights& w = layer.w.recurrent;
  b.norm(rows.q, all.n() * spec.n_key_heads, spec.key_dim, unit_norm(spec, w.unit_q), rows.q);
  b.norm(rows.k, all.n() * spec.n_key_heads, spec.key_dim, unit_norm(spec, w.unit_k), rows.k);
  recur_rows(layer, rows, a);
  b.norm(rows.v, all.n() * spec.n_heads, spec.value_dim, behind, rows.v);
  b.activate(gate, rows.v, all.n() * spec.value_width(), Activation::kSilu);
  return gate;
}

}  // namespace rw
