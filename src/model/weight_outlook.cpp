// SPDX-License-Identifier: Apache-2.0
#include "model/weight_outlook.h"

#include <fmt/format.h>

#include <cmath>

#include "core/progress.h"
#include "core/text.h"
#include "model/sequence.h"
#include "model/weights.h"

namespace rw {
namespace {

std::string gigabytes(double bytes) {
  return bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6) : fmt::format("{:.1f} GB", bytes / 1e9);
}

std::string per_second(double tokens) {
  if (tokens < 1) return fmt::format("a token in {}", time_text(1 / tokens));
  return tokens < 10 ? fmt::format("{:.1f} tokens/s", tokens) : fmt::format("{:.0f} tokens/s", tokens);
}

/// A matrix of a layer, of one that stays in memory where one does.
const Matrix& some_matrix(const WeightPlan& plan, const Weights& weights) {
  const Matrix* found = weights.output.get();
  for (std::size_t i = weights.layers.size(); i-- > 0;) {
    const LayerWeights& w = weights.layers[i];
    const Matrix* one = w.w_up != nullptr ? w.w_up.get() : w.wo.get();
    if (one != nullptr) found = one;
    if (one != nullptr && !plan.streams_dense[i]) break;
  }
  return *found;
}

/// Bytes/s of weights in products of n rows.
double product_speed(const Matrix& w, const Backend& backend, Index n_rows, Stage stage) {
  constexpr double kLong = 0.2;
  const auto x = backend.buffer(n_rows * w.n_in), y = backend.buffer(n_rows * w.n_out);
  const Output output{.w = &w, .y = y.get()};
  const auto multiply = [&] { backend.linear({.x = x.get(), .n_rows = n_rows}, {&output, 1}, stage); };
  multiply();  // its pages, and what threads need
  const double start = now_seconds();
  int n = 0;
  do multiply(), ++n;
  while (now_seconds() - start < kLong);
  return static_cast<double>(n) * static_cast<double>(w.file_bytes) / (now_seconds() - start);
}

}  // namespace

WeightOutlook weight_outlook(const WeightPager& pager, const Weights* weights, const Backend* backend) {
  constexpr Index kRows = 128;  // of a chunk: speed grows with rows up to about so many
  WeightOutlook outlook{.plan = pager.plan(), .speeds = {}, .times = {}};
  if (outlook.plan.fits()) return outlook;
  outlook.speeds = {.disk = pager.measure_disk(), .written = INFINITY, .chunk = INFINITY};
  if (weights != nullptr) {
    const Matrix& w = some_matrix(outlook.plan, *weights);
    outlook.speeds.written = product_speed(w, *backend, 1, Stage::kDecode);
    outlook.speeds.chunk = product_speed(w, *backend, kRows, Stage::kPrefill) * kRows / kDefaultChunk;
  }
  outlook.times = pass_times(outlook.plan, outlook.speeds);
  return outlook;
}

std::string words_of(const WeightOutlook& outlook) {
  const WeightPlan& plan = outlook.plan;
  if (plan.fits()) return "";
  const bool experts = plan.written_products < 0.9 * static_cast<double>(plan.bytes);
  std::string words = fmt::format(
      "weights {}, memory for them {}: {} are read from the disk for each token written{}, at {}/s (measured "
      "now): about {} while the disk keeps that speed",
      gigabytes(static_cast<double>(plan.bytes)), gigabytes(static_cast<double>(plan.room)),
      gigabytes(plan.written_bytes), experts ? ", or less if some experts are chosen more often" : "",
      gigabytes(outlook.speeds.disk), per_second(1 / outlook.times.written));
  if (outlook.times.chunk > 0)
    words += fmt::format("; a prompt is read with about {}",
                         per_second(static_cast<double>(kDefaultChunk) / outlook.times.chunk));
  return words + "; a file with smaller weights, or more memory, is faster";
}

Json json_of(const WeightOutlook& outlook) {
  const WeightPlan& plan = outlook.plan;
  Json j{{"bytes", plan.bytes}, {"room", plan.room == SIZE_MAX ? Json(nullptr) : Json(plan.room)}};
  if (plan.fits()) return j;
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  j["read_for_token"] = std::llround(plan.written_bytes);
  j["read_for_chunk"] = std::llround(plan.chunk_bytes);
  j["disk"] = number(outlook.speeds.disk);
  j["written"] = number(1 / outlook.times.written);
  j["read"] = number(static_cast<double>(kDefaultChunk) / outlook.times.chunk);
  return j;
}

}  // namespace rw
