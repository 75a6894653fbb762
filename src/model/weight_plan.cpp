// SPDX-License-Identifier: Apache-2.0
#include "model/weight_plan.h"

#include <algorithm>
#include <functional>

#include "formats/mapped_file.h"
#include "formats/tensor_name.h"
#include "model/tensors.h"

namespace rw {
namespace {

std::vector<MappedPart> parts_of(const ModelFile& file, const TensorInfo& tensor) {
  std::vector<MappedPart> parts;
  const auto add = [&](std::span<const std::byte> bytes) {
    for (const MappedFile* one : file.mapped())
      if (one->holds(bytes)) return parts.push_back({one, bytes});
  };
  if (!tensor.bytes.empty()) add(tensor.bytes);
  for (const auto piece : tensor.pieces) add(piece);
  return parts;
}

/// Parts that lie side by side, but for what aligns them, as one.
std::vector<MappedPart> joined(std::vector<MappedPart> parts) {
  constexpr std::ptrdiff_t kGap = 4096;
  std::sort(parts.begin(), parts.end(), [](const MappedPart& a, const MappedPart& b) {
    return std::less<>()(a.bytes.data(), b.bytes.data());
  });
  std::vector<MappedPart> all;
  for (const MappedPart& part : parts) {
    const std::byte* end = part.bytes.data() + part.bytes.size();
    const bool near = !all.empty() && all.back().file == part.file &&
                      part.bytes.data() - (all.back().bytes.data() + all.back().bytes.size()) <= kGap;
    if (near)
      all.back().bytes = {all.back().bytes.data(),
                          std::max(end, all.back().bytes.data() + all.back().bytes.size())};
    else
      all.push_back(part);
  }
  return all;
}

std::size_t bytes_of(const std::vector<MappedPart>& parts) {
  std::size_t bytes = 0;
  for (const MappedPart& part : parts) bytes += part.bytes.size();
  return bytes;
}

/// A stack's parts are the experts' in turn: one part for all, or equally many for each.
void add_experts(const std::vector<MappedPart>& parts, std::size_t n, WeightUnit& unit) {
  unit.experts.resize(n);
  unit.expert_bytes += bytes_of(parts);
  for (const MappedPart& part : parts) {
    const std::size_t n_in_part = std::max<std::size_t>(1, n / parts.size()),
                      each = part.bytes.size() / n_in_part;
    const std::size_t first = static_cast<std::size_t>(&part - parts.data()) * n / parts.size();
    for (std::size_t e = 0; e < n_in_part && first + e < n; ++e)
      unit.experts[first + e].push_back({part.file, part.bytes.subspan(e * each, each)});
  }
}

/// Which of n things stream, k of them spread evenly.
bool streams_at(std::size_t i, std::size_t k, std::size_t n) { return (i + 1) * k / n > i * k / n; }

/// The fewest of the layers, by `bytes` of each, whose streaming leaves the others room.
std::vector<bool> streaming(const std::vector<std::size_t>& bytes, std::size_t room) {
  const std::size_t n = bytes.size();
  std::vector<bool> streams(n);
  for (std::size_t k = 0; k <= n; ++k) {
    std::size_t kept = 0, largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
      streams[i] = streams_at(i, k, n);
      if (!streams[i])
        kept += bytes[i];
      else
        largest = std::max(largest, bytes[i]);
    }
    if (kept + 2 * largest <= room) break;
  }
  return streams;
}

}  // namespace

Taken taken_by(const ModelConfig& config, Index n_rows) {
  const auto few = [n_rows](const LayerSpec& spec) {
    return n_rows * spec.ffn.experts.n_used < spec.ffn.experts.n_experts;
  };
  return std::any_of(config.layers.begin(), config.layers.end(), few) ? Taken::kSomeExperts
                                                                      : Taken::kAllExperts;
}

