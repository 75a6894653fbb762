// SPDX-License-Identifier: Apache-2.0
#include "model/weight_outlook.h"

#include <fmt/format.h>

#include <cmath>

#include "model/sequence.h"

namespace ropewalk {
namespace {

std::string gigabytes(double bytes) { return fmt::format("{:.3g} GB", bytes / 1e9); }

/// Of a speed that the disk bounds.
std::string per_second(double tokens) {
  return tokens < 1 ? fmt::format("a token in {:.2g} s", 1 / tokens) : fmt::format("{:.2g} tokens/s", tokens);
}

WeightSpeeds speeds_of(const WeightPager& pager) {
  return ropewalk::speeds_of(pager.plan(), pager.disk(), kDefaultChunk);
}

}  // namespace

std::string weight_words(const WeightPager& pager) {
  const WeightPlan plan = pager.plan();
  if (plan.fits()) return "";
  const WeightSpeeds speeds = speeds_of(pager);
  std::string words = fmt::format(
      "weights {}, memory for them {}: {} are read from the disk for each token written, at {}/s "
      "(measured now): about {}",
      gigabytes(static_cast<double>(plan.bytes)), gigabytes(static_cast<double>(plan.room)),
      gigabytes(plan.written_bytes), gigabytes(pager.disk()), per_second(speeds.written));
  if (std::isfinite(speeds.read))
    words += fmt::format("; a prompt is read with at most {}", per_second(speeds.read));
  return words + "; a file with smaller weights, or more memory, is faster";
}

Json weight_json(const WeightPager& pager) {
  const WeightPlan plan = pager.plan();
  Json j{{"bytes", plan.bytes}, {"room", plan.room == SIZE_MAX ? Json(nullptr) : Json(plan.room)}};
  if (plan.fits()) return j;
  const WeightSpeeds speeds = speeds_of(pager);
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  j["read_for_token"] = std::llround(plan.written_bytes);
  j["read_for_chunk"] = std::llround(plan.chunk_bytes);
  j["disk"] = number(pager.disk());
  j["written"] = number(speeds.written);
  j["read"] = number(speeds.read);
  return j;
}

}  // namespace ropewalk
