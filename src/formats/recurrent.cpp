// SPDX-License-Identifier: Apache-2.0
/// Tensors of recurrent layers as the engine reads them: shapes without dimensions of 1, and the rows of
/// Qwen3-Next's fused projections, which stand by key head, as the parts that Qwen3.5 stores.
#include <algorithm>
#include <numeric>

#include "formats/fused_parts.h"

namespace rw {
namespace {

struct Groups {
  Index n = 0, key = 0, value = 0;  // key heads; rows of a key, and of the values of a key head
};

std::optional<Groups> groups_of(const LayerNumbers& numbers, Index layer) {
  const auto n = numbers.at("ssm.group_count", layer), heads = numbers.at("ssm.time_step_rank", layer),
             key = numbers.at("ssm.state_size", layer), inner = numbers.at("ssm.inner_size", layer);
  if (!n || !heads || !key || !inner || *inner % *heads != 0 || *heads % *n != 0) return {};
  return Groups{*n, *key, *inner / *n};
}

/// Parts of one tensor behind each other, as runs of equally many rows.
TensorInfo joined(const std::vector<TensorInfo>& parts, const std::string& name) {
  TensorInfo all = parts.front();
  all.name = name, all.shape[0] = 0, all.pieces.clear(), all.bytes = {};
  std::size_t run = 0;
  for (const TensorInfo& part : parts)
    part.for_each_piece([&](std::span<const std::byte> piece) { run = std::gcd(run, piece.size()); });
  for (const TensorInfo& part : parts) {
    all.shape[0] += part.shape[0];
    part.for_each_piece([&](std::span<const std::byte> piece) {
      for (std::size_t at = 0; at < piece.size(); at += run) all.pieces.push_back(piece.subspan(at, run));
    });
  }
  return all;
}

/// For each key head the rows of its query, key, values and gates.
std::vector<TensorInfo> split_qkvz(const TensorInfo& fused, const LayerNumbers& numbers) {
  const auto place = layer_of(fused.name, "ssm_in");
  if (!place || numbers.arch != "qwen3next" || !rows_are_apart(fused) || fused.bytes.empty()) return {};
  const auto g = groups_of(numbers, place->first);
  if (!g || fused.shape[0] != g->n * 2 * (g->key + g->value)) return {};
  const auto part = [&](Index begin, Index count) { return part_of(fused, "", g->n, begin, count); };
  const auto name = [&](const char* of) {
    return fmt::format("blk.{}.{}{}", place->first, of, place->second);
  };
  TensorInfo gate = part(2 * g->key + g->value, g->value);
  gate.name = name("attn_gate");
  return {joined({part(0, g->key), part(g->key, g->key), part(2 * g->key, g->value)}, name("attn_qkv")),
          std::move(gate)};
}

/// For each key head the rows of the weights of its value heads, then of their steps.
std::vector<TensorInfo> split_ba(const TensorInfo& fused, const LayerNumbers& numbers) {
  const auto place = layer_of(fused.name, "ssm_ba");
  if (!place || !rows_are_apart(fused)) return {};
  const auto n = numbers.at("ssm.group_count", place->first),
             heads = numbers.at("ssm.time_step_rank", place->first);
  if (!n || !heads || *heads % *n != 0 || fused.shape[0] != 2 * *heads) return {};
  const auto name = [&](const char* of) {
    return fmt::format("blk.{}.{}{}", place->first, of, place->second);
  };
  return {part_of(fused, name("ssm_beta"), *n, 0, *heads / *n),
          part_of(fused, name("ssm_alpha"), *n, *heads / *n, *heads / *n)};
}

bool is_recurrent(const std::string& name) {
  return name.find(".ssm_") != std::string::npos || name.find(".shortconv.") != std::string::npos;
}

void flatten(TensorInfo& tensor) {
  if (!is_recurrent(tensor.name)) return;
  if (tensor.shape.size() > 1) std::erase(tensor.shape, 1);
  if (tensor.name.ends_with(".ssm_norm.weight") && tensor.shape.size() == 2 && tensor.shape[0] <= (1 << 20) &&
      tensor.shape[1] <= (1 << 20))
    tensor.shape = {tensor.shape[0] * tensor.shape[1]};
}

}  // namespace

std::vector<TensorInfo> split_recurrent(const TensorInfo& fused, const LayerNumbers& numbers) {
  std::vector<TensorInfo> parts = split_qkvz(fused, numbers);
  return parts.empty() ? split_ba(fused, numbers) : parts;
}

void ModelFile::take_recurrent() {
  const bool lfm2 = string("general.architecture").value_or("").starts_with("lfm2");
  const auto is_taken = [&](const TensorInfo& tensor) {
    return is_recurrent(tensor.name) || (lfm2 && tensor.name == "token_embd_norm.weight");
  };
  if (std::none_of(tensors_.begin(), tensors_.end(), is_taken)) return;
  if (fused_.empty()) fused_ = tensors_;
  for (TensorInfo& tensor : tensors_) {
    if (lfm2 && tensor.name == "token_embd_norm.weight") tensor.name = "output_norm.weight";
    flatten(tensor);
  }
  index_tensors();
}

}  // namespace rw