MappedWeights mapped_weights(const ModelFile& file, const ModelConfig& config) {
  MappedWeights weights;
  weights.units.resize(static_cast<std::size_t>(config.n_layers()) + 1);
  for (const NeededTensor& needed : needed_tensors(config)) {
    const TensorInfo& tensor = file.tensor(needed.name);
    if (!tensor.relaid.empty()) weights.packed_bytes += tensor.n_bytes();
    const std::vector<MappedPart> parts = parts_of(file, tensor);
    const std::optional<NameInLayer> in = name_in_layer(needed.name);
    const std::size_t place = in ? static_cast<std::size_t>(in->layer) : weights.units.size() - 1;
    const bool table = needed.name == "per_layer_token_embd.weight" ||
                       (needed.name == "token_embd.weight" && !config.tied_embeddings);
    if (table) {
      weights.tables.insert(weights.tables.end(), parts.begin(), parts.end());
      continue;
    }
    WeightUnit& unit = weights.units[place];
    if (needed.name.ends_with("_exps.weight")) {
      const ExpertsSpec& experts = config.layers[place].ffn.experts;
      unit.stacks.insert(unit.stacks.end(), parts.begin(), parts.end());
      add_experts(parts, static_cast<std::size_t>(experts.n_experts), unit);
      unit.share_used = static_cast<double>(experts.n_used) / static_cast<double>(experts.n_experts);
      continue;
    }
    unit.dense.insert(unit.dense.end(), parts.begin(), parts.end());
    unit.dense_bytes += bytes_of(parts);
  }
  for (WeightUnit& unit : weights.units) {
    unit.dense = joined(std::move(unit.dense)), unit.stacks = joined(std::move(unit.stacks));
    weights.bytes += unit.dense_bytes + unit.expert_bytes;
  }
  return weights;
}

WeightPlan plan_weights(const MappedWeights& weights, std::size_t room) {
  WeightPlan plan{.bytes = weights.bytes, .room = room};
  const std::vector<WeightUnit>& units = weights.units;
  plan.streams_dense.resize(units.size()), plan.streams_experts.resize(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    const double used = static_cast<double>(units[i].dense_bytes) +
                        static_cast<double>(units[i].expert_bytes) * units[i].share_used;
    plan.written_products += used;
    if (i + 1 < units.size()) plan.chunk_products += used;
  }
  if (units.empty() || plan.fits()) return plan;
  std::vector<std::size_t> dense, experts;
  for (std::size_t i = 0; i + 1 < units.size(); ++i)
    dense.push_back(units[i].dense_bytes), experts.push_back(units[i].expert_bytes);
  const auto less = [](std::size_t from, std::size_t what) { return from - std::min(from, what); };
  // The last one stays where it can: a prompt reads it once, and layers in every chunk.
  std::size_t left = less(room, units.back().dense_bytes);
  plan.streams_dense.back() = units.back().dense_bytes > room;
  if (plan.streams_dense.back()) left = room;
  std::vector<bool> streams = streaming(dense, left);
  double all_experts = 0, used_experts = 0;
  for (std::size_t i = 0, largest = 0; i < dense.size(); ++i) {
    plan.streams_dense[i] = streams[i];
    plan.chunk_bytes += streams[i] ? static_cast<double>(dense[i]) : 0;
    left = less(left, streams[i] ? 2 * less(dense[i], largest) : dense[i]);
    if (streams[i]) largest = std::max(largest, dense[i]);
    all_experts += static_cast<double>(experts[i]);
    used_experts += static_cast<double>(experts[i]) * units[i].share_used;
  }
  plan.written_bytes = plan.chunk_bytes;
  if (plan.streams_dense.back()) plan.written_bytes += static_cast<double>(units.back().dense_bytes);
  streams = streaming(experts, left);
  for (std::size_t i = 0; i < experts.size(); ++i) {
    plan.streams_experts[i] = streams[i] && experts[i] > 0;
    if (plan.streams_experts[i]) plan.chunk_bytes += static_cast<double>(experts[i]);
  }
  if (all_experts > 0)
    plan.written_bytes += used_experts * (1 - std::min(1.0, static_cast<double>(left) / all_experts));
  return plan;
}

PassTimes pass_times(const WeightPlan& plan, const PassSpeeds& speeds) {
  return {.written = std::max(plan.written_bytes / speeds.disk, plan.written_products / speeds.written),
          .chunk = std::max(plan.chunk_bytes / speeds.disk, plan.chunk_products / speeds.chunk)};
}

}  // namespace rw
